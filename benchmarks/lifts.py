"""Try two ways to help living people whom liveness leaves undecided; neither is built in.

    benchmarks/lifts.py

Needs ONLYME_DATA. *Offset*: what a camera's first frames of its owner lack in log-odds is added to
later frames, up to a bound. *Positive evidence*: an undecided capture becomes live where a solid
head turned a little and the eyes blinked, a rule of four parameters. Each clip gives one capture of
2.4 seconds, at 10 frames a second, as it is and as a poor camera would give it; attacks are prints,
replays and the living clips on simulated screens, under the same cameras. Parameters are chosen on
all people but one, as the loosest that let no attack through, and tried on that one.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import cv2
import numpy as np

from onlyme.charts import format_rate, make_rate
from onlyme.evaluate.simulations import add_noise, stress_frames
from onlyme.faceid import networks
from onlyme.image.sources import read_frames
from onlyme.liveness.rigidity import PointTracks, measure_rigidity
from onlyme.settings import Settings
from onlyme.types import Frame

FRAMES, RATE, LEARNED = 24, 10.0, 8
PRINTS = 60
REAL = ("print", "replay")
SCREENS = ("screen", "screen, moiré", "screen, glare")
BOUNDS = (0.5, 1.0, 2.0, 4.0, 8.0)
GRID = {
    "least log-odds": (-6.0, -4.0, -2.0, 0.0),
    "turn, degrees": (2.0, 4.0, 8.0),
    "lead of the nose": (0.0, 0.01, 0.03),
    "blink": (0.2, 0.35, 0.5),
}


def leave(picture, rng):
    del rng
    return picture


def dim(picture, rng):
    return add_noise(picture * 0.15, rng, 3.0)


def blur(picture, rng):
    del rng
    return cv2.GaussianBlur(picture, (0, 0), picture.shape[1] / 250)


def yellow(picture, rng):
    return add_noise(picture * np.array([1.0, 0.75, 0.35]), rng, 2.0)


def coarse(picture, rng):
    del rng
    _, coded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 15])
    return np.ascontiguousarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1])


CAMERAS = {
    "as it is": leave,
    "dark": dim,
    "soft": blur,
    "yellow": yellow,
    "coarse": coarse,
}


@dataclass(frozen=True)
class Capture:
    """What was measured in one capture."""

    who: str
    kind: str
    camera: str
    odds: np.ndarray
    turn: float = 0.0
    lead: float = 0.0
    blink: float = 0.0

    @property
    def is_live(self) -> bool:
        """Whether it shows a living person."""
        return self.kind == "live"

    @property
    def values(self) -> tuple[float, ...]:
        """What the rule compares with its limits, in the order of `GRID`."""
        return float(np.mean(self.odds)), self.turn, self.lead, self.blink


class Looker:
    """The networks, loaded once."""

    def __init__(self):
        settings = Settings.load()
        runtime = networks.choose_runtime(settings, lasting=True)
        self.pipeline = networks.make_pipeline(settings, lasting=True)
        self.judge, self.mesh = networks.load_judge(runtime), networks.load_mesh(runtime)

    def watch(self, pictures, who: str, kind: str, camera: str) -> Capture | None:
        """Measure the frames of one capture; None where too few show a face that can be judged."""
        odds, yaws, pitches, eyes, leads, tracks = [], [], [], [], [], None
        for number, pixels in enumerate(pictures):
            face = self.pipeline.find(Frame(pixels, "capture", number / RATE)).face
            if face is None:
                continue
            found = self.judge.look(pixels, face).odds
            odds += [] if found is None else [found]
            head = self.mesh.read(pixels, face)
            if head is None:
                continue
            yaws.append(head.mesh.yaw)
            pitches.append(head.mesh.pitch)
            eyes.append(np.mean(head.eyes_closed))
            gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
            if tracks is None:
                tracks = PointTracks(gray, head.mesh.points)
            else:
                tracks.follow(gray, head.mesh.points)
                rigid = measure_rigidity(tracks)
                leads += [] if rigid is None else [max(rigid.ahead, rigid.beside)]
        if len(odds) < FRAMES // 2 or not yaws:
            return None
        turn = max(np.ptp(yaws), np.ptp(pitches))
        blink = max(eyes) - float(np.median(eyes))
        return Capture(who, kind, camera, np.array(odds), turn, max(leads, default=0.0), blink)


def make_captures(looker: Looker, data: Path) -> list[Capture]:
    captures = []
    for clip in sorted((data / "clips").glob("*.mp4")):
        frames, due = [], 0.0
        for frame in read_frames(clip):
            if frame.at + 1e-3 >= due and len(frames) < FRAMES:
                frames.append(frame.pixels)
                due = frame.at + 1 / RATE
        who, _, kind = clip.stem.rpartition("_")
        for name, camera in CAMERAS.items():
            rng = np.random.default_rng(0)
            captures.append(looker.watch([camera(p, rng) for p in frames], who, kind, name))
        captures += [
            looker.watch(stress_frames(frames, screen, 1), who, screen, "as it is")
            for screen in (SCREENS if kind == "live" else ())
        ]
    prints = sorted((data / "nuaa_dev/print").glob("*/*.jpg"))
    for path, (name, camera) in product(prints[:: len(prints) // PRINTS], CAMERAS.items()):
        pixels = camera(looker.pipeline.look(path).frame.pixels, np.random.default_rng(0))
        face = looker.pipeline.find(Frame(pixels, str(path))).face
        found = None if face is None else looker.judge.look(pixels, face).odds
        if found is not None:
            captures.append(Capture(path.parent.name, "print", name, np.array([found])))
    return [one for one in captures if one is not None]


def print_offset(captures: list[Capture], live_from: float) -> None:
    """Print what an offset of a camera's own changes, for each bound."""
    wanted = float(np.median([one.odds.mean() for one in captures if one.is_live]))
    lacks = {
        (one.who, one.camera): wanted - float(one.odds[:LEARNED].mean())
        for one in captures
        if one.is_live
    }
    print(f"offset: learned from the first {LEARNED} frames of the owner, tried on what follows")
    for bound in BOUNDS:
        counts = {"living": [0, 0, 0], "real attacks": [0, 0, 0], "simulated screens": [0, 0, 0]}
        for one in captures:
            later = float(one.odds[LEARNED:].mean() if len(one.odds) > LEARNED else one.odds[0])
            # An attack meets the largest offset that an owner's enrolment gave this camera.
            known = [lack for (who, name), lack in lacks.items() if name == one.camera]
            lack = lacks[one.who, one.camera] if one.is_live else max(known)
            group = "living" if one.is_live else "simulated screens"
            group = "real attacks" if one.kind in REAL else group
            passed = later >= live_from, later + np.clip(lack, 0, bound) >= live_from
            counts[group] = [a + b for a, b in zip(counts[group], (*passed, 1), strict=True)]
        told = "; ".join(f"{g}: live {a}, then {b}, of {n}" for g, (a, b, n) in counts.items())
        print(f"  at most {bound:g}: {told}", flush=True)


