"""Train networks on aligned photos of ME and NOT_ME, and measure how well they work.

Torch is imported only in this room, and only by the modules that need it: `onlyme.lab`
itself and `onlyme.lab.photos` work without it. The names that need it are loaded when they are
first used:

    from onlyme.lab import IdentitySpec, evaluate, export, train_identities

    network = train_identities(people, IdentitySpec(steps=500), Path("run"))
    print(evaluate(network, other_people))
    export(network, "mine", Path("models"), faces)
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from onlyme.errors import UsageError, explain_extra
from onlyme.lab.constants import FACE_SIDE_PIXELS, PUBLISHED_SIDE_PIXELS, WAYS

if TYPE_CHECKING:
    from onlyme.lab.finetuning import FineTuneSpec, finetune
    from onlyme.lab.identities import train_identities
    from onlyme.lab.identity_spec import IdentitySpec
    from onlyme.lab.identity_training import evaluate
    from onlyme.lab.onnx_file import export
    from onlyme.lab.people import People
    from onlyme.lab.photos import Photos
    from onlyme.lab.spec import Spec
    from onlyme.lab.trainer import train

__all__ = [
    "FACE_SIDE_PIXELS",
    "PUBLISHED_SIDE_PIXELS",
    "WAYS",
    "FineTuneSpec",
    "IdentitySpec",
    "People",
    "Photos",
    "Spec",
    "evaluate",
    "export",
    "finetune",
    "require_packages",
    "train",
    "train_identities",
]

_HOMES = {
    "FineTuneSpec": "finetuning",
    "IdentitySpec": "identity_spec",
    "People": "people",
    "Photos": "photos",
    "Spec": "spec",
    "evaluate": "identity_training",
    "export": "onnx_file",
    "finetune": "finetuning",
    "train": "trainer",
    "train_identities": "identities",
}

_NEEDED = ("torch", "lightning", "pytorch_metric_learning", "onnx", "sklearn")


def require_packages() -> None:
    """Check that the packages that the lab needs are installed.

    Raises:
        UsageError: when one is missing; the message says what to install.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(f"the lab needs {', '.join(missing)}; {explain_extra('lab')}")


def __getattr__(name: str) -> Any:
    """Load a name from its module when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if _HOMES[name] not in {"people", "photos"}:
        require_packages()
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
