#!/usr/bin/env python3
"""Count how well closed eyes are told from open ones, and how often attention refuses people.

    benchmarks/attention.py [--photos]

The labels are `eyes.toml`, made by looking. Limits are fitted with each person left out in turn,
and judged on that person; each person's own level of open eyes is learned from seven frames, which
are not judged. `--photos` also reads single photos of many people, by group. Needs ONLYME_DATA.
"""

from __future__ import annotations

import argparse
import os
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from onlyme.charts import format_rate, make_rate
from onlyme.face.subject import choose_subject
from onlyme.faceid import networks
from onlyme.image.decode import decode
from onlyme.image.sources import read_frames
from onlyme.liveness import attention as rules
from onlyme.liveness.attention import (
    POPULATION,
    AttentionSession,
    EyeLevel,
    EyeReading,
    EyeState,
    judge_eyes,
    measure_eyes,
)
from onlyme.settings import Settings
from onlyme.types import AttentionLevel, Decision, Face, Reason

DATA = Path(os.environ.get("ONLYME_DATA", Path(__file__).parents[2] / "shared/data"))
LABELS = tomllib.loads(Path(__file__).with_name("eyes.toml").read_text("utf-8"))
LEARNED, APART = 7, 12  # frames that a level is learned from, as enrolment takes them
SLEEP_FRAMES = 12
EYES = AttentionLevel.EYES
YES = Decision(accepted=True, name="x", reason=Reason.MATCH)


@dataclass
class Clip:
    """One living person's clip: readings and labels by frame."""

    name: str
    at: dict[int, float]
    readings: dict[int, EyeReading | None]
    learned: set[int]
    own: EyeLevel | None

    def label(self, number: int) -> str:
        """Return what was seen in a frame: `closed`, `unsure` or `open`."""
        marks = LABELS[self.name]
        for kind in ("closed", "unsure"):
            if any(first <= number <= last for first, last in marks[kind]):
                return kind
        return "open"

    def judged(self, kind: str) -> list[EyeReading]:
        """The readings with this label whose lids can be measured, and that taught nothing."""
        return [
            r
            for n, r in self.readings.items()
            if r and n not in self.learned and self.label(n) == kind and faces_camera(r)
        ]


def faces_camera(reading: EyeReading) -> bool:
    turned = (
        abs(reading.yaw) > rules.MAX_YAW_DEGREES or abs(reading.pitch) > rules.MAX_PITCH_DEGREES
    )
    return not turned


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", action="store_true", help="also read single photos")
    photos = parser.parse_args().photos
    settings = Settings.load(runtime="auto")
    runtime = networks.choose_runtime(settings, lasting=True)
    pipeline, mesh = networks.make_pipeline(settings, lasting=True), networks.load_mesh(runtime)
    print(f"runtime {runtime}")
    clips, sleeps, covered = [], Counter(), Counter()
    for name in LABELS:
        path = DATA / "clips" / f"{name}.mp4"
        clip, closed, plain = read_clip(path, pipeline.follow().detector, mesh)
        clips.append(clip)
        sleeps += sleep(clip, closed, mesh)
        covered += cover(plain, mesh)
    marks = [*tell_frames(clips), tell_moments(clips), *tell_attempts(clips)]
    marks.append(tell_sleep(sleeps))
    tell_covered(covered)
    if photos:
        tell_photos(pipeline.detector, mesh)
    return 0 if all(marks) else 1


def read_clip(path, detector, mesh):
    """Read every frame; return the clip, its closed frames by moment, and a few open frames."""
    at, readings, closed, plain = {}, {}, [], []
    clip = Clip(path.stem, at, readings, set(), None)
    for number, frame in enumerate(read_frames(path)):
        face = choose_subject(detector.detect(frame.pixels), frame.pixels.shape)
        if not isinstance(face, Face):
            continue
        head = mesh.read(frame.pixels, face)
        at[number] = frame.at
        readings[number] = None if head is None else measure_eyes(frame.pixels, head)
        kind = clip.label(number)
        if kind == "closed":
            closed.append((number, frame.pixels, face))
        elif kind == "open" and number % 40 == 20 and head is not None:
            plain.append((frame.pixels, face, head))
    sample = [
        n
        for n in range(0, max(readings) + 1, APART)
        if clip.label(n) == "open" and readings.get(n) and readings[n].sample
    ][:LEARNED]
    clip.learned = set(sample)
    clip.own = EyeLevel.learn(np.array([readings[n].sample for n in sample], np.float32))
    return clip, closed, plain


def say_rate(what: str, errors: int, count: int) -> None:
    print(f"  {what}: {format_rate(make_rate(errors, count))}")


