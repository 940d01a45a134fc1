#!/usr/bin/env python3
"""Count gestures made by chance, and those that are recognised; time them; try paper and replays.

    benchmarks/gestures.py [--cache FOLDER] [--papers 60]

Needs ONLYME_DATA. What the mesh reads of the clips is stored in FOLDER if one is given. Windows are
as long as one request; they are cut at half seconds, mirrored and read at 30 and at 10 frames a
second. Windows that overlap are not independent: the bound by windows counts those that do not, the
bound by people counts people.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
from gestures_paper import paper_figures

from onlyme.charts.rates import clopper_pearson
from onlyme.face.subject import choose_subject
from onlyme.faceid import networks
from onlyme.image.sources import read_frames
from onlyme.liveness import gestures
from onlyme.liveness.gestures import GESTURE_SECONDS, Gesture, GestureDetector, SeenGesture
from onlyme.liveness.witness import GestureWitness
from onlyme.settings import Settings
from onlyme.types import Face, HeadReading, MeshFace
from onlyme.verification.gesture import make_gray

DATA = Path(os.environ.get("ONLYME_DATA", Path(__file__).parents[2] / "shared/data"))
STEP_SECONDS = 0.5
RATES = (30, 10)
SHOWN = {
    "tranvan_live": {Gesture.LEFT: (1.85, 5.5), Gesture.RIGHT: (7.2, 10.3),
                     Gesture.NOD: (10.5, 13.9)},
}  # fmt: skip
"""Gestures that a clip shows, found by looking: from its beginning to the way back, in seconds."""

SETTINGS = {
    Gesture.LEFT: ("MIN_TURN_DEGREES", 18.0),
    Gesture.RIGHT: ("MIN_TURN_DEGREES", 18.0),
    Gesture.NOD: ("MIN_NOD_DEGREES", 12.0),
    Gesture.BLINK: ("MIN_CLOSED_SHARE", 0.55),
    Gesture.CLOSER: ("MIN_LOG_GROWTH", float(np.log(1.25))),
}
MARGIN = 1.25
FACTORS = np.round(np.arange(0.3, 1.55, 0.1), 2)

Readings = list[tuple[float, HeadReading]]


@dataclass(frozen=True)
class Window:
    """One stretch of a clip: what the mesh read in it."""

    clip: str
    start: float
    rate: float
    first: (
        bool  # whether it is one of the windows that do not overlap, neither mirrored nor thinned
    )
    shows: frozenset[Gesture]
    readings: Readings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, help="a folder for what the mesh reads")
    parser.add_argument("--papers", type=int, default=60, help="simulated sheets; 0: none")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cache = arguments.cache or Path(folder)
        cache.mkdir(parents=True, exist_ok=True)
        paths = sorted((DATA / "clips").glob("*.mp4"))
        clips = {path.stem: read_clip(path, cache) for path in paths}
    windows = [
        window
        for name, readings in clips.items()
        if name.endswith("_live")
        for window in cut_windows(name, readings)
    ]
    good = count_chance(windows)
    leave_one_out(windows)
    good &= recognise(clips)
    good &= try_replays(clips)
    if arguments.papers:
        good &= paper_figures(DATA, arguments.papers)
    return 0 if good else 1


# ------------------------------------------------------------------- readings


def read_clip(path: Path, cache: Path) -> Readings:
    """Read every frame of a clip, or what was stored of it."""
    stored = cache / f"{path.stem}.npz"
    if not stored.exists():
        runtime = networks.choose_runtime(Settings.load(), lasting=True)
        detector = networks.make_pipeline(Settings.load(), lasting=True).follow().detector
        mesh = networks.load_mesh(runtime)
        found = []
        for frame in read_frames(path):
            face = choose_subject(detector.detect(frame.pixels), frame.pixels.shape)
            reading = mesh.read(frame.pixels, face) if isinstance(face, Face) else None
            if reading is not None:
                found.append((frame.at, reading))
        np.savez(
            stored,
            at=[at for at, _ in found],
            points=[one.mesh.points for _, one in found],
            pose=[(one.mesh.yaw, one.mesh.pitch, one.mesh.roll) for _, one in found],
            eyes=[one.eyes_closed for _, one in found],
        )
    with np.load(stored) as table:
        rows = zip(table["at"], table["points"], table["pose"], table["eyes"], strict=True)
        return [(float(at), make_reading(points, pose, eyes)) for at, points, pose, eyes in rows]


def make_reading(points, pose, eyes) -> HeadReading:
    left, right = map(float, eyes)
    mesh = MeshFace(points, 1.0, *map(float, pose))
    return HeadReading(mesh, {"eyeBlinkLeft": left, "eyeBlinkRight": right})


def mirror(readings: Readings) -> Readings:
    """Return what the mesh would read of the mirrored clip."""
    return [
        (at, make_reading(one.mesh.points * np.float32((-1, 1, 1)),
                          (-one.mesh.yaw, one.mesh.pitch, -one.mesh.roll), one.eyes_closed[::-1]))
        for at, one in readings
    ]  # fmt: skip


def thin_out(readings: Readings, rate: float) -> Readings:
    due, kept = -1.0, []
    for at, reading in readings:
        if at + 1e-3 >= due:
            kept.append((at, reading))
            due = at + 1 / rate - 1e-3
    return kept


def cut_windows(name: str, readings: Readings) -> list[Window]:
    """Cut a clip into windows; a clip that is shorter than a request is one window."""
    windows = []
    swap = {Gesture.LEFT: Gesture.RIGHT, Gesture.RIGHT: Gesture.LEFT}
    for mirrored in (False, True):
        seen = mirror(readings) if mirrored else readings
        for rate in RATES:
            kept = thin_out(seen, rate)
            last = max(0.0, kept[-1][0] - GESTURE_SECONDS)
            for start in np.arange(0, last + 1e-6, STEP_SECONDS):
                end = start + GESTURE_SECONDS
                shows = frozenset(
                    swap.get(gesture, gesture) if mirrored else gesture
                    for gesture, (began, ended) in SHOWN.get(name, {}).items()
                    if began < end and ended > start
                )
                alone = not mirrored and rate == RATES[0] and start % GESTURE_SECONDS < 1e-6
                rows = [(at, one) for at, one in kept if start <= at <= end]
                windows.append(Window(name, float(start), rate, alone, shows, rows))
    return windows


def detect(readings: Readings) -> set[Gesture]:
    """Return every gesture that is made: a request would end at the first."""
    detector = GestureDetector()
    seen = (detector.add(at, reading) for at, reading in readings)
    return {one.gesture for one in seen if one is not None}


# --------------------------------------------------------------------- chance


def count_chance(windows: list[Window]) -> bool:
    """Count the gestures that people make who were not asked for one."""
    print(f"By chance, in {GESTURE_SECONDS:g} s, of the mesh alone (the pixels refuse some more):")
    good, seen = True, [detect(one.readings) for one in windows]
    for gesture in Gesture:
        asked = [n for n, one in enumerate(windows) if gesture not in one.shows]
        made = [n for n in asked if gesture in seen[n]]
        alone, people = sum(windows[n].first for n in asked), len({windows[n].clip for n in asked})
        hits, guilty = sum(windows[n].first for n in made), Counter(windows[n].clip for n in made)
        by_window = clopper_pearson(hits, alone)[1]
        by_person = clopper_pearson(len(guilty), people)[1]
        print(
            f"    {gesture:<7} {len(made)} of {len(asked)} windows {dict(guilty) or ''}; "
            f"without overlap {hits} of {alone} (at most {by_window:.1%}); "
            f"people {len(guilty)} of {people} (at most {by_person:.0%})"
        )
        good &= len(made) <= 0.01 * len(asked)
    alone = [n for n, one in enumerate(windows) if one.first]
    asked = sum(len(set(Gesture) - windows[n].shows) for n in alone)
    hits = sum(len(seen[n] - windows[n].shows) for n in alone)
    print(
        f"    any request (a window without overlap and a gesture): {hits} of {asked} "
        f"(at most {clopper_pearson(hits, asked)[1]:.1%} if they were independent)\n"
        f"    {len(windows)} windows of {len({one.clip for one in windows})} people; bounds are "
        "the upper ends of 95 % intervals, exact (Clopper-Pearson)"
    )
    return good


def leave_one_out(windows: list[Window]) -> None:
    """Choose each size on all people but one, and count how often that person reaches it."""
    print(
        f"\nSizes chosen without a person, {MARGIN:g} times the least that the others do not reach,"
    )
    print("counted on that person (windows at 10 frames a second):")
    reached: dict[float, list[set[Gesture]]] = {}
    windows = [one for one in windows if one.rate == RATES[-1]]
    for factor in FACTORS:
        with contextlib.ExitStack() as stack:
            for name, shipped in set(SETTINGS.values()):
                stack.enter_context(mock.patch.object(gestures, name, shipped * factor))
            reached[factor] = [detect(one.readings) for one in windows]
    for gesture, (_, shipped) in SETTINGS.items():
        asked = [n for n, one in enumerate(windows) if gesture not in one.shows]
        people = sorted({windows[n].clip for n in asked})
        made = {
            factor: Counter(windows[n].clip for n in asked if gesture in reached[factor][n])
            for factor in FACTORS
        }
        counts, sizes = Counter(), []
        for person in people:
            never = [f for f in FACTORS if not sum(made[f].values()) - made[f][person]]
            factor = FACTORS[np.argmin(np.abs(FACTORS - MARGIN * min(never)))]
            sizes.append(shipped * factor)
            counts[person] = made[factor][person]
        least = min(f for f in FACTORS if not made[f])
        guilty = {person: count for person, count in counts.items() if count}
        print(
            f"    {gesture:<7} {sum(counts.values())} of {len(asked)} windows, {len(guilty)} of "
            f"{len(people)} people {guilty or ''}; sizes {min(sizes):.2f} to {max(sizes):.2f}, "
            f"shipped {shipped:.2f}; from {shipped * least:.2f} on no one reaches it"
        )


# ---------------------------------------------------------------- recognition


def watch(name: str, readings: Readings, start: float, rate: float) -> SeenGesture | None:
    """Watch a clip with its pixels for as long as one request."""
    witness, known, due = GestureWitness(), dict(readings), -1.0
    for frame in read_frames(DATA / "clips" / f"{name}.mp4"):
        if frame.at < start or frame.at + 1e-3 < due:
            continue
        if frame.at > start + GESTURE_SECONDS:
            break
        due = frame.at + 1 / rate - 1e-3
        seen = witness.add(frame.at, make_gray(frame.pixels), known.get(frame.at))
        if seen is not None:
            return seen
    return None


def recognise(clips: dict[str, Readings]) -> bool:
    """Ask at several moments before each gesture that a clip shows."""
    print("\nGestures that a clip shows, asked for 0.4 to 1.2 s before they begin:")
    good = True
    for name, shown in SHOWN.items():
        for gesture, (began, _) in shown.items():
            for rate in (30, 15, 8):
                answers = [
                    watch(name, clips[name], began - before, rate)
                    for before in (0.4, 0.6, 0.8, 1.2)
                ]
                made = [one for one in answers if one is not None and one.gesture is gesture]
                taken = [one.at - began for one in made]
                print(
                    f"    {name} {gesture:<6} at {rate:>2} a second: {len(made)} of {len(answers)}"
                    + (f", {min(taken):.2f} to {max(taken):.2f} s after it began" if made else "")
                )
                good &= len(made) == len(answers)
    return good


def try_replays(clips: dict[str, Readings]) -> bool:
    """Play the recordings at every second: how many of the five gestures would each answer?"""
    print("\nA recording answers one request of the gestures that it shows, and no other:")
    for name, readings in clips.items():
        if not name.endswith("_replay"):
            continue
        starts = np.arange(0, max(1.0, readings[-1][0] - 2), 1.0)
        seen = [watch(name, readings, float(start), 15) for start in starts]
        made = Counter(str(one.gesture) for one in seen if one is not None)
        print(f"    {name}: {len(starts)} moments, gestures seen {dict(made) or 'none'}")
    return True


if __name__ == "__main__":
    sys.exit(main())
