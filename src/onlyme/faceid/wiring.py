"""Assemble the parts of a FaceID. The only place that chooses implementations."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from threading import Lock
from typing import TYPE_CHECKING

from onlyme.errors import (
    KeyMissing,
    ModelError,
    ModelMissing,
    ModelRefused,
    NotCalibrated,
    SettingsError,
    UsageError,
)
from onlyme.face.models import SHIPPED, find_model
from onlyme.faceid.enrolled import GALLERY_FILE, Enrolled
from onlyme.gate.admission import Gate
from onlyme.vault.admin import VaultAdmin
from onlyme.vault.key_sources import KeyFile, Keyring, Passphrase
from onlyme.vault.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from onlyme.face.detect import Detector
    from onlyme.face.embed import Embedder
    from onlyme.face.pipeline import Pipeline
    from onlyme.faceid.adaptation import Adaptation
    from onlyme.gallery.stores.postgres import PostgresStore
    from onlyme.gallery.stores.protocol import TemplateStore
    from onlyme.liveness.judge import Judge
    from onlyme.runtime.openvino import OpenVinoEngine
    from onlyme.settings import Settings
    from onlyme.siamese.head import Base
    from onlyme.vault.key_sources import KeySource
    from onlyme.vault.restore import RestoreResult

__all__ = [
    "Parts",
    "assemble",
    "choose_judge",
    "choose_key_source",
    "choose_runtime",
    "explain_unfit",
    "load_base",
    "load_judge",
    "locate_gallery_file",
    "make_adaptation",
    "make_enrolled",
    "make_pipeline",
    "open_template_store",
    "open_vault",
    "restore_vault",
    "start_engine",
    "upgrade_store",
]


_one_at_a_time = Lock()
"""Threads of a service begin together, and would each load and compare the networks."""


def make_pipeline(settings: Settings, *, lasting: bool = False) -> Pipeline:
    """Put together what sees faces; its networks are loaded once in a process.

    Args:
        settings: say which networks, on which runtime.
        lasting: this process looks at many pictures; see `choose_runtime`.

    Raises:
        ModelMissing, ModelRefused: one cannot be used.
    """
    from onlyme.face.pipeline import Pipeline
    from onlyme.image.reader import ImageReader
    from onlyme.runtime import VERSIONS

    max_pixels = int(settings.max_megapixels * 1e6)
    reader = ImageReader(max_pixels, int(settings.max_megabytes * 2**20))
    runtime = choose_runtime(settings, lasting=lasting)
    with _one_at_a_time:
        detector = _load_detector(runtime)
        embedder = _load_embedder(runtime, settings.embedder, settings.models)
    return Pipeline(
        detector=detector,
        embedder=embedder,
        reader=reader,
        runtime=runtime,
        runtime_version=VERSIONS[runtime],
    )


def choose_runtime(settings: Settings, *, lasting: bool = False) -> str:
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
    why = explain_unfit(settings)
    if why and settings.runtime == "openvino":
        raise ModelRefused(f"{why}; set runtime to auto, and OpenCV is used where it must be")
    return "opencv" if why else "openvino"


def explain_unfit(settings: Settings) -> str:
    """Say why OpenVINO cannot be used here; empty where it can, and agrees with OpenCV.

    Raises:
        ModelMissing, ModelRefused: detector or embedder cannot be used at all.
    """
    from onlyme.runtime.openvino import EngineUnavailable

    with _one_at_a_time:
        try:
            _load_detector("openvino")
            _load_embedder("openvino", settings.embedder, settings.models)
            with suppress(ModelError):  # whoever asks for liveness will hear of it
                load_judge("openvino")
        except EngineUnavailable as error:
            return str(error)
    return ""


@cache
def start_engine() -> OpenVinoEngine:
    """Start OpenVINO, once in a process.

    Raises:
        Unfit: it cannot be used here; see `onlyme.runtime.openvino`.
    """
    from onlyme.runtime.openvino import OpenVinoEngine

    return OpenVinoEngine()


@cache
def _load_detector(runtime: str) -> Detector:
    from onlyme.face.detect import Detector

    model = find_model("detector", SHIPPED)
    if runtime == "opencv":
        return Detector(model.read())
    from onlyme.runtime import agreement

    return agreement.make_detector(start_engine(), model)


@cache
def _load_embedder(runtime: str, name: str, models: Path) -> Embedder:
    from onlyme.face.embed import Embedder

    model = find_model(name, SHIPPED, models)
    if runtime == "opencv":
        return Embedder(model)
    from onlyme.runtime import agreement

    return agreement.make_embedder(start_engine(), model)


def load_base(settings: Settings) -> Base:
    """Load the head, cohort and calibration that belong to the embedder.

    A network of the user's own without them decides by the NOT_ME photos it is given, and
    promises no false accept rate.

    Raises:
        NotCalibrated: those of the shipped network are missing or damaged.
    """
    from onlyme.siamese.head import Base

    model = find_model(settings.embedder, SHIPPED, settings.models)
    try:
        return Base.load(model.sha256)
    except NotCalibrated:
        if model.path.parent == SHIPPED:
            raise
        return Base.make_plain(model.sha256, model.dimension)


@cache
def load_judge(runtime: str = "opencv", *, colourless: bool = False) -> Judge | None:
    """Load what tells a person from a photo; None where the network is not there.

    Args:
        runtime: the runtime that was chosen by `choose_runtime`.
        colourless: whether pictures without colour are evidence; see `choose_judge`.

    Raises:
        ModelRefused: it is there, but not the one that the manifest names.
    """
    from onlyme.face.models.opencv import load_network
    from onlyme.liveness.fusion import Fusion
    from onlyme.liveness.judge import Judge
    from onlyme.liveness.passive import LivenessNetwork

    model = find_model("liveness", SHIPPED)
    try:
        rule = Fusion.load(model.sha256)
        if runtime == "opencv":
            network = LivenessNetwork(load_network(model), colourless=colourless)
        else:
            from onlyme.runtime import agreement

            network = agreement.make_passive(start_engine(), model, colourless=colourless)
    except ModelMissing:
        return None
    return Judge(network, rule)


def choose_judge(settings: Settings, runtime: str = "opencv") -> Judge | None:
    """Load what tells a person from a photo, as the settings have it for infrared cameras.

    Raises:
        ModelRefused: it is there, but not the one that the manifest names.
    """
    if settings.liveness_colourless == "judge":
        return load_judge(runtime, colourless=True)
    return load_judge(runtime)  # the one that is loaded already, if any is


@dataclass(frozen=True, slots=True)
class Parts:
    """What a `FaceID` is made of.

    Attributes:
        settings: what was chosen.
        pipeline: makes what sees faces. It is called for the first picture, since the networks
            take a while to load and nothing else needs them.
        base: the network's head, strangers and calibration.
        admin: the vault, and the gate in front of it.
        enrolled: the owners in the vault, and the gallery beside it.
        judge: makes what looks for photos and screens; None denies where liveness is asked for.
    """

    settings: Settings
    pipeline: Callable[[], Pipeline]
    base: Base
    admin: VaultAdmin
    enrolled: Enrolled
    judge: Callable[[], Judge | None]


def assemble(settings: Settings, *, lasting: bool = False, by: str = "command line") -> Parts:
    """Put together what a `FaceID` is made of.

    Args:
        settings: what was chosen.
        lasting: it will look at many pictures; see `choose_runtime`.
        by: what the log calls the program that changes something.

    Raises:
        OnlymeError: models or vault cannot be used.
    """
    admin, base = open_vault(settings, by=by), load_base(settings)
    return Parts(
        settings,
        cache(lambda: make_pipeline(settings, lasting=lasting)),
        base,
        admin,
        make_enrolled(settings, admin, base),
        lambda: choose_judge(settings, choose_runtime(settings, lasting=lasting)),
    )


def make_enrolled(settings: Settings, admin: VaultAdmin, base: Base) -> Enrolled:
    """Put together what knows everybody; a gallery is opened when it is first asked for."""
    store = partial(open_template_store, settings, base)
    return Enrolled(admin.store, base, store, settings.fpir, settings.far)


def open_template_store(settings: Settings, base: Base) -> TemplateStore:
    """Open the place where the gallery's rows are; beside the vault it is made where there is none.

    Raises:
        VaultError: it cannot be used.
        NeedsReenroll: another network made what is in it.
    """
    model, dimension = base.model, len(base.projection)
    if settings.store != "vault":
        return _import_postgres_store()(settings.store, model, dimension)

    from onlyme.gallery.stores.sqlite.store import SqliteStore

    return SqliteStore(locate_gallery_file(settings), model, dimension)


def locate_gallery_file(settings: Settings) -> Path:
    """Return the file of a gallery that is beside the vault."""
    return settings.vault / GALLERY_FILE


def upgrade_store(settings: Settings, base: Base) -> bool:
    """Make the gallery's tables in PostgreSQL, or bring them to this version.

    Returns:
        Whether anything was done.

    Raises:
        UsageError: the gallery is beside the vault, where nothing needs that.
        VaultError, NeedsReenroll: it cannot be done.
    """
    if settings.store == "vault":
        raise UsageError("the gallery is beside the vault and needs no upgrade; set ONLYME_STORE")
    model, dimension = base.model, len(base.projection)
    return _import_postgres_store().upgrade(settings.store, model, dimension)


def _import_postgres_store() -> type[PostgresStore]:
    try:
        from onlyme.gallery.stores.postgres import PostgresStore
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"a gallery in PostgreSQL needs {error.name}: pip install 'onlyme[postgres]'"
        ) from None
    return PostgresStore


def open_vault(settings: Settings, *, by: str = "command line") -> VaultAdmin:
    """Open the vault, and put the gate in front of it.

    Args:
        settings: name its folder and its key.
        by: what the log calls the program that changes something.

    Raises:
        VaultError: the vault or its key cannot be used.
    """
    store = Store(settings.vault, *_list_key_sources(settings), anchor=settings.anchor)
    return VaultAdmin(store, Gate(store, by=by))


def restore_vault(
    settings: Settings, path: Path, authorize: Callable[[str], None], *, allow_older: bool
) -> RestoreResult:
    """Put a backup back; see `restoring.restore`.

    Raises:
        VaultError: the backup, the vault or the key cannot be used.
    """
    from onlyme.vault.restore import restore

    return restore(
        path,
        settings.vault,
        _list_key_sources(settings),
        anchor=settings.anchor,
        allow_older=allow_older,
        authorize=authorize,
    )


def _list_key_sources(settings: Settings) -> tuple[KeySource, ...]:
    """Return what may hold the key of a vault: what the settings name, else all in turn."""
    kinds = [settings.key] if settings.key else ["file", "keyring", "passphrase"]
    return tuple(choose_key_source(settings, kind) for kind in kinds)


def make_adaptation(settings: Settings) -> Adaptation:
    """Put together what lets templates follow their owners.

    Raises:
        OnlymeError: the vault or its key cannot be used.
    """
    from onlyme.faceid.adaptation import Adaptation

    return Adaptation(load_base(settings), open_vault(settings))


def choose_key_source(
    settings: Settings, kind: str, ask: Callable[[], str] | None = None
) -> KeySource:
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
        return Passphrase(ask or (lambda: _ask_passphrase(settings)))
    return KeyFile(settings.key_file or settings.vault / "vault.key")


def _ask_passphrase(settings: Settings) -> str:
    if settings.passphrase is not None:
        return settings.passphrase
    if not sys.stdin.isatty():
        raise KeyMissing(
            "the vault is locked with a passphrase, and there is no terminal to ask for it; "
            "set ONLYME_PASSPHRASE for this program"
        )
    from getpass import getpass

    return getpass("Passphrase of the vault: ")
