"""Define what an attempt needs of a ceremony, and a stream of attempts of its session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from onlyme.face.pipeline import Observation
    from onlyme.siamese.owner import Owner
    from onlyme.types import Decision, HeadReading, Liveness

__all__ = ["AttemptSession", "Ceremony"]


class AttemptSession(Protocol):
    """The current attempt on a stream, of one camera or of two."""

    @property
    def observations(self) -> list[Observation]:
        """What the current attempt showed so far."""

    @property
    def is_full(self) -> bool:
        """Whether the attempt has enough evidence, or enough frames without a face."""

    @property
    def is_fragment(self) -> bool:
        """Whether it shows only the last attempt's face, in too few frames to judge it."""

    def add(self, observation: Observation, /) -> None:
        """Add what the next frame showed."""

    def is_late(self, at: float) -> bool:
        """Return whether a frame taken at this time comes after the end of the attempt."""

    def prepare(self) -> None:
        """Do now, while the camera takes it, what a decision with the next frame needs."""

    def end(self, owner: Owner) -> Decision:
        """Decide about the attempt, and start the next one."""


class Ceremony(Protocol):
    """What a person has to do during an attempt, besides being seen: a challenge, for example."""

    @property
    def is_over(self) -> bool:
        """Whether the attempt may end."""

    def add(
        self, observation: Observation, head: HeadReading | None, /, *, continues: bool
    ) -> None:
        """Look at the next frame; `continues`: it shows the same face as the one before.

        Args:
            observation: what the frame showed.
            head: what the mesh read from its face; None without a face or a mesh.
            continues: whether it is the same face as in the frame before.
        """

    def choose(self, observations: list[Observation]) -> list[Observation]:
        """Return those of an attempt's observations that are used to decide the identity."""

    def judge(self, passive: Liveness) -> Liveness:
        """Combine passive liveness with what the person did."""

    def confirm(self, decision: Decision) -> Decision:
        """Refuse an accepted decision if something else is missing than liveness."""

    def restart(self) -> None:
        """Prepare for the next attempt."""
