"""Read the settings from the environment and from TOML; no other module does.

The first of these that has a setting decides: the argument of a call or command, the environment
(`ONLYME_VAULT`, …), the file `config.toml` in the user's configuration folder (or
`ONLYME_CONFIG`), a default that works. The daemon of the computer's login reads
`/etc/onlyme/config.toml` instead of the user's file.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import platformdirs

from onlyme.errors import SettingsError
from onlyme.settings.text import read_settings_text
from onlyme.types import DEFAULT_FAR, MAX_FAR, MIN_FAR, ExtraNetwork, LivenessLevel

__all__ = ["SYSTEM_CONFIG", "SYSTEM_VAULT", "Settings", "check_values", "flatten_liveness"]


def _find_data_folder() -> Path:
    return platformdirs.user_data_path("onlyme", appauthor=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. TOML uses these names; the environment uses `ONLYME_` and capitals.

    Attributes:
        vault: folder of the vault; by default `vault` in the user's data folder.
        models: folder of further networks; by default `models` in the user's data folder.
        key: what holds the vault's key: `file`, `keyring`, `passphrase` or `credential` (systemd
            seals it for this machine; needs root). Where it is set, a vault with another kind of
            key is refused. By default any kind is accepted, and a new vault gets a file. `auto`,
            the default of the computer's login, accepts a file or a credential; a new vault gets
            a credential where systemd can seal one.
        key_file: the key file; by default `vault.key` in the vault's folder.
        passphrase: of vaults that have one. If it is not set, a terminal asks for it. Set it in
            the environment of one program, not for all programs.
        anchor: a file outside of the vault that notices when the whole vault is replaced by an
            older copy; by default none.
        store: the place of the gallery of many people: `vault`, beside the vault, or the address
            of a PostgreSQL database such as `postgresql+psycopg://user@host/database`. Put its
            password into `~/.pgpass`.
        embedder: the manifest entry that embeds faces.
        embedders: `sface` decides by the embedder alone. With `sface+mobilefacenet` a second
            network looks at faces that are near alpha, for people who were enrolled with it;
            never with an embedder of the user's own.
        far: the false accept rate of a newly enrolled owner's alpha, 1e-10 to 0.1.
        fpir: how often a stranger may be taken for a person of a gallery, 1e-6 to 0.1.
        gate_tries: how many failed tries within five minutes close the gate: 1 to 5.
        events_days: for how many days the events of doors are stored, 0 to 3,650; 0 stores none.
        unknown_days: for how many days pictures and embeddings of unknown people are kept, at most
            365; 0 keeps none and erases what there is.
        unknown_per_day: how many unknown visits are kept of any 24 hours, at most 10,000.
        liveness: how thoroughly cameras check for a photo in place of the person: `off`,
            `passive` or `challenge`. In a file that names further networks it is `level` in the
            table `[liveness]`.
        liveness_extra: further liveness networks, each of which may only refuse; in the file as
            `[[liveness.extra]]`, and nowhere else.
        attention: what a person's eyes must show to a camera: `off` nothing, `eyes` that they are
            open and the face turned here, `gaze` that they look here, too. By default `eyes` for
            the computer's login and the service's page, `off` elsewhere.
        liveness_colourless: what passive liveness answers for pictures without colour, as
            infrared cameras give them: `undecided`, or `judge`, which was never measured on
            infrared.
        runtime: what runs the networks: `opencv`; `openvino` (extra `fast`); or `auto`, which
            is OpenVINO where it can be used and the process runs long enough to gain.
        max_megapixels: larger pictures are refused; at most 1,000. While a picture is read, each
            megapixel takes about 7 MB of memory.
        max_megabytes: larger files are refused.
        camera: the camera of the computer's login: a number, a path, or its name, as
            `onlyme cameras` shows them.
        camera_infrared: whether the camera of the login is an infrared one: `auto` asks the device
            for its formats, `yes` is for a camera that sends its grey pictures as colour, `no`.
        camera_second: a second camera of the same computer, such as its infrared one, that must
            show the same head at the same time; empty: none.
        socket: where the daemon listens, for `onlyme unlock`.
        unlock_far: an owner whose alpha stands for a higher rate cannot unlock by face.
        unlock_confirm: services of PAM, separated by commas, in which the command is shown and
            must be confirmed on the terminal before the camera is used; by default none.
        unlock_intent: what shows that the user wants what a service such as sudo, su or polkit
            asks for. `gesture` is a movement of the head that is drawn for each request, shown
            with it, and seen by the camera. `enter` accepts a key on the terminal: any program of
            the user can type it, too, and so become root while the user sits at the camera.
        unlock_gesture_seconds: seconds to wait for the gesture, at least 2 and at most 50.
        unlock_beside_remote: whether a face opens at this computer's screen while the same user
            has a remote session as well, as over SSH: `refuse`, or `allow`.
        unlock_confirm_seconds: seconds to wait for that confirmation, at most 60.
        unlock_after_lock_seconds: for how many seconds after a screen locker has started a face
            does not open it, so that it does not unlock at once for the user who has just locked
            it; 0 to 60.
        unlock_lid: what to do when the lid is closed: `refuse`, or `ignore` for an external
            camera.
        unlock_virtual_camera: whether the login's camera may be a program: `refuse`, or `allow`
            where the real camera only works through such a program.
    """

    vault: Path
    models: Path
    key: str | None = None
    key_file: Path | None = None
    passphrase: str | None = field(default=None, repr=False)
    anchor: Path | None = None
    store: str = field(default="vault", repr=False)
    embedder: str = "embedder"
    embedders: str = "sface+mobilefacenet"
    far: float = DEFAULT_FAR
    fpir: float = 1e-3
    gate_tries: float = 5.0
    events_days: float = 90.0
    unknown_days: float = 0.0
    unknown_per_day: float = 200.0
    liveness: str = "passive"
    attention: str | None = None
    liveness_colourless: str = "undecided"
    liveness_extra: tuple[ExtraNetwork, ...] = ()
    runtime: str = "auto"
    max_megapixels: float = 51.0
    max_megabytes: float = 64.0
    camera: str = "0"
    camera_infrared: str = "auto"
    camera_second: str = ""
    socket: Path = Path("/run/onlyme/onlyme.sock")
    unlock_far: float = DEFAULT_FAR
    unlock_confirm: str = ""
    unlock_intent: str = "gesture"
    unlock_gesture_seconds: float = 10.0
    unlock_beside_remote: str = "refuse"
    unlock_confirm_seconds: float = 5.0
    unlock_after_lock_seconds: float = 3.0
    unlock_lid: str = "refuse"
    unlock_virtual_camera: str = "refuse"

    @classmethod
    def load_system(cls) -> Settings:
        """Collect the settings of the computer's login, which only root can change.

        The file is `/etc/onlyme/config.toml` (or `ONLYME_CONFIG`); the vault is
        `/var/lib/onlyme`, and its key is apart from it in `/etc/onlyme`.

        Raises:
            SettingsError: the file or a value cannot be used; the message names it.
        """
        values: dict[str, Any] = {
            "vault": SYSTEM_VAULT,
            "models": SYSTEM_VAULT / "models",
            "key": "auto",
            "key_file": _SYSTEM_FOLDER / "vault.key",
        }
        return cls._collect(values, _read_file(_SYSTEM_FOLDER), {})

    @classmethod
    def load(cls, **overrides: Any) -> Settings:
        """Collect the settings.

        Args:
            overrides: settings by name, which win over all others; None leaves a setting alone.

        Raises:
            SettingsError: the file or a value cannot be used; the message names it.
        """
        values: dict[str, Any] = {
            "vault": _find_data_folder() / "vault",
            "models": _find_data_folder() / "models",
        }
        folder = platformdirs.user_config_path("onlyme", appauthor=False)
        return cls._collect(values, _read_file(folder), overrides)

    @classmethod
    def _collect(
        cls, values: dict[str, Any], from_file: dict[str, Any], overrides: dict[str, Any]
    ) -> Settings:
        values |= from_file
        for setting in fields(cls):
            variable = f"ONLYME_{setting.name.upper()}"
            if setting.name != _EXTRA and os.environ.get(variable):
                values[setting.name] = os.environ[variable]
        values |= {key: value for key, value in overrides.items() if value is not None}
        return cls(**check_values(values))


