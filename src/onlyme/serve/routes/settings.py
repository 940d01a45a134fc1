"""Show the settings of the service, and change some of them in the user's own file.

Only the page may ask. What the page could be misled to set is left out: paths, keys, addresses of
cameras and databases. The settings of the computer's login are root's, and never changed here.
"""

from __future__ import annotations

import os
import tomllib
from asyncio import to_thread
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from onlyme.errors import SettingsError, UsageError
from onlyme.serve.routes.shared import Here, Page, answer_json
from onlyme.settings import SYSTEM_CONFIG, SYSTEM_VAULT, flatten_liveness
from onlyme.settings.config_file import (
    change_setting,
    find_user_config,
    parse_value,
    read_text,
    write_config_file,
)

if TYPE_CHECKING:
    from pathlib import Path

    from onlyme import FaceID
    from onlyme.serve.state import ServiceState

__all__ = ["loosens", "router"]

router = APIRouter(prefix="/v1/service/settings", include_in_schema=False)

SHOWN: Final = (
    *("liveness", "attention", "far", "fpir", "gate_tries", "runtime", "events_days", "embedder"),
)
"""Settings that the page shows; none of them is a secret."""

CHOICES: Final = {
    "liveness": ("off", "passive", "challenge"),
    "attention": ("off", "eyes", "gaze"),
    "runtime": ("auto", "opencv", "openvino"),
}
"""Settings that the page may change to one of these values; from the loosest to the strictest."""

RATES: Final = ("far", "fpir")
LOOSER_ABOVE: Final = (*RATES, "gate_tries")
CHANGEABLE: Final = (*CHOICES, *LOOSER_ABOVE, "events_days")

_STRICTNESS: Final = {key: CHOICES[key] for key in ("liveness", "attention")}
_one_at_a_time = Lock()


def loosens(name: str, before: Any, after: Any) -> bool:
    """Say whether a change lets more in than before.

    >>> loosens("liveness", "challenge", "passive"), loosens("far", 1e-4, 1e-5)
    (True, False)
    """
    if name in _STRICTNESS:
        order = _STRICTNESS[name]
        return order.index(after) < order.index(before)
    return name in LOOSER_ABOVE and after > before


@router.get("")
async def show_settings(service: Here, _: Page) -> Response:
    """Return the settings in force, those that the next start reads, and the gate's rules."""

    def read(face_id: FaceID) -> dict[str, Any]:
        policy, path = face_id.admin.gate.policy, find_user_config()
        try:
            following = _read_file(path)
        except SettingsError:  # `fixed` says so
            following = {}
        return {
            "settings": _read_current(service),
            "next": following,
            "fixed": {name: _find_reason(service, path, name) for name in CHANGEABLE},
            "choices": CHOICES,
            "gate": {"daily": policy.daily},
            "vault": str(service.settings.vault),
            "file": str(path),
        }

    return answer_json(await service.engine.run(read))


@router.post("")
async def set_setting(
    service: Here,
    _: Page,
    name: Annotated[str, Query(max_length=40)],
    value: Annotated[str, Query(max_length=40)],
    *,
    yes: bool = False,
) -> Response:
    """Write one setting into the user's file; it counts from the next start."""
    if name not in CHANGEABLE:
        raise UsageError(f"the page changes these settings: {', '.join(CHANGEABLE)}")
    path = find_user_config()
    if reason := _find_reason(service, path, name):
        raise UsageError(reason)
    try:
        parsed = parse_value(name, value)
        before = {**_read_current(service), **_read_file(path)}[name]
        if loosens(name, before, parsed) and not yes:
            raise UsageError(f"{name} = {value} lets more in than {before}; send yes=true as well")
        await to_thread(_write, path, name, parsed)
    except (
        SettingsError
    ) as error:  # elsewhere it is a fault of the operator, who is told in the log
        raise UsageError(str(error)) from None

    def note(face_id: FaceID) -> None:
        face_id.admin.note_setting(f"{name} = {value}, was {before}")

    await service.engine.run(note)
    return answer_json({"name": name, "value": parsed, "was": before, "file": str(path)})


def _read_current(service: ServiceState) -> dict[str, Any]:
    values = {key: getattr(service.settings, key) for key in SHOWN}
    return values | {"attention": str(service.attention)}


def _read_file(path: Path) -> dict[str, Any]:
    """Return what the file says of the settings that the page may change."""
    try:
        values = tomllib.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: {error}") from None
    flat = flatten_liveness(values)
    if "liveness" in values:  # a table may leave the level out
        flat.setdefault("liveness", "passive")
    return {name: flat[name] for name in CHANGEABLE if name in flat}


def _find_reason(service: ServiceState, path: Path, name: str) -> str:
    """Say why a setting cannot be changed here; an empty text if it can."""
    if service.settings.vault == SYSTEM_VAULT or path == SYSTEM_CONFIG:
        return "these are the settings of the computer's login; use `onlyme unlock config`"
    if os.environ.get(f"ONLYME_{name.upper()}"):
        return f"the environment sets ONLYME_{name.upper()}, which wins over the file"
    try:
        values = tomllib.loads(read_text(path))
    except (SettingsError, ValueError, RecursionError) as error:
        return f"{path} cannot be read: {error}"
    if name == "liveness" and isinstance(values.get("liveness"), dict):
        return f"{path} has a table [liveness]; change `level` there"
    return ""


def _write(path: Path, name: str, value: Any) -> None:
    """Change one line of the file.

    Raises:
        SettingsError: the file cannot be read or written, or would not say this afterwards.
    """
    real = path.resolve()  # a link stays a link
    with _one_at_a_time:
        text = change_setting(read_text(real), name, value)
        try:
            said = tomllib.loads(text).get(name)
        except ValueError:
            said = None
        if said != value:
            raise SettingsError(f"{path} cannot be changed line by line; edit {name} there")
        try:
            write_config_file(real, text)
        except OSError as error:
            raise SettingsError(f"{path} cannot be written: {error.strerror}") from None