def fit_limit(open_, closed) -> float:
    """Return the middle of the limits with the fewest errors, both kinds as shares."""
    tried = np.arange(-0.5, 1.2, 0.005)
    wrong = [np.mean(open_ >= t) + np.mean(closed < t) for t in tried]
    best = tried[np.isclose(wrong, min(wrong))]
    return float((best[0] + best[-1]) / 2)


def tell_frames(clips):
    marks = []
    for title, level in (("own level", lambda c: c.own), ("population's level", lambda _: None)):
        closure = {
            c.name: {
                kind: np.array(
                    [(level(c) or POPULATION).measure_closure(r) for r in c.judged(kind)]
                )
                for kind in ("open", "closed")
            }
            for c in clips
        }
        missed = false = closed = open_ = 0
        limits = []
        for clip in clips:
            others = [closure[c.name] for c in clips if c is not clip]
            limit = fit_limit(*(np.concatenate([o[k] for o in others]) for k in ("open", "closed")))
            limits.append(limit)
            mine = closure[clip.name]
            missed += int((mine["closed"] < limit).sum())
            false += int((mine["open"] >= limit).sum())
            closed, open_ = closed + len(mine["closed"]), open_ + len(mine["open"])
        people = sum(len(closure[c.name]["closed"]) > 0 for c in clips)
        print(
            f"frames, {title}, limit of the other people {min(limits):.3f} to {max(limits):.3f} "
            f"(shipped {rules.CLOSED_SHARE}); {len(clips)} people, {people} with closed eyes"
        )
        say_rate("closed frames not called closed", missed, closed)
        say_rate("open frames called closed", false, open_)
        say_rate("precision (wrong among called closed)", false, false + closed - missed)
        marks.append(missed <= 0.05 * closed)
    return marks


def tell_moments(clips) -> bool:
    """Count whole moments of closed eyes, with the shipped limit."""
    ok = True
    for title, level in (("own level", lambda c: c.own), ("population's level", lambda _: None)):
        moments = found = called = wrong = 0
        for clip in clips:
            states = {n: judge_eyes(r, level(clip), EYES) for n, r in clip.readings.items()}
            moments += len(LABELS[clip.name]["closed"])
            found += sum(
                any(states.get(n) is EyeState.CLOSED for n in range(first, last + 1))
                for first, last in LABELS[clip.name]["closed"]
            )
            run: list[int] = []
            for n in [*sorted(states), -1]:
                if states.get(n) is EyeState.CLOSED:
                    run.append(n)
                elif run:
                    kinds = {clip.label(k) for k in run}
                    if kinds != {"unsure"}:  # these are neither right nor wrong
                        called, wrong = called + 1, wrong + ("closed" not in kinds)
                    run = []
        print(f"moments of closed eyes, {title}, shipped limit")
        say_rate("missed (recall)", moments - found, moments)
        say_rate("called, but open (precision)", wrong, called)
        ok &= found >= 0.9 * moments
    return ok


def tell_attempts(clips):
    """Count the attempts of living people that attention refuses, one after the other."""
    marks = []
    for title, level in (("own level", lambda c: c.own), ("population's level", lambda _: None)):
        refused, shut, tried, away = Counter(), 0, 0, 0
        for clip in clips:
            session, numbers = AttentionSession(EYES), []
            for n in sorted(clip.readings):
                if session.is_due():
                    session.add(clip.at[n], clip.readings[n], level(clip))
                    numbers.append(n)
                if session.is_settled:
                    reason = session.confirm(YES).reason
                    turned = [r for k in numbers if (r := clip.readings[k]) and not faces_camera(r)]
                    if 3 * len(turned) > len(numbers):
                        away += 1  # a head that is turned away should be refused
                    else:
                        tried += 1
                        if reason is Reason.MATCH:
                            pass
                        elif any(clip.label(k) != "open" for k in numbers):
                            shut += 1  # the person kept them shut, or nearly, for the whole attempt
                        else:
                            refused[clip.name] += 1
                    session.begin()
                    numbers.clear()
        print(
            f"attempts of living people who face the camera, {title} ({away} turned away left out)"
        )
        say_rate("refused with open eyes", sum(refused.values()), tried)
        say_rate("refused where frames are labelled closed or unsure", shut, tried)
        print(f"    by clip: {dict(refused)}")
        marks.append(level(clips[0]) is None or sum(refused.values()) <= 0.02 * tried)
    return marks