_MAY_BE_ZERO = frozenset(["events_days", "unknown_days", "unlock_after_lock_seconds"])


def check_values(values: dict[str, Any]) -> dict[str, Any]:
    """Return settings by name, each as the type that `Settings` has.

    Raises:
        SettingsError: there is no such setting, or it cannot have this value.
    """
    _refuse_unknown(values)
    return {key: _check_value(key, value) for key, value in values.items()}


_EXTRA = "liveness_extra"
"""Not taken from the environment: networks with their contracts do not fit into one line."""

_SYSTEM_FOLDER = Path("/etc/onlyme")
SYSTEM_CONFIG = _SYSTEM_FOLDER / "config.toml"
"""The settings of the computer's login, unless `ONLYME_CONFIG` names another file."""

SYSTEM_VAULT = Path("/var/lib/onlyme")
_PATHS = {"vault", "models", "key_file", "anchor", "socket"}
_CHOICES = {
    "key": ("auto", "file", "keyring", "passphrase", "credential"),
    "runtime": ("auto", "opencv", "openvino"),
    "embedders": ("sface+mobilefacenet", "sface"),
    "unlock_intent": ("gesture", "enter"),
    "unlock_beside_remote": ("refuse", "allow"),
    "unlock_lid": ("refuse", "ignore"),
    "camera_infrared": ("auto", "yes", "no"),
    "attention": ("off", "eyes", "gaze"),
    "liveness_colourless": ("undecided", "judge"),
    "unlock_virtual_camera": ("refuse", "allow"),
}
_NUMBER_RANGES = {
    "far": (MIN_FAR, MAX_FAR),
    "fpir": (1e-6, 0.1),
    "gate_tries": (1.0, 5.0),
    "events_days": (0.0, 3650.0),
    "unknown_days": (0.0, 365.0),
    "unknown_per_day": (1.0, 10_000.0),
    "max_megapixels": (0.0, 1000.0),
    "max_megabytes": (0.0, 4096.0),
    "unlock_far": (MIN_FAR, MAX_FAR),
    "unlock_confirm_seconds": (0.0, 60.0),
    "unlock_after_lock_seconds": (0.0, 60.0),
    "unlock_gesture_seconds": (2.0, 50.0),
}


