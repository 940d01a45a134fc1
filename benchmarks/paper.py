"""Simulate frames of a photo on paper, flat, bent or folded, that a hand holds before a webcam.

Simulated paper tests the geometry of the challenge. It says nothing about error rates on real
attacks, and its counts must never be quoted as such.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np

SIZE = 640, 480
FOCAL = 620.0  # pixels; a webcam of 55° across
STRIPS = 16


@dataclass(frozen=True)
class Paper:
    """The shape of the paper, and how the hand shakes.

    Attributes:
        kind: `flat`, `arc` (bent to a cylinder) or `fold` (one crease through the nose).
        upright: whether the cylinder's axis, or the crease, is upright.
        amount: radians from the middle to the edge (arc), or slope of each half (fold).
        tremble: degrees of the hand's tremor.
    """

    kind: str
    upright: bool
    amount: float
    tremble: float


def shape(
    paper: Paper, u: float, v: float, nose: tuple[float, float]
) -> tuple[float, float, float]:
    """Return the place of a photo's point, −1 to 1: x right, y down, z away from the camera."""
    along = u - nose[0] if paper.upright else v - nose[1]
    if paper.kind == "arc":
        radius = 1 / paper.amount
        new, depth = radius * np.sin(along / radius), radius * (1 - np.cos(along / radius))
    elif paper.kind == "fold":
        new, depth = along * np.cos(paper.amount), abs(along) * np.sin(paper.amount)
    else:
        new, depth = along, 0.0
    return (new + nose[0], v, depth) if paper.upright else (u, new + nose[1], depth)


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    rx, _ = cv2.Rodrigues(np.array([np.radians(pitch), 0, 0]))
    ry, _ = cv2.Rodrigues(np.array([0, np.radians(yaw), 0]))
    rz, _ = cv2.Rodrigues(np.array([0, 0, np.radians(roll)]))
    return rz @ ry @ rx


def render(photo, background, paper, nose, turned, shift, distance, rng):
    """Draw the turned and shifted paper, uint8[480, 640, 3]; distances in halves of the photo."""
    height, width = photo.shape[:2]
    frame = background.copy()
    edges = np.linspace(-1, 1, STRIPS + 1) if paper.kind != "flat" else np.array([-1.0, 1.0])
    if paper.kind == "fold":  # the crease must fall on an edge
        edges = np.sort(np.append(edges, nose[0] if paper.upright else nose[1]))
    strips = []
    for low, high in itertools.pairwise(edges):
        if high - low < 1e-6:
            continue
        corners = [(low, -1), (high, -1), (high, 1), (low, 1)]
        if not paper.upright:
            corners = [(-1, low), (1, low), (1, high), (-1, high)]
        solid = np.array([shape(paper, u, v, nose) for u, v in corners])
        placed = solid @ turned.T + (shift[0], shift[1], distance)
        pixels = FOCAL * placed[:, :2] / placed[:, 2:] + np.array(SIZE) / 2
        source = (np.array(corners) + 1) / 2 * (width - 1, height - 1)
        strips.append((placed[:, 2].mean(), source.astype(np.float32), pixels.astype(np.float32)))
    for _, source, pixels in sorted(strips, key=lambda strip: -strip[0]):
        matrix = cv2.getPerspectiveTransform(source, pixels)
        low = np.clip(np.floor(pixels.min(0)) - 1, 0, SIZE).astype(int)
        high = np.clip(np.ceil(pixels.max(0)) + 2, 0, SIZE).astype(int)
        span = high - low
        if (span < 1).any():
            continue
        move = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]], float) @ matrix
        warped = cv2.warpPerspective(photo, move, tuple(map(int, span)), flags=cv2.INTER_LINEAR)
        mask = np.zeros((span[1], span[0]), np.uint8)
        cv2.fillConvexPoly(mask, np.round(pixels - low).astype(np.int32), 255)
        part = frame[low[1] : high[1], low[0] : high[0]]
        part[mask > 0] = warped[mask > 0]
    noise = rng.integers(-4, 5, frame.shape, dtype=np.int16)
    return np.clip(frame.astype(np.int16) + noise, 0, 255).astype(np.uint8)


AIMS = {"left": (1, 0), "right": (-1, 0), "up": (0, -1), "nod": (0, 1), "closer": (0, 0)}


class Holder:
    """An attacker who reads the prompts and tilts, turns or nears the photo as they ask.

    Args:
        photo: uint8[h, w, 3], RGB.
        nose: where the nose is in it, in pixels.
        face: width of the face in it, in pixels.
        paper: its shape.
        seed: of all random numbers.
    """

    def __init__(self, photo, nose, face, paper, seed):
        self.rng = np.random.default_rng(seed)
        height, width = photo.shape[:2]
        self.photo, self.paper = photo, paper
        self.nose = (2 * nose[0] / (width - 1) - 1, 2 * nose[1] / (height - 1) - 1)
        wanted = self.rng.uniform(130, 180)  # pixels that the face is wide on camera
        self.distance = FOCAL * (2 * face / width) / wanted
        small = self.rng.integers(60, 180, (6, 8, 3)).astype(np.uint8)
        self.background = cv2.resize(small, SIZE, interpolation=cv2.INTER_CUBIC)
        self.reach = self.rng.uniform(20, 55)  # degrees
        self.period = self.rng.uniform(1.6, 3.0)  # seconds of one swing there and back
        self.sway = np.zeros(5)

    def frame(self, at: float, asked: str | None):
        """Draw the frame at a time, while a step is asked for (None: look straight)."""
        swing = max(0.0, np.sin(2 * np.pi * at / self.period)) if asked else 0.0
        right, down = AIMS.get(asked or "", (0, 0))
        self.sway = 0.8 * self.sway + self.rng.normal(0, 1, 5) * self.paper.tremble * 0.4
        yaw = self.reach * swing * right + self.sway[0]
        pitch = self.reach * swing * down + self.sway[1]
        near = 1 - (0.35 * swing if asked == "closer" else 0) + 0.004 * self.sway[3]
        turned = rotation(-yaw, -pitch, self.sway[2])
        shift = 0.01 * self.sway[3:] + 0.1 * swing * np.array([right, down])
        return render(
            self.photo, self.background, self.paper, self.nose, turned, shift,
            self.distance * near, self.rng,
        )  # fmt: skip


def papers(rng):
    """Draw a random shape: a third of them flat, a third bent, a third folded."""
    kind = str(rng.choice(["flat", "arc", "fold"]))
    amount = float(rng.uniform(0.4, 1.3) if kind == "arc" else rng.uniform(0.15, 0.7))
    return Paper(kind, bool(rng.integers(2)), amount, float(rng.uniform(0.5, 3)))
