"""Choose a false accept rate: by number, by a preset's name, or an alpha in its place.

All rates are those of random people, as the standards mean them; a person who looks like the
owner passes up to 20 times as often. Each preset is a rate that a standard or a system asks
for, with its source. Which rate is right is the owner's choice. The alpha that keeps a rate is
calibrated for each owner, so a preset is a rate, never a threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

from onlyme.errors import UsageError, check_number, show_argument
from onlyme.types import DEFAULT_FAR, MAX_ALPHA, MAX_FAR, MIN_ALPHA, MIN_FAR

__all__ = [
    "ALIKE_SHARE",
    "PRESETS",
    "Preset",
    "choose_far",
    "estimate_far_alike",
    "find_preset",
]

ALIKE_SHARE = 0.05
"""Share of all people who count as looking like an owner: the twentieth that looks most so."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A false accept rate with a name.

    Attributes:
        name: what to call it.
        far: the false accept rate, above 0.
        source: who asks for it, and where.
    """

    name: str
    far: float
    source: str


PRESETS = (
    Preset("relaxed", 1e-3, "no standard: for a shared room, or a door that only greets"),
    Preset("nist", DEFAULT_FAR, "NIST SP 800-63B-4, false match rate of one in 10,000 or better"),
    Preset(
        "household",
        5e-5,
        "no standard: a person who looks like the owner passes at most once in 1,000 tries",
    ),
    Preset("android", 2e-5, "Android compatibility definition, class 3: FAR not above 1/50,000"),
    Preset("hello", 1e-5, "Windows Hello biometric requirements: FAR below 0.001 %"),
)
"""From the most lenient to the strictest; new owners get `nist`."""


def find_preset(name: str) -> Preset:
    """Return the preset of that name.

    Raises:
        UsageError: there is none.

    >>> find_preset("hello").far
    1e-05
    """
    given: object = name
    for candidate in PRESETS:
        if isinstance(given, str) and candidate.name == given:
            return candidate
    known = ", ".join(candidate.name for candidate in PRESETS)
    raise UsageError(f"no preset is called {show_argument(name)}; choose one of {known}")


def choose_far(
    *, far: float | None = None, preset: str | None = None, alpha: float | None = None
) -> tuple[float | None, float | None]:
    """Check a choice of far, preset or alpha, of which just one must be given.

    Args:
        far: a false accept rate, `MIN_FAR` to `MAX_FAR`.
        preset: the name of one.
        alpha: a margin, `MIN_ALPHA` to `MAX_ALPHA`.

    Returns:
        The false accept rate and the alpha; one of them is None.

    Raises:
        UsageError: not just one was given, no preset has that name, or the number is out of
            range.

    >>> choose_far(preset="hello"), choose_far(alpha=0.2)
    ((1e-05, None), (None, 0.2))
    """
    if sum(choice is not None for choice in (far, preset, alpha)) != 1:
        raise UsageError("give just one of far, preset and alpha")
    if preset is not None:
        return find_preset(preset).far, None
    if far is not None:
        far = check_number("a false accept rate", far, MIN_FAR, MAX_FAR)
    if alpha is not None:
        alpha = check_number("an alpha", alpha, MIN_ALPHA, MAX_ALPHA)
    return far, alpha


def estimate_far_alike(far: float | None) -> float | None:
    """Return how often a person who looks like the owner is accepted, from `far`.

    Such a person is one of the `ALIKE_SHARE` of all people who look most like the owner, by
    any measure. Even if each random person who is accepted were one of them, they would be
    accepted 1 / `ALIKE_SHARE` times as often as random people. This is a bound, not a model; close
    relatives are nearer still and not covered by it. By another network's likeness it is nearly
    reached: 15 to 20 times were counted (benchmarks/groups.py).

    >>> estimate_far_alike(1e-4)
    0.002
    """
    return None if far is None else min(1.0, far / ALIKE_SHARE)