def print_evidence(captures: list[Capture], live_from: float) -> None:
    """Print how many undecided captures the rule lifts, each person left out in turn."""
    open_ = [one for one in captures if one.kind not in REAL and one.odds.mean() < live_from]
    living = [one for one in open_ if one.is_live]
    print(f"positive evidence: {len(living)} living captures and {len(open_) - len(living)} on "
          "simulated screens are below the limit")  # fmt: skip
    lifted = screens = 0
    for who in sorted({one.who for one in open_}):
        rule = fit_rule([one for one in open_ if one.who != who])
        for one in open_:
            if one.who == who and rule is not None and passes(one, rule):
                lifted, screens = lifted + one.is_live, screens + (not one.is_live)
    print(f"  of people left out: living lifted {format_rate(make_rate(lifted, len(living)))}")
    rate = format_rate(make_rate(screens, len(open_) - len(living)))
    print(f"  of people left out: screens lifted {rate}")
    rule = fit_rule(open_)
    print(f"  the loosest rule on all that lifts no screen: {rule}, which lifts "
          f"{0 if rule is None else sum(passes(one, rule) for one in living)} living")  # fmt: skip
    looks = [one for one in open_ if one.turn >= 4 and one.blink >= GRID["blink"][1]]
    print(f"  a turn of 4 degrees and a blink: {sum(o.is_live for o in looks)} living captures, "
          f"{sum(not o.is_live for o in looks)} on screens")  # fmt: skip


def passes(one: Capture, rule: tuple[float, ...]) -> bool:
    return all(value >= least for value, least in zip(one.values, rule, strict=True))


def fit_rule(captures: list[Capture]) -> tuple[float, ...] | None:
    """Return the rule that lifts most living captures and no screen; None where none lifts any."""
    best, most = None, 0
    for rule in product(*GRID.values()):
        lifted = [one for one in captures if passes(one, rule)]
        if lifted and all(one.is_live for one in lifted) and len(lifted) > most:
            best, most = rule, len(lifted)
    return best


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    looker = Looker()
    captures = make_captures(looker, Path(os.environ["ONLYME_DATA"]))
    fusion = looker.judge.fusion
    limit = (np.log(fusion.live / (1 - fusion.live)) - fusion.intercept) / fusion.slope
    print(f"{len(captures)} captures; live from mean log-odds {limit:.2f}")
    for camera in CAMERAS:
        means = [one.odds.mean() for one in captures if one.camera == camera and one.is_live]
        short = sum(mean < limit for mean in means)
        real = [o.odds.mean() for o in captures if o.camera == camera and o.kind in REAL]
        print(f"  {camera}: {len(means)} living, least {min(means):.1f}, below the limit {short}; "
              f"{len(real)} real attacks, live {sum(mean >= limit for mean in real)}")  # fmt: skip
    print_offset(captures, limit)
    print_evidence(captures, limit)


if __name__ == "__main__":
    main()
