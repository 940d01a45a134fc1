"""Compare the output of each stage of the face pipeline with stored numbers.

All pictures here are drawn or made of noise; none shows a person. Each stage gets an input that
does not depend on the other stages, so that a change is reported for the stage that made it.

After raising the VERSION of a stage, store its new numbers: `python -m tests.face.golden`.
"""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from onlyme.face.align import align
from onlyme.face.detect import Detector
from onlyme.face.embed import Embedder
from onlyme.face.models import find_model
from onlyme.face.subject import choose_subject
from onlyme.face.versions import STAGE_VERSIONS
from onlyme.image import decode as decode_module
from onlyme.image.decode import decode
from onlyme.runtime.drawn_faces import draw_test_faces
from onlyme.types import Face, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    Outputs = dict[str, list[float]]

STORED = Path(__file__).with_name("data") / "golden.json"
HOW = "run `python -m tests.face.golden` to store the new numbers"
CELLS = 6
"""A picture is stored as the means of this many rows and columns, for each colour."""


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        version: its VERSION, and the network where it has one.
        module: where VERSION is.
        compute: returns its outputs for some inputs, by the name of the input.
        agree: says whether an output is the same as the stored one, on any processor.
    """

    version: str
    module: str
    compute: Callable[[], Outputs]
    agree: Callable[[list[float], list[float]], bool]


def within(tolerance: float) -> Callable[[list[float], list[float]], bool]:
    """Return a function that says whether two lists differ by no more than this anywhere."""
    return lambda a, b: (
        len(a) == len(b) and all(abs(x - y) <= tolerance for x, y in zip(a, b, strict=True))
    )


def point_the_same_way(a: list[float], b: list[float]) -> bool:
    """Say whether two vectors have a cosine of at least 0.9995."""
    return len(a) == len(b) and np.dot(a, b) >= 0.9995 * np.linalg.norm(a) * np.linalg.norm(b)


def summarise(pixels: np.ndarray) -> list[float]:
    """Return height, width and the mean of each cell and colour, 0 to 255."""
    height, width = pixels.shape[:2]
    means = cv2.resize(pixels.astype(np.float32), (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return [float(height), float(width), *(round(float(mean), 1) for mean in means.ravel())]


def encode(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def decode_pictures() -> Outputs:
    noise = np.random.default_rng(11).integers(0, 256, (6, 9, 4), dtype=np.uint8)
    picture = Image.fromarray(noise).resize((72, 48), Image.Resampling.NEAREST)
    exif = Image.Exif()
    exif[0x0112] = 6
    rgb, deep = picture.convert("RGB"), np.asarray(picture)[:, :, 0].astype(np.uint16) * 200
    files = {
        "PNG": encode(rgb, "PNG"),
        "PNG, transparent": encode(picture, "PNG"),
        "PNG, grey, 16 bits": encode(Image.fromarray(deep), "PNG"),
        "PNG, to be turned": encode(rgb, "PNG", exif=exif),
        "GIF": encode(rgb.quantize(16), "GIF"),
        "JPEG": encode(rgb, "JPEG", quality=95, subsampling=0),
        "JPEG, CMYK": encode(rgb.convert("CMYK"), "JPEG", quality=95, subsampling=0),
    }
    return {name: summarise(decode(file).pixels) for name, file in files.items()}


def describe(faces: list[Face]) -> list[float]:
    """Return ten landmarks' coordinates, the box and 100 times the score of each face."""
    rows = [[*face.landmarks.ravel(), *face.box, 100 * face.score] for face in faces]
    return [round(float(value), 3) for row in rows for value in row]


def turn(pixels: np.ndarray, degrees: float) -> np.ndarray:
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return cv2.warpAffine(pixels, matrix, (width, height), borderValue=(150, 170, 185))


def detect_faces() -> Outputs:
    detector = Detector(find_model("detector").read())
    drawn = [pixels for pixels, _ in draw_test_faces()]
    small = np.full((1200, 1600, 3), (150, 170, 185), np.uint8)
    small[700:820, 300:460] = cv2.resize(drawn[1], (160, 120), interpolation=cv2.INTER_AREA)
    tiny = np.full((1500, 2000, 3), (150, 170, 185), np.uint8)
    tiny[900:966, 400:488] = cv2.resize(drawn[1], (88, 66), interpolation=cv2.INTER_AREA)
    pictures = {
        **{f"face {number}": pixels for number, pixels in enumerate(drawn)},
        "two faces": np.hstack(drawn[:2]),
        "a small face in a large picture": small,
        "a tiny face in a larger picture": tiny,
        "tilted by 12 degrees": turn(drawn[0], 12),
        "tilted by 25 degrees": turn(drawn[0], 25),
        "tilted by 50 degrees": turn(drawn[0], -50),
        "tilted by 70 degrees": turn(drawn[1], -70),
        "lying": np.ascontiguousarray(np.rot90(drawn[0])),
        "upside down": np.ascontiguousarray(drawn[2][::-1, ::-1]),
    }
    outputs = {name: describe(detector.detect(pixels)) for name, pixels in pictures.items()}
    outputs["two faces, every"] = describe(detector.detect(pictures["two faces"], every=True))
    (last,) = detector.detect(drawn[0])
    moved = np.roll(drawn[0], (6, 11), (0, 1))
    outputs["near the last one"] = describe(detector.detect_near(moved, last))
    return outputs


