"""Begin, continue and finish the folder of an embedder that is trained on many people.

options.json    the options, and a fingerprint of the people
last.ckpt       Lightning's newest checkpoint
embedder.pt     the trained weights
faces.npy       hashes of the faces that were learned, so that a calibration leaves them out
embedder.json   the options and figures; the run is finished when this file exists
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from onlyme.errors import UsageError
from onlyme.lab.checkpoints import save_tensors
from onlyme.lab.resume import check_checkpoints, check_unchanged, explain_damage, list_changes
from onlyme.storage.files import open_draft, replace_public

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    import torch
    from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig

    from onlyme.lab.networks import EmbeddingNetwork
    from onlyme.lab.people import People

__all__ = ["begin", "check_finite", "check_loss", "finish", "is_first_process", "make_adamw"]


def is_first_process() -> bool:
    """Whether this process started the others, and speaks for them."""
    return all(os.environ.get(name, "0") == "0" for name in ("LOCAL_RANK", "NODE_RANK"))


def begin(
    out: Path,
    options: dict[str, Any],
    people: People,
    *,
    free: Collection[str] = (),
    resume: bool = False,
) -> bool:
    """Write the options of a new run, or check those of the run in the folder.

    Args:
        out: the run's folder.
        options: the options, `steps` among them.
        people: who are trained on.
        free: options that may differ from those of the run in the folder.
        resume: continue a run.

    Returns:
        Whether the run is finished and has no more steps to take.

    Raises:
        UsageError: when the folder holds a run of other options or people, or is in use.
    """
    if not is_first_process():
        return False  # the first process has checked and written this before it started the others
    path, finished = out / "options.json", out / "embedder.json"
    document = {"spec": options, "people": people.fingerprint}
    if path.exists() and not resume:
        raise UsageError(
            f"{out} already holds a run; continue it with --resume, or choose another folder"
        )
    if path.exists():
        check_checkpoints(out)
        with explain_damage(out):
            before = json.loads(path.read_text("utf-8"))
            same, earlier = before["people"] == document["people"], dict(before["spec"])
            done = json.loads(finished.read_text("utf-8"))["steps"] if finished.exists() else -1
        check_unchanged(out, list_changes(earlier, options, free), same_photos=same)
        if options["steps"] <= done:
            return True
    out.mkdir(parents=True, exist_ok=True)
    replace_public(path, json.dumps(document, indent=2).encode())
    return False


def finish(out: Path, network: EmbeddingNetwork, report: dict[str, Any], people: People) -> None:
    """Write the weights and whom they were trained on, then the report."""
    with open_draft(out / "faces.npy", mode=0o666) as file:  # less the umask
        np.save(file, np.concatenate(people.hashes))
    save_tensors(out / "embedder.pt", network.state_dict())
    replace_public(out / "embedder.json", json.dumps(report, indent=2).encode())


def make_adamw(
    module: torch.nn.Module, rate: float, scale: Callable[[int], float], weight_decay: float
) -> OptimizerLRSchedulerConfig:
    """Return AdamW for all weights that learn, and the schedule of its rate."""
    learned = [part for part in module.parameters() if part.requires_grad]
    optimizer = AdamW(learned, rate, weight_decay=weight_decay)
    schedule = LambdaLR(optimizer, scale)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def check_loss(loss: torch.Tensor, step: int, rate: float) -> None:
    """Check that a loss is a number.

    Raises:
        UsageError: when it is not.
    """
    if not loss.isfinite():
        raise UsageError(
            f"training diverged at step {step}: the loss is no longer a number; train again with "
            f"a rate below {rate:g}, in another folder"
        )


def check_finite(network: torch.nn.Module, rate: float) -> None:
    """Check that the weights are numbers.

    Raises:
        UsageError: when one is not.
    """
    if not all(bool(part.isfinite().all()) for part in network.state_dict().values()):
        raise UsageError(
            "training diverged: the weights are no longer numbers, so that the network cannot be "
            f"used; train again with a rate below {rate:g}, in another folder"
        )