def _check_value(key: str, value: Any) -> Any:
    if key == _EXTRA:
        return _check_extra(value)
    if key in _PATHS:
        return _check_path(key, value)
    if key in _NUMBER_RANGES:
        return _check_number(key, value)
    is_count = isinstance(value, int) and not isinstance(value, bool)
    if is_count and key in ("camera", "camera_second"):
        value = str(value)
    if not isinstance(value, str):  # do not show the value: it may be the passphrase
        raise SettingsError(f"{key} must be text, not {type(value).__name__}")
    if key == "passphrase":
        return _check_passphrase(value)
    if key == "store":
        return _check_store(value)
    if not value.isprintable():
        raise SettingsError(f"{key} = {value!r} has a character that cannot be printed")
    if key in _CHOICES and value not in _CHOICES[key]:
        raise SettingsError(f"{key} = {value!r} is not one of {', '.join(_CHOICES[key])}")
    if key == "liveness" and value not in set(LivenessLevel):
        levels = ", ".join(LivenessLevel)
        raise SettingsError(f"liveness = {value!r} is not one of {levels}")
    return str(value)


def _check_passphrase(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise SettingsError("passphrase is not valid text") from None
    return str(value)


def _check_store(value: str) -> str:
    """Return the place of a gallery; an error never shows the value: it may hold a password."""
    scheme, _, rest = value.partition("://")
    if scheme in {"postgres", "postgresql"}:  # as PostgreSQL's own programs write it
        value = f"postgresql+psycopg://{rest}"
    if value == "vault" or (value.startswith("postgresql+psycopg://") and value.isprintable()):
        return str(value)
    raise SettingsError(
        "store must be `vault` or an address such as postgresql://user@host/database"
    )


def _check_path(key: str, value: Any) -> Path:
    """Return a path that can exist. The value may be any object, so its methods may raise."""
    try:
        text = os.fspath(value)
        usable = isinstance(text, str) and text != "" and b"\0" not in os.fsencode(text)
        if usable:
            return Path(text).expanduser()
    except Exception:  # noqa: BLE001 - no home, no encoding, or a `__fspath__` that raises anything
        usable = False
    shown = repr(value) if isinstance(value, str) else f"a value of type {type(value).__name__}"
    raise SettingsError(f"{key} = {shown:.200} is not a path that can be used")


def _check_number(key: str, value: Any) -> float:
    low, high = _NUMBER_RANGES[key]
    try:
        number = float("no" if isinstance(value, bool) else value)
    except (TypeError, ValueError, OverflowError):
        shown = repr(value) if isinstance(value, str) else f"a value of type {type(value).__name__}"
        raise SettingsError(f"{key} = {shown:.200} is not a number") from None
    may_be_zero = key in _MAY_BE_ZERO
    if not (low <= number <= high and (number > 0 or may_be_zero)):
        least = f"at least {low:g}" if low or may_be_zero else "above 0"
        raise SettingsError(f"{key} = {number:g} must be {least} and at most {high:g}")
    return number


_EXTRA_NUMBERS = {
    "side": (16, 1024, None),
    "scale": (-1e6, 1e6, 1.0),
    "mean": (-1e6, 1e6, 0.0),
    "context": (1.0, 6.0, None),
    "live_class": (0, 999, None),
    "threshold": (0.0, 1.0, 0.5),
}
"""Least and largest value of each number of a further network's contract, and its default."""

_EXTRA_CHOICES = {"colours": ("bgr", "rgb"), "output": ("logits", "probabilities")}


def _check_extra(value: Any) -> tuple[ExtraNetwork, ...]:
    """Return further liveness networks; nothing of a contract is guessed."""
    if not isinstance(value, list | tuple):
        raise SettingsError("liveness.extra must be tables: [[liveness.extra]]")
    return tuple(
        one if isinstance(one, ExtraNetwork) else _make_extra(number, one)
        for number, one in enumerate(value, start=1)
    )


def _make_extra(number: int, entry: Any) -> ExtraNetwork:
    where = f"liveness.extra, network {number}"
    known = {setting.name for setting in fields(ExtraNetwork)}
    if not isinstance(entry, dict) or set(entry) - known:
        raise SettingsError(f"{where}: known are {', '.join(sorted(known))}")
    values: dict[str, Any] = {"path": _check_path(f"{where}: path", entry.get("path"))}
    if not values["path"].is_absolute():
        raise SettingsError(f"{where}: path must begin with / or ~")
    digest = entry.get("sha256")
    if not isinstance(digest, str) or not re.fullmatch("[0-9a-fA-F]{64}", digest):
        raise SettingsError(f"{where}: sha256 must be 64 digits: see sha256sum")
    values["sha256"] = digest.lower()
    for key, choices in _EXTRA_CHOICES.items():
        if entry.get(key) not in choices:
            raise SettingsError(f"{where}: {key} must be one of {', '.join(choices)}")
        values[key] = entry[key]
    for key, (low, high, default) in _EXTRA_NUMBERS.items():
        given = entry.get(key, default)
        whole = key in ("side", "live_class")
        if isinstance(given, bool) or not isinstance(given, int if whole else int | float):
            raise SettingsError(f"{where}: {key} must be a {'whole ' if whole else ''}number")
        if not low <= given <= high:
            raise SettingsError(f"{where}: {key} must be {low:g} to {high:g}")
        values[key] = given if whole else float(given)
    return ExtraNetwork(**values)


def flatten_liveness(values: dict[str, Any]) -> dict[str, Any]:
    """Return `[liveness]` as two settings; raises SettingsError where the table cannot be used."""
    if _EXTRA in values:
        raise SettingsError("liveness_extra is written as [[liveness.extra]]")
    table = values.get("liveness")
    if not isinstance(table, dict):
        return values
    if not table:
        raise SettingsError("[liveness] is empty; known in it: level, extra")
    if unknown := sorted(set(table) - {"level", "extra"}):
        raise SettingsError(f"unknown in [liveness]: {', '.join(unknown)}; known: level, extra")
    flat = {key: value for key, value in values.items() if key != "liveness"}
    names = {"level": "liveness", "extra": _EXTRA}
    return flat | {names[key]: value for key, value in table.items()}


def _read_file(folder: Path) -> dict[str, Any]:
    named = os.environ.get("ONLYME_CONFIG")
    path = Path(named) if named else folder / "config.toml"
    try:
        values = tomllib.loads(read_settings_text(path))
    except FileNotFoundError:
        if named:
            words = "does not exist, but ONLYME_CONFIG names it; correct or unset ONLYME_CONFIG"
            raise SettingsError(f"{path} {words}") from None
        return {}
    except (ValueError, RecursionError) as error:  # not TOML, nested too deeply
        raise SettingsError(f"{path}: {error}") from None
    values = flatten_liveness(values)
    _refuse_unknown(values, f"{path}: ")
    return values


def _refuse_unknown(values: dict[str, Any], where: str = "") -> None:
    known = {setting.name for setting in fields(Settings)}
    if unknown := sorted(set(values) - known):
        raise SettingsError(
            f"{where}unknown setting {', '.join(unknown)}; known: {', '.join(sorted(known))}"
        )
