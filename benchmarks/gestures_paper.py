"""Try gestures on simulated paper, and compare the ways to tell it from a solid head."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np
from paper import Holder, papers

from onlyme.face.subject import choose_subject
from onlyme.faceid import networks
from onlyme.image.decode import decode
from onlyme.liveness.flatness import measure_tilt
from onlyme.liveness.gestures import Gesture, GestureDetector
from onlyme.liveness.rigidity import PointTracks, Rigidity, measure_rigidity
from onlyme.liveness.witness import GestureWitness
from onlyme.settings import Settings
from onlyme.types import Face
from onlyme.verification.gesture import make_gray

if TYPE_CHECKING:
    from pathlib import Path

RATE = 12.0
SECONDS = 3.0
REST_SECONDS = 0.75
ASKED = (Gesture.LEFT, Gesture.RIGHT, Gesture.NOD)
TURNED_DEGREES = 12.0


@dataclass
class Seen:
    """What was seen of all sheets; the lists by the kind of paper."""

    shapes: Counter[str] = field(default_factory=Counter)
    by_mesh: Counter[str] = field(default_factory=Counter)
    by_both: Counter[str] = field(default_factory=Counter)
    residuals: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    excess_tilts: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    ahead: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def paper_figures(data: Path, count: int) -> bool:
    """Print what is seen of paper; it tests geometry, and is no error rate on attacks."""
    settings = Settings.load()
    pipeline = networks.make_pipeline(settings, lasting=True)
    mesh = networks.load_mesh(networks.choose_runtime(settings, lasting=True))
    people = sorted((data / "lfw_dev").glob("*/*_0001.jpg"))
    chosen = random.Random(7).sample(people, min(count, len(people)))  # noqa: S311 - to be repeated
    seen = Seen()
    for seed, path in enumerate(chosen):
        photo = decode(path).pixels
        face = choose_subject(pipeline.detector.detect(photo), photo.shape)
        if isinstance(face, Face):
            show_sheet(photo, face, seed, pipeline, mesh, seen)
    print_figures(seen)
    return not any(seen.by_both[str(one)] for one in ASKED)


def show_sheet(photo, face, seed, pipeline, mesh, seen: Seen) -> None:
    """Move a sheet with this photo as a gesture asks, and add to `seen` what was made of it."""
    paper = papers(np.random.default_rng(seed))
    big = cv2.resize(photo, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    holder = Holder(big, face.landmarks[2] * 2, face.box[2] * 2, paper, seed)
    seen.shapes[paper.kind] += 1
    detector, witness = GestureDetector(), GestureWitness()
    by_mesh, by_both, rest, tracks = set(), set(), None, None
    follower = pipeline.follow().detector
    for at, frame in hold_sheet(holder, ASKED[seed % 3], stays=seed % 2 == 0):
        found = choose_subject(follower.detect(frame), frame.shape)
        reading = mesh.read(frame, found) if isinstance(found, Face) else None
        if reading is None:
            continue
        gray = make_gray(frame)
        by_mesh |= names(detector.add(at, reading))
        by_both |= names(witness.add(at, gray, reading))
        if rest is None and at >= REST_SECONDS - 0.2:
            rest, tracks = reading.mesh, PointTracks(gray, reading.mesh.points)
        elif rest is not None:
            tracks.follow(gray, reading.mesh.points)
            measure_turn(paper.kind, rest, reading.mesh, tracks, seen)
    seen.by_mesh.update(by_mesh)
    seen.by_both.update(by_both)


def hold_sheet(holder: Holder, asked: Gesture, *, stays: bool):
    """Yield times in seconds and frames: the sheet rests, then makes the gesture.

    Args:
        holder: holds the sheet.
        asked: the gesture.
        stays: stop at the end of the way there, and do not come back.
    """
    for number in range(int(RATE * SECONDS)):
        at = number / RATE
        if at < REST_SECONDS:
            yield at, holder.frame(at, None)
            continue
        moved = at - REST_SECONDS
        yield at, holder.frame(min(moved, holder.period / 4) if stays else moved, asked.value)


def measure_turn(kind: str, rest, mesh, tracks: PointTracks, seen: Seen) -> None:
    """Add what paper leaves where the mesh has turned far enough from its rest."""
    turned = abs(mesh.yaw - rest.yaw)
    if turned < TURNED_DEGREES:
        return
    seen.residuals[kind].append(measure_residual(rest.points, mesh.points))
    seen.excess_tilts[kind].append(measure_tilt(rest.points, mesh.points) - turned)
    motion = measure_rigidity(tracks)
    if motion is not None:
        seen.ahead[kind].append(share_ahead(motion))


def print_figures(seen: Seen) -> None:
    """Print how often paper made a gesture, and what its geometry leaves."""
    print(f"\nSimulated paper, {seen.shapes.total()} photos {dict(seen.shapes)}, turned and "
          "lowered as asked (geometry only, not an APCER):")  # fmt: skip
    print(f"    gestures by the mesh alone {dict(seen.by_mesh) or 'none'}, "
          f"of a solid head {dict(seen.by_both) or 'none'}")  # fmt: skip
    print(f"    frames that the mesh sees turned by {TURNED_DEGREES:g} degrees or more:")
    for kind in sorted(seen.residuals):
        residuals, tilts = seen.residuals[kind], seen.excess_tilts[kind]
        print(
            f"      {kind}: {len(residuals)} frames; homography of the mesh leaves "
            f"{describe(residuals)} eye distances; nose ahead by "
            f"{describe(seen.ahead[kind])} of what is asked; tilted more than turned by "
            f"{np.median(tilts):.0f} degrees (median), {min(tilts):.0f} (least)"
        )


def names(seen) -> set[str]:
    return set() if seen is None else {str(seen.gesture)}


def share_ahead(motion: Rigidity) -> float:
    """Return how far the nose is ahead: 1 or more is a solid head."""
    from onlyme.liveness import rigidity

    needed = max(rigidity.MIN_AHEAD_EYE_DISTANCES, rigidity.MIN_AHEAD_SHARE * abs(motion.x))
    return motion.ahead / needed


def describe(values: list[float]) -> str:
    if not values:
        return "nothing"
    return f"{np.median(values):.3f} (median), {max(values):.3f} (most)"


def measure_residual(rest: np.ndarray, moved: np.ndarray) -> float:
    """Return what the best homography between two meshes leaves, in distances of the eyes."""
    one, other = (points[:468, :2].astype(np.float64) for points in (rest, moved))
    eyes = np.linalg.norm(one[[33, 133]].mean(axis=0) - one[[362, 263]].mean(axis=0))
    matrix, _ = cv2.findHomography(other, one, 0)
    back = cv2.perspectiveTransform(other[None], matrix)[0]
    return float(np.sqrt(np.mean(np.sum((back - one) ** 2, axis=1))) / eyes)
