"""False accept rates that others ask for, by name, each with its source.

Which rate is right is for the owner to say; these are the ones that a reader may know. What
alpha keeps a rate is calibrated for each owner, so a preset is a rate, never a threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

from onlyme.errors import UsageError

__all__ = ["PRESETS", "Preset", "find_preset"]


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
    Preset("relaxed", 1e-3, "nobody's standard: for a shared room, or a door that only greets"),
    Preset("nist", 1e-4, "NIST SP 800-63B-4, false match rate of one in 10,000 or better"),
    Preset("android", 2e-5, "Android compatibility definition, class 3: FAR not above 1/50,000"),
    Preset("hello", 1e-5, "Windows Hello biometric requirements: FAR below 0.001 %"),
)
"""From the most lenient to the strictest; `nist` is what new owners get."""


def find_preset(name: str) -> Preset:
    """Return the preset of that name.

    Raises:
        UsageError: there is none.

    >>> find_preset("hello").far
    1e-05
    """
    for candidate in PRESETS:
        if candidate.name == name:
            return candidate
    known = ", ".join(candidate.name for candidate in PRESETS)
    raise UsageError(f"no preset is called {name!r}; known: {known}")
