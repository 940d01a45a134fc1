#!/usr/bin/env python3
"""Tilt portraits; print how far the measured eyes follow, and how similar the face remains.

    benchmarks/tilt.py [--photos FOLDER]

Once with the landmarks of YuNet alone, once with those that onlyme measures: medians over
the photos of `tools/fetch_photos.py` (or of a folder), tilted in both directions. `lost` counts
faces that were not found. Where `eyes` is less than the tilt, the face is aligned wrongly.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

import cv2
import numpy as np
import platformdirs

from onlyme.face.align import align
from onlyme.face.models import find_model
from onlyme.face.resize import shrink
from onlyme.face.yunet import MIN_FACE_SCORE, SAME_FACE_OVERLAP
from onlyme.faceid import networks
from onlyme.image.decode import decode
from onlyme.image.sources import list_photos
from onlyme.settings import Settings
from onlyme.types import Face

PHOTOS = platformdirs.user_cache_path("onlyme", appauthor=False) / "photos"
HEIGHT = 320
DEGREES = (0, 10, 20, 30, 40, 60)


class Alone:
    """YuNet without anything else, on the whole picture."""

    def __init__(self) -> None:
        weights = np.frombuffer(find_model("detector").read(), np.uint8)
        nothing = np.empty(0, np.uint8)
        self._net = cv2.FaceDetectorYN.create(
            "onnx", weights, nothing, (HEIGHT, HEIGHT), MIN_FACE_SCORE, SAME_FACE_OVERLAP
        )

    def detect(self, pixels: np.ndarray) -> list[Face]:
        """Find faces, the largest first."""
        self._net.setInputSize((pixels.shape[1], pixels.shape[0]))
        _, found = self._net.detect(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        rows = [] if found is None else sorted(found, key=lambda row: -row[2] * row[3])
        return [Face(row[:4], row[4:14].reshape(5, 2), float(row[14])) for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, default=PHOTOS)
    folder = parser.parse_args().photos
    pipeline = networks.make_pipeline(Settings.load())
    pictures = [shrink(decode(path).pixels, HEIGHT)[0] for path in list_photos(folder)]
    ways = {"YuNet alone": Alone(), "onlyme": pipeline.detector}

    def look(detector: Alone, pixels: np.ndarray) -> tuple[np.ndarray, float] | None:
        faces = detector.detect(pixels)
        if not faces:
            return None
        return pipeline.embedder.embed(align(pixels, faces[0])).vector, measure_eye_line(faces[0])

    print(f"Cosine to the same face upright, medians over {len(pictures)} photos")
    print(f"{'tilt':<8}" + "".join(f"{name:>14}{'eyes':>7}{'lost':>6}" for name in ways))
    for degrees in DEGREES:
        row = f"{degrees:>3}°    "
        for detector in ways.values():
            cosines, eyes, lost = [], [], 0
            for picture in pictures:
                upright = look(detector, picture)
                for turn in {degrees, -degrees}:
                    tilted = look(detector, turn_picture(picture, turn))
                    if upright is None or tilted is None:
                        lost += 1
                    else:
                        cosines.append(float(upright[0] @ tilted[0]))
                        eyes.append((upright[1] - tilted[1]) * (1 if turn > 0 else -1))
            row += f"{statistics.median(cosines):>14.2f}{statistics.median(eyes):>6.0f}°{lost:>6}"
        print(row)


def measure_eye_line(face: Face) -> float:
    """Return the angle of the line through the eyes in degrees, clockwise."""
    x, y = face.landmarks[1] - face.landmarks[0]
    return float(np.degrees(np.arctan2(y, x)))


def turn_picture(picture: np.ndarray, degrees: float) -> np.ndarray:
    """Turn a picture about its middle, on a larger black background."""
    height, width = picture.shape[:2]
    side = round(1.6 * HEIGHT)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turn[:, 2] += side / 2 - np.array([width, height]) / 2
    return np.asarray(cv2.warpAffine(picture, turn, (side, side)), np.uint8)


if __name__ == "__main__":
    main()
