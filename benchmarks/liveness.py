"""Measure passive liveness on real faces, and fit its parameters.

    benchmarks/liveness.py            print the figures
    benchmarks/liveness.py --fit      also write src/onlyme/liveness/calibration.json

Needs ONLYME_DATA. Folds leave out whole people: the frames of a person are judged by
parameters that were fitted without that person. Undecided counts as not live.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
from liveness_challenge import challenge_figures

from onlyme.evaluate.pad import PresentationCounts
from onlyme.face.models import find_model
from onlyme.face.models.opencv import load_network
from onlyme.face.tracker import FaceContinuity
from onlyme.faceid import networks
from onlyme.image.sources import read_frames
from onlyme.liveness.calibrate import fit_calibration
from onlyme.liveness.fusion import CALIBRATION, Fusion
from onlyme.liveness.judge import LivenessSession
from onlyme.liveness.motion import MotionDetector
from onlyme.liveness.passive import LivenessNetwork
from onlyme.settings import Settings
from onlyme.types import Verdict

LIVE_AT, ATTACK_AT = 0.75, 0.5
FRAMES = 5  # of an attempt, at least
SECONDS = 3.0  # of an attempt, at most
RATE = 15.0  # frames a second that an attempt sees
STILL_CLIPS = {
    "dinoman_bbal7p_live": "96×128 pixels, cut to the face",
    "dinoman_example_live": "96×128 pixels, cut to the face",
    "liveportrait_d18_live": "studio portrait, cut square, the face over 2/3 of its width",
    "liveportrait_d19_live": "studio portrait, cut square, the face over 2/3 of its width",
    "liveportrait_d6_live": "portrait, cut square, the face over 3/4 of its width",
}


@dataclass(frozen=True)
class Shot:
    """One frame: the person, the session, whether it is live, and its log-odds."""

    subject: str
    session: str
    live: bool
    odds: float | None


class Looker:
    """The networks, loaded once."""

    def __init__(self):
        self.pipeline = networks.make_pipeline(Settings.load())
        self.passive = LivenessNetwork(load_network(find_model("liveness")))

    def measure(self, observation):
        """Return the evidence of passive liveness; None without a face."""
        if observation.face is None:
            return None
        return self.passive.look(observation.frame.pixels, observation.face)


def nuaa(looker: Looker, data: Path) -> list[Shot]:
    shots = []
    for path in sorted((data / "nuaa_dev").glob("*/*/*.jpg")):
        evidence = looker.measure(looker.pipeline.look(path))
        session = f"{path.parts[-3]} {path.stem.rpartition('_')[0]}"
        odds = evidence.odds if evidence else None
        shots.append(Shot(path.parts[-2], session, path.parts[-3] == "live", odds))
    return shots


def look_at_clip(looker: Looker, path: Path):
    """Yield the observations of a clip, at most 15 a second, each with its evidence."""
    due = 0.0
    for frame in read_frames(path):
        if frame.at + 1e-3 < due:
            continue
        due = frame.at + 1 / RATE - 1e-3
        observation = looker.pipeline.look(frame)
        yield observation, looker.measure(observation)


def clips(looker: Looker, data: Path):
    return {
        path.stem: list(look_at_clip(looker, path))
        for path in sorted((data / "clips").glob("*.mp4"))
    }


def clip_shots(looked_at) -> list[Shot]:
    """Return the frames of clips for the fit; the first part of a clip's name is the person."""
    shots = []
    for name, observations in looked_at.items():
        who = name.rpartition("_")[0]
        live = name.endswith("_live")
        shots += [Shot(who, name, live, found.odds) for _, found in observations if found]
    return shots


def fitted(shots: list[Shot], network: str) -> Fusion:
    used = [shot for shot in shots if shot.odds is not None]
    odds = np.array([shot.odds for shot in used])
    live = np.array([shot.live for shot in used])
    people = [(shot.subject, shot.live) for shot in used]
    # Every person has the same weight, live and as an attack, with any number of frames.
    weights = np.array([1 / people.count(person) for person in people])
    slope, intercept = fit_calibration(odds, live, weights)
    return Fusion(round(slope, 4), round(intercept, 4), LIVE_AT, ATTACK_AT, network)