def choose_subjects() -> Outputs:
    """Two faces: one grows, moves away from the middle, or is uncertain."""

    def face(x: float, y: float, side: float, score: float = 0.95) -> Face:
        box = np.array([x - side / 2, y - side / 2, side, side], np.float32)
        return Face(box, np.zeros((5, 2), np.float32), score)

    def number(faces: list[Face]) -> float:
        chosen = choose_subject(faces, (480, 640))
        if isinstance(chosen, Reason):
            return {Reason.NO_FACE: -1.0, Reason.MANY_FACES: -2.0}[chosen]
        return float(next(n for n, one in enumerate(faces) if one is chosen))

    other = face(220, 240, 100)
    return {
        "none": [number([])],
        "size": [number([other, face(420, 240, side)]) for side in range(40, 200, 4)],
        "place": [number([other, face(220 + away, 240, 130)]) for away in range(0, 400, 10)],
        "score": [
            number([other, face(420, 240, 100, percent / 100)]) for percent in range(60, 100, 2)
        ],
    }


def align_faces() -> Outputs:
    """Large faces, which are shrunk first, a small one, and one that is tilted."""
    outputs = {}
    for number, scale in ((0, 1.0), (1, 0.4), (1, 5.0), (2, 1.0)):
        pixels, face = draw_test_faces()[number]
        size = round(640 * scale), round(480 * scale)
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)
        face = Face(face.box * np.float32(scale), face.landmarks * np.float32(scale), 1.0)
        outputs[f"face {number}, {size[0]} pixels wide"] = summarise(align(pixels, face))
    pixels, face = draw_test_faces()[0]
    matrix = cv2.getRotationMatrix2D((320, 240), 30, 1.0)
    landmarks = face.landmarks @ matrix[:, :2].T + matrix[:, 2]
    tilted = Face(face.box, landmarks.astype(np.float32), 1.0)
    outputs["tilted by 30 degrees"] = summarise(align(turn(pixels, 30), tilted))
    return outputs


def embed_faces() -> Outputs:
    model = find_model("embedder")
    embedder = Embedder(model)
    outputs = {}
    for number, (pixels, face) in enumerate(draw_test_faces()[:2]):
        side = (model.size, model.size)
        cut = cv2.resize(face.crop(pixels), side, interpolation=cv2.INTER_AREA)
        vector = embedder.embed(np.asarray(cut, np.uint8)).vector
        outputs[f"face {number}"] = [round(float(value), 4) for value in vector]
    return outputs


@cache
def list_stages() -> dict[str, Stage]:
    detector, embedder = (find_model(name).sha256[:16] for name in ("detector", "embedder"))
    version = {stage: str(number) for stage, number in STAGE_VERSIONS.items()}
    return {
        # JPEG decoders may round differently.
        "decode": Stage(
            str(decode_module.VERSION), "image/decode.py", decode_pictures, within(1.0)
        ),
        # The unit is a pixel, or 0.01 of a score.
        "detect": Stage(
            f"{version['detect']}, network {detector}", "face/detect.py", detect_faces, within(0.5)
        ),
        "subject": Stage(version["subject"], "face/subject.py", choose_subjects, within(0.0)),
        "align": Stage(version["align"], "face/align.py", align_faces, within(0.2)),
        "embed": Stage(
            f"{version['embed']}, network {embedder}",
            "face/embed.py",
            embed_faces,
            point_the_same_way,
        ),
    }


def find_change(name: str, stage: Stage, stored: dict[str, dict]) -> str:
    """Say how a stage differs from its stored numbers, and what to do; empty where it does not."""
    if name not in stored:
        return f"there are no numbers of stage {name}: {HOW}"
    if stored[name]["version"] != stage.version:
        return (
            f"stage {name} has version {stage.version}, the stored numbers have version "
            f"{stored[name]['version']}: {HOW}"
        )
    expected, outputs = stored[name]["outputs"], stage.compute()
    changed = sorted(
        case
        for case in expected.keys() | outputs.keys()
        if not stage.agree(expected.get(case, []), outputs.get(case, []))
    )
    if not changed:
        return ""
    return (
        f"the output of stage {name} changed ({', '.join(changed)}): raise its VERSION in "
        f"src/onlyme/{stage.module} and {HOW}"
    )


def read_stored() -> dict[str, dict]:
    return json.loads(STORED.read_text("utf-8")) if STORED.exists() else {}


def main() -> int:
    stored, refused = read_stored(), False
    for name, stage in list_stages().items():
        change = find_change(name, stage, stored)
        if change and name in stored and stored[name]["version"] == stage.version:
            sys.stderr.write(f"{change}\n")
            refused = True
        elif change:
            stored[name] = {"version": stage.version, "outputs": stage.compute()}
            sys.stderr.write(f"stored: {name}, version {stage.version}\n")
    STORED.parent.mkdir(exist_ok=True)
    text = json.dumps(stored, indent=1)
    # One output a line.
    lines = text.replace(",\n    ", ", ").replace("[\n    ", "[").replace("\n   ]", "]")
    STORED.write_text(lines + "\n", "utf-8")
    return int(refused)


if __name__ == "__main__":
    sys.exit(main())
