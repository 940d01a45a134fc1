"""What the tests of a door's camera share: clips side by side, and what was seen."""

from itertools import islice

import cv2
import numpy as np

from onlyme import Frame
from onlyme.image.sources import read_frames

EMPTY = np.full((480, 320, 3), 90, np.uint8)


def half(data, name, count):
    """Frames of a clip in the left or right half of a webcam frame."""
    for frame in islice(read_frames(data / f"clips/{name}.mp4"), count):
        height, width = frame.pixels.shape[:2]
        scale = 480 / height
        small = cv2.resize(frame.pixels, (round(width * scale), 480), interpolation=cv2.INTER_AREA)
        left = max(0, (small.shape[1] - 320) // 2)
        part = np.full((480, 320, 3), 90, np.uint8)
        cut = small[:, left : left + 320]
        part[:, : cut.shape[1]] = cut
        yield part


def stream(pictures, rate=30, start=0.0):
    return [Frame(pixels, "door", start + n / rate) for n, pixels in enumerate(pictures)]


def list_events(made):
    return [(one.event, one.id) for people in made for one in people if one.event]


def names_of(made):
    return {one.decision.name for people in made for one in people if one.decision.accepted}