def verdict_of(fusion: Fusion, odds: list[float | None]) -> Verdict:
    known = [value for value in odds if value is not None]
    if 2 * len(known) <= len(odds):
        return Verdict.UNDECIDED
    score = fusion.score(sum(known) / len(known))
    if score >= fusion.live:
        return Verdict.LIVE
    return Verdict.ATTACK if score <= fusion.attack else Verdict.UNDECIDED


def tallied(cases, fusions) -> dict[str, PresentationCounts]:
    """Count verdicts: cases are (subject, live, [odds…]); fusions by held-out subject."""
    tallies = {"live": PresentationCounts("live"), "print": PresentationCounts("print")}
    for subject, live, odds in cases:
        tallies["live" if live else "print"].add(verdict_of(fusions[subject], odds))
    return tallies


def sessions_of_three(shots: list[Shot], seed: int = 0):
    rng = np.random.default_rng(seed)
    for _, group in groupby(shots, key=lambda shot: (shot.subject, shot.session)):
        members = list(group)
        chosen = rng.choice(len(members), 3, replace=False)
        yield members[0].subject, members[0].live, [members[i].odds for i in chosen]


def clip_verdicts(looked_at, fusions) -> dict[str, list[Verdict]]:
    """Return the verdicts of each clip's attempts: frames of one face, as on a camera."""
    result = {}
    for name, observations in looked_at.items():
        scene = LivenessSession(fusions[name.rpartition("_")[0]], MotionDetector())
        count, verdicts, began = 0, [], 0.0
        continuity = FaceContinuity()
        for observation, evidence in observations:
            if evidence is None:
                continue
            at, vector = observation.frame.at, observation.embedding.vector
            follows = continuity.add_face(at, observation.face, vector)
            if not follows:
                scene.start_over()
            scene.add(at, evidence)
            count = count + 1 if follows or not count else 1
            began = at if count == 1 else began
            if (count >= FRAMES and scene.is_decided) or at - began > SECONDS:
                verdicts.append(scene.verdict().verdict)
                scene.begin()
                count = 0
        result[name] = verdicts
    return result


def milliseconds(looker: Looker, data: Path) -> tuple[float, float]:
    path = sorted((data / "nuaa_dev/live").glob("*/*.jpg"))[0]
    observation = looker.pipeline.look(path)
    looker.measure(observation)
    times = []
    for _ in range(200):
        start = perf_counter()
        looker.measure(observation)
        times.append(perf_counter() - start)
    return float(np.median(times)) * 1e3, min(times) * 1e3


def write(fusion: Fusion, shots: list[Shot], figures: dict) -> None:
    people = {kind: len({s.subject for s in shots if s.live == kind}) for kind in (True, False)}
    document = {
        "card": {
            "what": "Platt calibration of the liveness network's mean log-odds, and thresholds",
            "fitted on": f"webcam frames of {people[True]} living people and of prints and screens "
            f"showing {people[False]} people; each person weighs the same",
            "judged by": "leaving one person out at a time: benchmarks/liveness.py",
            "thresholds": "undecided lies between even odds and 3 to 1; chosen with these "
            "people in view",
            "limits": "few people, one kind of print, two screens; masks and animated faces fed "
            "in place of the camera were not tried",
            "figures": figures,
        },
        "parameters": {
            "slope": fusion.slope,
            "intercept": fusion.intercept,
            "live": fusion.live,
            "attack": fusion.attack,
            "network": fusion.network,
        },
    }
    CALIBRATION.write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def photo_figures(shots: list[Shot], folds: dict[str, Fusion]) -> dict[str, str]:
    """Print and return the error rates on webcam frames, alone and in threes."""
    figures = {}
    cases = {
        "single frames": [(shot.subject, shot.live, [shot.odds]) for shot in shots],
        "3 frames of a session": list(sessions_of_three(shots)),
    }
    for title, case in cases.items():
        print(f"\nnuaa_dev, {title}, people left out one at a time")
        for tally in tallied(case, folds).values():
            print("  " + tally.format_line())
            figures[f"{title}, {tally.kind}"] = tally.format_line()
        for subject in sorted({shot.subject for shot in shots}):
            own = tallied([c for c in case if c[0] == subject], folds)
            print(f"    {subject}: live {own['live'].live} of {own['live'].total} passed, "
                  f"print {own['print'].live} of {own['print'].total} passed")  # fmt: skip
    return figures


