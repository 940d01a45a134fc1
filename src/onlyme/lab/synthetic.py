"""Draw faces, to try the lab without photos of people.

They are drawings, not photos: an oval, two eyes, a nose, a mouth and hair. Their places and
colours belong to the person; light, tilt and expression belong to the photo. They show that
the code runs, and no figure about faces may come from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["draw_synthetic_faces"]


def draw_synthetic_faces(people: int, photos: int, *, seed: int = 0) -> NDArray[np.uint8]:
    """Draw faces as the aligner would deliver them.

    Args:
        people: number of people.
        photos: number of photos of each person.
        seed: the same seed gives the same faces.

    Returns:
        uint8[people, photos, 112, 112, 3], RGB.

    >>> draw_synthetic_faces(2, 3).shape
    (2, 3, 112, 112, 3)
    """
    source = np.random.default_rng(seed)
    faces = np.empty((people, photos, 112, 112, 3), np.uint8)
    for person in range(people):
        traits = source.uniform(-1, 1, 12)
        for photo in range(photos):
            faces[person, photo] = _draw_photo(traits, source)
    return faces


def _draw_photo(traits: NDArray[np.float64], source: np.random.Generator) -> NDArray[np.uint8]:
    picture = np.empty((112, 112, 3), np.uint8)
    picture[:] = source.integers(0, 256, 3)
    features = traits + source.normal(0, 0.06, traits.size)
    skin = (
        175 + 55 * features[0],
        135 + 45 * features[0],
        110 + 40 * features[0] + 15 * features[1],
    )
    hair = (80 + 70 * features[2], 60 + 50 * features[2], 45 + 40 * features[3])
    eyes = (70 + 60 * features[4], 90 + 50 * features[5], 110 + 60 * features[5])
    _draw_oval(picture, (56, 52), (46 + 4 * features[6], 56), hair)
    _draw_oval(picture, (56, 64), (38 + 5 * features[6], 50 + 3 * features[7]), skin)
    for side in (-1, 1):
        eye = (56 + side * (17.6 + 2.5 * features[8]), 51.6 + 2 * features[9])
        _draw_oval(picture, eye, (7, 4 + features[9]), (240, 240, 240))
        _draw_oval(picture, eye, (3.5, 3.5), eyes)
        _draw_oval(
            picture, (eye[0], eye[1] - 9 - 2 * features[10]), (9, 1.5 + abs(features[10])), hair
        )
    _draw_oval(picture, (56, 70), (3 + 1.5 * features[11], 8), tuple(0.8 * c for c in skin))
    _draw_oval(
        picture, (56, 92), (13 + 4 * features[7], 2 + 2 * abs(source.normal())), (170, 60, 70)
    )
    return _vary_light(picture, source)


def _draw_oval(
    picture: NDArray[np.uint8],
    centre: tuple[float, float],
    axes: tuple[float, float],
    colour: tuple[float, ...],
) -> None:
    clipped = [float(np.clip(value, 0, 255)) for value in colour]
    places = [round(value * 16) for value in centre], [max(8, round(v * 16)) for v in axes]
    cv2.ellipse(picture, places[0], places[1], 0, 0, 360, clipped, -1, cv2.LINE_AA, 4)


def _vary_light(picture: NDArray[np.uint8], source: np.random.Generator) -> NDArray[np.uint8]:
    """Tilt the picture a little, and change its light and noise."""
    turn = cv2.getRotationMatrix2D((56, 64), source.normal(0, 3), 1 + source.normal(0, 0.02))
    turned = cv2.warpAffine(picture, turn, (112, 112), borderMode=cv2.BORDER_REPLICATE)
    light = (
        1 + source.normal(0, 0.1) + np.linspace(-1, 1, 112)[None, :, None] * source.normal(0, 0.1)
    )
    noisy = turned * light + source.normal(0, 4, turned.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)
