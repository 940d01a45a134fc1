#!/usr/bin/env python3
"""Measure what a mesh costs a frame, how the two engines agree, and where its points lie.

    benchmarks/mesh.py [--rounds 400]

The least time of the rounds is held to the mark: medians on a machine that does other work
measure that work as well. An embedding of the same face is timed beside it, to compare.

Exit code 1 if a figure misses its mark. Needs the extra `fast` and the photos of
`tools/fetch_photos.py`; with ONLYME_DATA also clips of living people.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import platformdirs
from speed import say

from onlyme.face.align import align
from onlyme.face.mesh import Mesh, load_canonical_face
from onlyme.face.models import find_model
from onlyme.face.pose import estimate_mesh_pose, estimate_pose
from onlyme.faceid import networks
from onlyme.image.decode import decode
from onlyme.image.sources import list_photos, read_frames
from onlyme.settings import Settings
from onlyme.types import Face, MeshFace

DATA = Path(os.environ.get("ONLYME_DATA", Path(__file__).parents[2] / "shared/data"))
PHOTOS = platformdirs.user_cache_path("onlyme", appauthor=False) / "photos"
MARKS_MS = {"opencv": 8.0, "openvino": 4.0}
BLOCK = 20  # rounds of one engine
FRAMES = 12  # of each clip, evenly spaced


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=400, help="frames, of both engines")
    rounds = parser.parse_args().rounds
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    if why := networks.explain_unfit(Settings.load()):
        sys.exit(f"{why}: there is nothing to compare")
    engines = {name: networks.load_mesh(name) for name in MARKS_MS}
    if engines["opencv"] is engines["openvino"]:
        sys.exit("OpenVINO does not agree with OpenCV on a mesh")
    detector = networks.make_pipeline(Settings.load()).detector
    photos = [decode(path).pixels for path in list_photos(PHOTOS)]
    faces = [(pixels, detector.detect(pixels)[0]) for pixels in photos]
    marks = [*time_engines(engines, *faces[0], rounds), *compare_engines(engines, faces)]
    marks += compare_landmarks("photos", engines["opencv"], faces)
    for path in sorted((DATA / "clips").glob("*_live.mp4")):
        frames = [frame.pixels for frame in read_frames(path)]
        chosen = [frames[n] for n in np.linspace(0, len(frames) - 1, FRAMES).astype(int)]
        found = [(pixels, near) for pixels in chosen for near in detector.detect(pixels)[:1]]
        marks += compare_landmarks(path.stem, engines["opencv"], found)
    return 0 if all(marks) else 1


def time_engines(
    engines: dict[str, Mesh], pixels: np.ndarray, face: Face, rounds: int
) -> list[bool]:
    """Time the parts of one frame 480 pixels high, engines in turns."""
    scale = 480 / pixels.shape[0]
    pixels = cv2.resize(pixels, (round(pixels.shape[1] * scale), 480))
    face = Face(face.box * np.float32(scale), face.landmarks * np.float32(scale), face.score)
    taken: dict[tuple[str, str], list[float]] = {}
    aligned = align(pixels, face)
    embedders = {
        name: networks.make_pipeline(Settings.load(runtime=name)).embedder for name in engines
    }
    head = load_canonical_face(find_model("canonical"))
    for turn in range(rounds):
        # In blocks: a process uses one engine, and its idle threads disturb the other.
        name = list(engines)[turn // BLOCK % len(engines)]
        mesh = engines[name]
        found = clock(taken, (name, "points and pose"), lambda m=mesh: m.locate(pixels, face))
        assert isinstance(found, MeshFace)  # noqa: S101 - the face is there
        clock(taken, (name, "expression"), lambda m=mesh, f=found: m.score_expression(f))
        clock(taken, (name, "pose alone"), lambda f=found: estimate_mesh_pose(f.points, head))
        embedder = embedders[name]
        clock(taken, (name, "an embedding"), lambda e=embedder: e.embed(aligned))
    print("One face, models warm, median (least) of the rounds:")
    for (name, part), series in taken.items():
        print(f"    {name:<9} {part:<16} {statistics.median(series):6.2f} ({min(series):.2f}) ms")
    return [
        say(
            f"{name}: points, pose and expression, least",
            sum(min(series) for (who, part), series in taken.items()
                if who == name and part in {"points and pose", "expression"}),
            mark,
            " ms",
        )
        for name, mark in MARKS_MS.items()
    ]  # fmt: skip


def clock(taken: dict[tuple[str, str], list[float]], key: tuple[str, str], run: object) -> object:
    """Run a function and note the milliseconds that it took."""
    start = time.perf_counter()
    answer = run()  # type: ignore[operator]  # it takes nothing
    taken.setdefault(key, []).append((time.perf_counter() - start) * 1e3)
    return answer


def compare_engines(engines: dict[str, Mesh], faces: list[tuple[np.ndarray, Face]]) -> list[bool]:
    """Compare points and scores of the two engines on photos."""
    moved, scored = 0.0, 0.0
    for pixels, face in faces:
        one, other = (mesh.locate(pixels, face) for mesh in engines.values())
        if one is None or other is None:
            sys.exit("an engine finds no mesh on a photo")
        moved = max(moved, float(np.abs(one.points - other.points).max() / face.box[2]))
        scores = [list(mesh.score_expression(one).values()) for mesh in engines.values()]
        scored = max(scored, float(np.abs(np.subtract(*scores)).max()))
    print(f"Engines on {len(faces)} photos:")
    return [
        say("largest move of a point, thousandths of the face width", moved * 1e3, 1),
        say("largest difference of a score, thousandths", scored * 1e3, 5),
    ]


def compare_landmarks(what: str, mesh: Mesh, faces: list[tuple[np.ndarray, Face]]) -> list[bool]:
    """Compare the eyes with the detector's, in eye distances, and the two ways to a pose."""
    apart, turned, none = [], [], 0
    for pixels, face in faces:
        found = mesh.locate(pixels, face)
        if found is None:
            none += 1
            continue
        points = found.points[:, :2]
        eyes = np.array([points[[33, 133]].mean(0), points[[362, 263]].mean(0)])
        away = np.linalg.norm(eyes - face.landmarks[:2], axis=1).max()
        apart.append(float(away / np.linalg.norm(eyes[1] - eyes[0])))
        turned.append(abs(found.yaw - estimate_pose(face.landmarks)[0]))
    print(
        f"{what}: {len(apart)} meshes, {none} faces without; yaw differs from that of five "
        f"points by {statistics.median(turned):.0f}° (median)"
    )
    return [say("eyes from the detector's, eye distances, median", statistics.median(apart), 0.2)]


if __name__ == "__main__":
    sys.exit(main())