def sleep(clip, closed, mesh) -> Counter:
    """Make a sleeper of each moment of closed eyes: its frames faded into each other, noisy."""
    count = Counter()
    rng = np.random.default_rng(12)
    for first, last in LABELS[clip.name]["closed"]:
        mine = [(pixels, face) for n, pixels, face in closed if first <= n <= last]
        readings = []
        for step in np.linspace(0, max(len(mine) - 1, 0), SLEEP_FRAMES):
            (a, face), (b, _) = mine[int(step)], mine[min(int(step) + 1, len(mine) - 1)]
            mixed = cv2.addWeighted(a, 1 - step % 1, b, step % 1, 0)
            noisy = mixed + rng.normal(0, 5, mixed.shape)
            frame = np.clip(noisy, 0, 255).astype(np.uint8)
            head = mesh.read(frame, face)
            readings.append(None if head is None else measure_eyes(frame, head))
        for title, own in (("own", clip.own), ("population", None)):
            for start in range(SLEEP_FRAMES - 2):  # attempts of three frames, the shortest
                session = AttentionSession(EYES)
                for k in range(start, SLEEP_FRAMES):
                    if not session.is_settled and session.is_due():
                        session.add(k / 30, readings[k], own)
                count[title, "opened"] += session.confirm(YES).accepted
                count[title, "tried"] += 1
    return count


def tell_sleep(sleeps) -> bool:
    print("sleepers made of closed moments, attempts from each frame on")
    for title in ("own", "population"):
        say_rate(f"opened, {title} level", sleeps[title, "opened"], sleeps[title, "tried"])
    return not sleeps["own", "opened"] and not sleeps["population", "opened"]


def cover(plain, mesh) -> Counter:
    """Draw dark glasses, glare or a hand over open eyes, and count what a frame then tells."""
    count = Counter()
    for pixels, face, head in plain:
        points = head.mesh.points[:, :2]
        for what, picture in draw_covers(pixels, points):
            again = mesh.read(picture, face)
            reading = None if again is None else measure_eyes(picture, again)
            count[what, judge_eyes(reading, None, EYES)] += 1
    return count


def draw_covers(pixels, points):
    eyes = [points[list(eye.corners)] for eye in rules.EYES]
    for through in (0.0, 0.1, 0.2, 0.35):
        mask = np.zeros(pixels.shape[:2], np.float32)
        for inner, outer in eyes:
            middle, wide = (inner + outer) / 2, float(np.hypot(*(outer - inner)))
            size = (int(wide * 1.05), int(wide * 0.8))
            cv2.ellipse(
                mask, np.int32(middle + np.array((0, 0.1 * wide))).tolist(), size, 0, 0, 360, 1, -1
            )
        mask = mask[..., None]
        dark = pixels * (1 - mask) + mask * (pixels * through + 12)
        yield f"glasses that pass {through:.0%}", dark.astype(np.uint8)
    glare = pixels.astype(np.float32)
    for inner, outer in eyes:
        middle, wide = (inner + outer) / 2, float(np.hypot(*(outer - inner)))
        mask = np.zeros(pixels.shape[:2], np.float32)
        size = (int(wide * 0.6), int(wide * 0.35))
        cv2.ellipse(mask, np.int32(middle).tolist(), size, 20, 0, 360, 1, -1)
        mask = cv2.GaussianBlur(mask, (0, 0), max(wide * 0.08, 0.5))[..., None]
        glare = glare * (1 - mask) + 245 * mask
    yield "glare", glare.astype(np.uint8)
    hand = pixels.copy()
    left, right = points[263], points[33]
    middle, wide = (left + right) / 2, float(np.hypot(*(left - right)))
    corner = np.array((wide * 0.9, wide * 0.3))
    skin = pixels[tuple(np.clip(points[50][::-1].astype(int), 0, np.array(pixels.shape[:2]) - 1))]
    low, high = np.int32(middle - corner), np.int32(middle + corner)
    cv2.rectangle(hand, low.tolist(), high.tolist(), skin.tolist(), -1)
    yield "hand", hand


def tell_covered(covered) -> None:
    print("covers drawn on open eyes, by what one frame tells")
    for what in dict.fromkeys(what for what, _ in covered):
        states = {str(s): covered[what, s] for s in EyeState if covered[what, s]}
        print(f"  {what}: {states}")


def tell_photos(detector, mesh) -> None:
    """Count what single photos tell, by the groups of utk_dev, and for lfw_dev (one a person)."""
    groups = {
        f"utk_dev/{folder.name}": sorted(folder.iterdir())
        for folder in sorted((DATA / "utk_dev").iterdir())
    }
    groups["lfw_dev"] = [min(folder.iterdir()) for folder in sorted((DATA / "lfw_dev").iterdir())]
    print("single photos, population's level, by group (most eyes are open; some are not)")
    for group, paths in groups.items():
        states = Counter()
        for path in paths:
            pixels = decode(path).pixels
            face = choose_subject(detector.detect(pixels), pixels.shape)
            head = mesh.read(pixels, face) if isinstance(face, Face) else None
            if head is not None:
                states[judge_eyes(measure_eyes(pixels, head), None, EYES)] += 1
        total = sum(states.values())
        say_rate(f"{group}: called closed", states[EyeState.CLOSED], total)
        say_rate(f"{group}: unclear", states[EyeState.UNCLEAR], total)


if __name__ == "__main__":
    sys.exit(main())
