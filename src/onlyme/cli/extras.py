"""Say which optional parts of onlyme (extras) are installed, from the package's metadata."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution

__all__ = ["EXTRAS", "find_missing", "list_extras", "require_extra"]

EXTRAS = {
    "cluster": "examine photos on several computers",
    "fast": "run the networks faster",
    "heic": "read photos as iPhones store them",
    "index": "search very large galleries faster",
    "keyring": "keep the vault's key in the desktop's keyring",
    "lab": "train and compare networks",
    "mqtt": "tell an MQTT broker, such as Home Assistant's, what happens at a door",
    "postgres": "keep the gallery in PostgreSQL",
    "serve": "run the page and the REST service",
    "swagger": "show the REST API in a browser",
    "unlock": "open the computer's login",
}
"""What each extra for users is needed for."""

_FOR_DEVELOPERS = frozenset({"dev", "docs"})
_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)[^;]*;.*\bextra == [\"']([\w-]+)[\"']")


def list_extras() -> dict[str, tuple[str, ...]]:
    """Return the packages of each extra for users; empty where onlyme has no metadata."""
    try:
        requirements = distribution("onlyme").requires or []
    except PackageNotFoundError:  # it runs from a folder of sources
        return {}
    extras: dict[str, tuple[str, ...]] = {}
    for requirement in requirements:
        match = _REQUIREMENT.match(requirement)
        if match and match[2] not in _FOR_DEVELOPERS:
            extras[match[2]] = (*extras.get(match[2], ()), match[1])
    return dict(sorted(extras.items()))


def find_missing(extra: str) -> tuple[str, ...]:
    """Return the packages of an extra that are not installed."""
    return tuple(name for name in list_extras().get(extra, ()) if not _is_installed(name))


def require_extra(extra: str, part: str) -> None:
    """Refuse to start a part of onlyme whose packages are not installed.

    Args:
        extra: the extra that brings them.
        part: what needs them, such as `the service`.

    Raises:
        UsageError: it names the packages, and the command that installs them.
    """
    missing = find_missing(extra)
    if missing:
        from onlyme.errors import UsageError, explain_extra

        raise UsageError(f"{part} needs {', '.join(missing)}; {explain_extra(extra)}")


def _is_installed(package: str) -> bool:
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True
