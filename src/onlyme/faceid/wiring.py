"""Settings come in; parts put together go out. The only place that chooses implementations."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import cache, partial
from getpass import getpass
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from onlyme.errors import (
    KeyMissing,
    ModelError,
    ModelMissing,
    ModelRefused,
    NotCalibrated,
    SettingsError,
    UsageError,
)
from onlyme.face.detect import Detector
from onlyme.face.embed import Embedder
from onlyme.face.models import SHIPPED, find
from onlyme.face.pipeline import Pipeline
from onlyme.faceid.adaptation import Adaptation
from onlyme.faceid.enrolled import GALLERY_FILE, Everybody
from onlyme.gate.admission import Gate
from onlyme.siamese import Base
from onlyme.vault.admin import Keeping
from onlyme.vault.key_sources import KeyFile, Keyring, Passphrase
from onlyme.vault.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from onlyme.faceid.face_id import FaceID
    from onlyme.gallery.stores.postgres import PostgresStore
    from onlyme.gallery.stores.protocol import TemplateStore
    from onlyme.liveness.judge import Judge
    from onlyme.runtime.openvino import Engine
    from onlyme.settings import Settings
    from onlyme.vault.key_sources import KeySource
    from onlyme.vault.restore import Restored

    F = TypeVar("F", bound=FaceID)

__all__ = [
    "adaptation",
    "base",
    "engine",
    "everybody",
    "face_id",
    "gallery_file",
    "judge",
    "judge_for",
    "keeping",
    "key_source",
    "pipeline",
    "restored",
    "runtime",
    "template_store",
    "unfit",
    "upgrade_store",
]


_one_at_a_time = Lock()
"""Threads of a service begin together, and would each load and compare the networks."""


def pipeline(settings: Settings, *, lasting: bool = False) -> Pipeline:
    """Put together what sees faces; its networks are loaded once in a process.

    Args:
        settings: say which networks, on which runtime.
        lasting: this process looks at many pictures; see `runtime`.

    Raises:
        ModelMissing, ModelRefused: one cannot be used.
    """
    on = runtime(settings, lasting=lasting)
    return Pipeline(
        detector=_detector(on),
        embedder=_embedder(on, settings.embedder, settings.models),
        runtime=on,
        max_pixels=int(settings.max_megapixels * 1e6),
        max_bytes=int(settings.max_megabytes * 2**20),
    )


def runtime(settings: Settings, *, lasting: bool = False) -> str:
    """Choose what runs the networks: `opencv`, or `openvino` where that is faster in all.

    OpenVINO takes about 0.6 s to load its networks and to be compared with OpenCV, and 100 MB.
    That is more than a whole `onlyme verify` takes, so that only what looks at many pictures
    uses it, unless the settings ask for it.

    Args:
        settings: `runtime` is `auto`, or one of the two.
        lasting: the process looks at many pictures, as `watch` and the service do.

    Raises:
        ModelRefused: the settings ask for OpenVINO, and it cannot be used.
    """
    if settings.runtime == "opencv" or (settings.runtime == "auto" and not lasting):
        return "opencv"
    why = unfit(settings)
    if why and settings.runtime == "openvino":
        raise ModelRefused(f"{why}; set runtime to auto, and OpenCV is used where it must be")
    return "opencv" if why else "openvino"


def unfit(settings: Settings) -> str:
    """Say why OpenVINO cannot be used here; empty where it can, and agrees with OpenCV.

    Raises:
        ModelMissing, ModelRefused: detector or embedder cannot be used at all.
    """
    from onlyme.runtime.openvino import Unfit

    with _one_at_a_time:
        try:
            _detector("openvino")
            _embedder("openvino", settings.embedder, settings.models)
            with suppress(ModelError):  # whoever asks for liveness will hear of it
                judge("openvino")
        except Unfit as error:
            return str(error)
    return ""


@cache
def engine() -> Engine:
    """Start OpenVINO, once in a process.

    Raises:
        Unfit: it cannot be used here; see `onlyme.runtime.openvino`.
    """
    from onlyme.runtime.openvino import Engine

    return Engine()


@cache
def _detector(on: str) -> Detector:
    model = find("detector", SHIPPED)
    if on == "opencv":
        return Detector(model.read())
    from onlyme.runtime import agreement

    return agreement.detector(engine(), model)


@cache
def _embedder(on: str, name: str, models: Path) -> Embedder:
    model = find(name, SHIPPED, models)
    if on == "opencv":
        return Embedder(model)
    from onlyme.runtime import agreement

    return agreement.embedder(engine(), model)


def base(settings: Settings) -> Base:
    """Load the head, cohort and calibration that belong to the embedder.

    A network of the user's own without them decides by the NOT_ME photos it is given, and
    promises no false accept rate.

    Raises:
        NotCalibrated: those of the shipped network are missing or damaged.
    """
    model = find(settings.embedder, SHIPPED, settings.models)
    try:
        return Base.load(model.sha256)
    except NotCalibrated:
        if model.path.parent == SHIPPED:
            raise
        return Base.plain(model.sha256, model.dimension)


@cache
def judge(on: str = "opencv", *, colourless: bool = False) -> Judge | None:
    """Load what tells a person from a photo; None where the network is not there.

    Args:
        on: the runtime that was chosen by `runtime`.
        colourless: whether pictures without colour are evidence; see `judge_for`.

    Raises:
        ModelRefused: it is there, but not the one that the manifest names.
    """
    from onlyme.liveness.fusion import Fusion
    from onlyme.liveness.judge import Judge
    from onlyme.liveness.passive import Passive

    model = find("liveness", SHIPPED)
    try:
        weights, rule = model.read(), Fusion.load(model.sha256)
    except ModelMissing:
        return None
    if on == "opencv":
        return Judge(Passive(weights, colourless=colourless), rule)
    from onlyme.runtime import agreement

    passive = agreement.passive(engine(), weights)
    passive.colourless = colourless
    return Judge(passive, rule)


def judge_for(settings: Settings, on: str = "opencv") -> Judge | None:
    """Load what tells a person from a photo, as the settings have it for infrared cameras.

    Raises:
        ModelRefused: it is there, but not the one that the manifest names.
    """
    if settings.liveness_colourless == "judge":
        return judge(on, colourless=True)
    return judge(on)  # the one that is loaded already, if any is


def face_id(settings: Settings, cls: type[F], *, lasting: bool = False) -> F:
    """Put a FaceID together.

    Args:
        settings: what was chosen.
        cls: FaceID.
        lasting: it will look at many pictures; see `runtime`.

    Raises:
        OnlymeError: models or vault cannot be used.
    """
    kept, learned_from = keeping(settings), base(settings)
    return cls(
        cache(lambda: pipeline(settings, lasting=lasting)),
        learned_from,
        kept,
        everybody(settings, kept, learned_from),
        settings.far,
        lambda: judge_for(settings, runtime(settings, lasting=lasting)),
    )


def everybody(settings: Settings, kept: Keeping, learned_from: Base) -> Everybody:
    """Put together what knows everybody; a gallery is opened when it is first asked for."""
    store = partial(template_store, settings, learned_from)
    return Everybody(kept.store, learned_from, store, settings.fpir, settings.far)


def template_store(settings: Settings, learned_from: Base) -> TemplateStore:
    """Open the place where the gallery's rows are; beside the vault it is made where there is none.

    Raises:
        VaultError: it cannot be used.
        NeedsReenroll: another network made what is in it.
    """
    model, dimension = learned_from.model, len(learned_from.projection)
    if settings.store != "vault":
        return _postgres_store()(settings.store, model, dimension)

    from onlyme.gallery.stores.sqlite.store import Embedded

    return Embedded(gallery_file(settings), model, dimension)


def gallery_file(settings: Settings) -> Path:
    """Return the file of a gallery that is beside the vault."""
    return settings.vault / GALLERY_FILE


def upgrade_store(settings: Settings, learned_from: Base) -> bool:
    """Make the gallery's tables in PostgreSQL, or bring them to this version.

    Returns:
        Whether anything was done.

    Raises:
        UsageError: the gallery is beside the vault, where nothing needs that.
        VaultError, NeedsReenroll: it cannot be done.
    """
    if settings.store == "vault":
        raise UsageError("the gallery is beside the vault and needs no upgrade; set ONLYME_STORE")
    model, dimension = learned_from.model, len(learned_from.projection)
    return _postgres_store().upgrade(settings.store, model, dimension)


def _postgres_store() -> type[PostgresStore]:
    try:
        from onlyme.gallery.stores.postgres import PostgresStore
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"a gallery in PostgreSQL needs {error.name}: pip install 'onlyme[postgres]'"
        ) from None
    return PostgresStore


def keeping(settings: Settings) -> Keeping:
    """Open the vault, and put the gate in front of it.

    Raises:
        VaultError: the vault or its key cannot be used.
    """
    kinds = [settings.key] if settings.key else ["file", "keyring", "passphrase"]
    sources = [key_source(settings, kind) for kind in kinds]
    store = Store(settings.vault, *sources, anchor=settings.anchor)
    return Keeping(store, Gate(store))


def restored(
    settings: Settings, path: Path, may: Callable[[str], None], *, older: bool
) -> Restored:
    """Put a backup back; see `restoring.restore`.

    Raises:
        VaultError: the backup, the vault or the key cannot be used.
    """
    from onlyme.vault.restore import restore

    kinds = [settings.key] if settings.key else ["file", "keyring", "passphrase"]
    sources = tuple(key_source(settings, kind) for kind in kinds)
    return restore(path, settings.vault, sources, anchor=settings.anchor, older=older, may=may)


def adaptation(settings: Settings) -> Adaptation:
    """Put together what lets templates follow their owners.

    Raises:
        OnlymeError: the vault or its key cannot be used.
    """
    return Adaptation(base(settings), keeping(settings))


def key_source(settings: Settings, kind: str, ask: Callable[[], str] | None = None) -> KeySource:
    """Choose what holds a vault's key.

    Args:
        settings: name the key file, or hold the passphrase.
        kind: `file`, `keyring` or `passphrase`.
        ask: returns a passphrase; by default the settings' one, or it is asked for on the
            terminal.
    """
    if kind == "keyring":
        return Keyring()
    if kind == "passphrase":
        return Passphrase(ask or (lambda: _passphrase(settings)))
    return KeyFile(settings.key_file or settings.vault / "vault.key")


def _passphrase(settings: Settings) -> str:
    if settings.passphrase is not None:
        return settings.passphrase
    if not sys.stdin.isatty():
        raise KeyMissing(
            "the vault is locked with a passphrase, and there is no terminal to ask for it; "
            "set ONLYME_PASSPHRASE for this program"
        )
    return getpass("Passphrase of the vault: ")
