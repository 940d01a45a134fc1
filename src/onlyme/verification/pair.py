"""Judge what two cameras of one computer see together: both must show one head.

A photo that deceives a colour camera is seldom a face in infrared light, and a screen is dark
there. So where two cameras are read together (`onlyme.image.pairing`), only moments count in which
both show the same head in the same pose. Identity and passive liveness may then come from either;
what the person is asked to do is seen by the first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from onlyme.face.pose import estimate_pose
from onlyme.types import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlyme.face.pipeline import Observation
    from onlyme.siamese.owner import Owner
    from onlyme.types import Decision
    from onlyme.verification.attempt import CaptureSession

__all__ = ["PairSession", "show_one_head"]

MIN_HEAD_COSINE: Final = 0.5
"""Two cameras' embeddings of one head at one moment are at least as alike. Strangers reach this
about six times in a million."""

MAX_TURN_DEGREES: Final = 15.0
"""Poses of one head, seen by two cameras a few centimetres apart, differ by at most this in yaw and
roll. Pitch is measured too roughly from five landmarks."""


def show_one_head(first: Observation, second: Observation) -> bool:
    """Say whether two cameras show the same head in the same pose."""
    if first.embedding is None or second.embedding is None:
        return False
    if first.face is None or second.face is None:
        return False
    if float(np.dot(first.embedding.vector, second.embedding.vector)) < MIN_HEAD_COSINE:
        return False
    yaw, _, roll = estimate_pose(first.face.landmarks)
    other_yaw, _, other_roll = estimate_pose(second.face.landmarks)
    return max(abs(yaw - other_yaw), abs(roll - other_roll)) <= MAX_TURN_DEGREES


class PairSession:
    """The current attempt on a stream of two cameras, or of one where nothing is beside.

    It stands in for `CaptureSession`; the second camera has one of its own.

    Args:
        first: the session of the first camera.
        make_second: makes the one of the second camera; None where the person makes a movement.
    """

    def __init__(
        self, first: CaptureSession, make_second: Callable[[], CaptureSession] | None
    ) -> None:
        self._first = first
        self._make_second = make_second
        self._second: CaptureSession | None = None
        self._paired = False

    def add(self, observation: Observation) -> None:
        """Add what the next frame showed, and what was beside it."""
        beside = observation.beside
        if beside is not None and not self._paired:
            self._paired = True
            self._second = self._make_second() if self._make_second else None
        if not self._paired:
            self._first.add(observation)
            return
        if beside is None or not show_one_head(observation, beside):
            both = beside is not None and observation.face is not None and beside.face is not None
            reason = Reason.MANY_FACES if both else Reason.NO_FACE
            observation = _blank(observation, reason)
            beside = _blank(beside or observation, reason)
        self._first.add(observation)
        if self._second is not None:
            at = observation.frame.at  # both sessions count on one clock
            self._second.add(replace(beside, frame=replace(beside.frame, at=at)))

    @property
    def observations(self) -> list[Observation]:
        """The observations of the first camera in the current attempt."""
        return self._first.observations

    def is_late(self, at: float) -> bool:
        """Return whether a frame taken at this time comes after the end of the attempt."""
        return self._first.is_late(at)

    @property
    def is_full(self) -> bool:
        """Whether the attempt has enough evidence from both cameras."""
        return self._first.is_full and (self._second is None or self._second.is_full)

    def prepare(self) -> None:
        """Do now, while the cameras take it, what a decision with the next frame needs."""
        self._first.prepare()
        if self._second is not None:
            self._second.prepare()

    @property
    def is_fragment(self) -> bool:
        """Whether it shows only the last attempt's face, in too few frames to judge it."""
        return self._first.is_fragment

    def end(self, owner: Owner) -> Decision:
        """Decide about the attempt, and start the next one.

        Two cameras are two tries, so that each decides with an alpha for half of the false accept
        rate.
        """
        if self._second is None:
            return self._first.end(owner)
        shared = owner.share_among(2)
        first, second = self._first.end(shared), self._second.end(shared)
        # Life may come from either camera, but what one of them takes for an attack is one.
        attack = second.reason is Reason.NOT_LIVE
        is_better = second.accepted and first.reason is not Reason.NOT_LIVE
        decision = second if attack or (is_better and not first.accepted) else first
        return replace(decision, far=owner.far)


def _blank(observation: Observation, reason: Reason) -> Observation:
    """Return an observation without its face."""
    return replace(observation, face=None, embedding=None, reason=reason)
