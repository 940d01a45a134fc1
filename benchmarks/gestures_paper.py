"""Try gestures on simulated paper, and compare the ways to tell it from a solid head."""

from __future__ import annotations

import random
from collections import Counter
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


def paper_figures(data: Path, count: int) -> bool:
    """Print what is seen of paper; it tests geometry, and is no error rate on attacks."""
    runtime = networks.choose_runtime(Settings.load(), lasting=True)
    pipeline, mesh = (
        networks.make_pipeline(Settings.load(), lasting=True),
        networks.load_mesh(runtime),
    )
    people = sorted((data / "lfw_dev").glob("*/*_0001.jpg"))
    shapes, alone, seen = Counter(), Counter(), Counter()
    left: dict[str, list[float]] = {}
    ahead: dict[str, list[float]] = {}
    excess: dict[str, list[float]] = {}
    chosen = random.Random(7).sample(people, min(count, len(people)))  # noqa: S311 - to be repeated
    for seed, path in enumerate(chosen):
        photo = decode(path).pixels
        face = choose_subject(pipeline.detector.detect(photo), photo.shape)
        if not isinstance(face, Face):
            continue
        paper = papers(np.random.default_rng(seed))
        big = cv2.resize(photo, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        holder = Holder(big, face.landmarks[2] * 2, face.box[2] * 2, paper, seed)
        asked, held = ASKED[seed % 3], seed % 2 == 0
        shapes[paper.kind] += 1
        detector, witness = GestureDetector(), GestureWitness()
        by_mesh, by_both, rest, tracks = set(), set(), None, None
        follower = pipeline.follow().detector
        for number in range(int(RATE * SECONDS)):
            at = number / RATE
            move = at - REST_SECONDS
            if held:  # there, and no way back
                move = min(move, holder.period / 4)
            frame = holder.frame(*((at, None) if at < REST_SECONDS else (move, asked.value)))
            found = choose_subject(follower.detect(frame), frame.shape)
            reading = mesh.read(frame, found) if isinstance(found, Face) else None
            if reading is None:
                continue
            gray = make_gray(frame)
            by_mesh |= names(detector.add(at, reading))
            by_both |= names(witness.add(at, gray, reading))
            if rest is None and at >= REST_SECONDS - 0.2:
                rest, tracks = reading.mesh, PointTracks(gray, reading.mesh.points)
            elif rest is not None and tracks is not None:
                tracks.follow(gray, reading.mesh.points)
                if abs(reading.mesh.yaw - rest.yaw) >= TURNED_DEGREES:
                    residual = measure_residual(rest.points, reading.mesh.points)
                    left.setdefault(paper.kind, []).append(residual)
                    turned = abs(reading.mesh.yaw - rest.yaw)
                    tilt = measure_tilt(rest.points, reading.mesh.points)
                    excess.setdefault(paper.kind, []).append(tilt - turned)
                    motion = measure_rigidity(tracks)
                    if motion is not None:
                        ahead.setdefault(paper.kind, []).append(share_ahead(motion))
        alone.update(by_mesh)
        seen.update(by_both)
    print(f"\nSimulated paper, {sum(shapes.values())} photos {dict(shapes)}, turned and lowered as "
          "asked (geometry only, not an APCER):")  # fmt: skip
    print(f"    gestures by the mesh alone {dict(alone) or 'none'}, "
          f"of a solid head {dict(seen) or 'none'}")  # fmt: skip
    print(f"    frames that the mesh sees turned by {TURNED_DEGREES:g} degrees or more:")
    for kind in sorted(left):
        more = excess[kind]
        print(
            f"      {kind}: {len(left[kind])} frames; homography of the mesh leaves "
            f"{describe(left[kind])} eye distances; nose ahead by "
            f"{describe(ahead.get(kind, []))} of what is asked; tilted more than turned by "
            f"{np.median(more):.0f} degrees (median), {min(more):.0f} (least)"
        )
    return not any(seen[str(one)] for one in ASKED)


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