def clip_figures(looked_at, folds: dict[str, Fusion]) -> dict[str, str]:
    """Print and return the verdicts on the attempts of each clip."""
    figures = {}
    print(f"\nclips, attempts of {FRAMES} frames or more at {RATE:g} a second, "
          "people left out one at a time")  # fmt: skip
    for name, verdicts in clip_verdicts(looked_at, folds).items():
        counts = {v.value: verdicts.count(v) for v in Verdict}
        first = verdicts[0].value if verdicts else "no attempt"
        note = f"   (not webcam-like: {STILL_CLIPS[name]})" if name in STILL_CLIPS else ""
        line = f"first attempt {first}; of {len(verdicts)}: {counts}{note}"
        print(f"  {name:<24} {line}")
        figures[name] = line
    return figures


def odds_figures(shots: list[Shot], fusion: Fusion) -> None:
    """Print how far sessions lie from the limit: what an offset of a camera's own could move."""
    limit = (np.log(fusion.live / (1 - fusion.live)) - fusion.intercept) / fusion.slope
    print(f"\nmean log-odds of a session or clip; live from {limit:.1f}")
    kept = [shot for shot in shots if shot.odds is not None and shot.session not in STILL_CLIPS]
    for live in (True, False):
        means = [
            (float(np.mean([shot.odds for shot in group])), session)
            for session, group in groupby(
                (shot for shot in kept if shot.live == live), key=lambda shot: shot.session
            )
        ]
        worst, name = min(means) if live else max(means)
        print(f"  {'living' if live else 'attacks'}: {len(means)}, "
              f"{'least' if live else 'most'} {worst:.1f} ({name})")  # fmt: skip
    print(f"  attacks, the highest single frame: {max(s.odds for s in kept if not s.live):.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--sequences", type=int, default=205)
    parser.add_argument("--skip-challenge", action="store_true")
    parser.add_argument("--only-challenge", action="store_true")
    arguments = parser.parse_args()
    cv2.setNumThreads(2)
    data = Path(os.environ["ONLYME_DATA"])
    network = find_model("liveness").sha256
    looker = Looker()
    if arguments.only_challenge:
        challenge_figures(looker.pipeline, data, arguments.sequences)
        return

    shots = nuaa(looker, data)
    looked_at = clips(looker, data)
    everything = shots + clip_shots(looked_at)
    subjects = {shot.subject for shot in everything} | {n.rpartition("_")[0] for n in looked_at}
    folds = {
        who: fitted([shot for shot in everything if shot.subject != who], network)
        for who in subjects
    }
    shipped = fitted(everything, network)
    print(f"fit: slope {shipped.slope}, intercept {shipped.intercept}")
    slopes = [fold.slope for fold in folds.values()]
    edges = [(np.log(LIVE_AT / (1 - LIVE_AT)) - f.intercept) / f.slope for f in folds.values()]
    print(f"folds: slope {min(slopes):.3f} to {max(slopes):.3f}; live from log-odds "
          f"{min(edges):.2f} to {max(edges):.2f}")  # fmt: skip
    figures = photo_figures(shots, folds) | clip_figures(looked_at, folds)
    odds_figures(everything, shipped)

    middle, best = milliseconds(looker, data)
    print(f"\npassive liveness adds {middle:.1f} ms to a frame (median of 200), "
          f"{best:.1f} at best, "
          f"2 threads; load of this machine {os.getloadavg()[0]:.1f}")  # fmt: skip
    if arguments.fit:
        write(shipped, everything, figures)
        print(f"written: {CALIBRATION.name}")
    if not arguments.skip_challenge:
        challenge_figures(looker.pipeline, data, arguments.sequences)


if __name__ == "__main__":
    main()
