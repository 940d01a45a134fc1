"""Settings come in; parts put together go out. The only place that chooses implementations."""

from __future__ import annotations

import sys
from functools import cache
from getpass import getpass
from typing import TYPE_CHECKING, TypeVar

from onlyme.adaptation import Adaptation
from onlyme.errors import KeyMissing, ModelMissing, NotCalibrated
from onlyme.face.detect import Detector
from onlyme.face.embed import Embedder
from onlyme.face.models import SHIPPED, find
from onlyme.gate.admission import Gate
from onlyme.keeping import Keeping
from onlyme.pipeline import Pipeline
from onlyme.siamese import Base
from onlyme.vault.keys import KeyFile, Keyring, Passphrase
from onlyme.vault.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlyme.faceid import FaceID
    from onlyme.liveness.judge import Judge
    from onlyme.settings import Settings
    from onlyme.vault.keys import KeySource

    F = TypeVar("F", bound=FaceID)

__all__ = ["adaptation", "base", "face_id", "judge", "keeping", "key_source", "pipeline"]


@cache  # networks are loaded once in a process
def pipeline(settings: Settings) -> Pipeline:
    """Load the networks.

    Raises:
        ModelMissing, ModelRefused: one cannot be used.
    """
    return Pipeline(
        detector=Detector(find("detector", SHIPPED).read()),
        embedder=Embedder(find(settings.embedder, SHIPPED, settings.models)),
        max_pixels=int(settings.max_megapixels * 1e6),
        max_bytes=int(settings.max_megabytes * 2**20),
    )


def base(settings: Settings) -> Base:
    """Load the head, cohort and calibration that belong to the embedder.

    A network without them, such as one from the lab, decides by the NOT_ME photos it is
    given, and promises no false accept rate.
    """
    model = find(settings.embedder, SHIPPED, settings.models)
    try:
        return Base.load(model.sha256)
    except NotCalibrated:
        return Base.plain(model.sha256, model.dimension)


@cache
def judge() -> Judge | None:
    """Load what tells a person from a photo; None where the network is not there.

    Raises:
        ModelRefused: it is there, but not the one that the manifest names.
    """
    from onlyme.liveness.fuse import Fusion
    from onlyme.liveness.judge import Judge
    from onlyme.liveness.passive import Passive

    model = find("liveness", SHIPPED)
    try:
        return Judge(Passive(model.read()), Fusion.load(model.sha256))
    except ModelMissing:
        return None


def face_id(settings: Settings, cls: type[F]) -> F:
    """Put a FaceID together.

    Raises:
        OnlymeError: models or vault cannot be used.
    """
    return cls(pipeline(settings), base(settings), keeping(settings), settings.far, judge)


def keeping(settings: Settings) -> Keeping:
    """Open the vault, and put the gate in front of it.

    Raises:
        VaultError: the vault or its key cannot be used.
    """
    kinds = [settings.key] if settings.key else ["file", "keyring", "passphrase"]
    sources = [key_source(settings, kind) for kind in kinds]
    store = Store(settings.vault, *sources, anchor=settings.anchor)
    return Keeping(store, Gate(store))


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
