"""Train an embedder from scratch on many people.

The same call trains in one process or in many, on one machine or on several: Lightning's
distributed strategy starts the processes and averages the gradients. Each process embeds
its share of a batch. The vectors are gathered with their gradients, so that mining and
loss see the whole batch for any number of processes.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import torch

from onlyme.errors import UsageError
from onlyme.lab.embedder_run import begin, check_finite, finish
from onlyme.lab.finetuning import load_finetuned
from onlyme.lab.identity_spec import FREE_OPTIONS, IdentitySpec
from onlyme.lab.identity_training import BestWeights, IdentityTraining
from onlyme.lab.networks import build_backbone
from onlyme.lab.out_of_memory import explain_memory
from onlyme.lab.people import IdentitySampler
from onlyme.lab.resume import explain_damage
from onlyme.lab.trainer import run_trainer
from onlyme.siamese.training.crossfit import deal

if TYPE_CHECKING:
    from pathlib import Path

    from onlyme.lab.networks import EmbeddingNetwork
    from onlyme.lab.people import People

__all__ = ["IdentitySpec", "load_embedder", "split_people", "train_identities"]

_MIN_VALIDATION_PEOPLE = 5
_MAX_VALIDATION_PEOPLE = 500
"""All their photos are compared with each other, which takes memory with the square."""

_EXPLAIN_BATCH = (
    "a batch of {count} photos needs more memory than there is; {fit} photos fit: make the batch "
    "smaller with --batch-people or --batch-photos, and add --accumulate for the same effect"
)


def split_people(people: People, spec: IdentitySpec) -> tuple[People, People | None]:
    """Deal the people with two photos or more into those that train and those that validate.

    Returns:
        The people to train on, and those of the fold that validates, 500 at most; None where the
        fold has fewer than five people, too few to say anything, or the spec has no folds.
    """
    usable = people.select_by_photos(2)
    if not spec.folds or len(usable) < spec.folds * _MIN_VALIDATION_PEOPLE:
        return usable, None
    fold = deal(np.arange(len(usable)), spec.folds, spec.seed)
    chosen = fold == spec.fold
    return usable.select(~chosen), usable.select(
        chosen & (np.cumsum(chosen) <= _MAX_VALIDATION_PEOPLE)
    )


def train_identities(
    people: People, spec: IdentitySpec, out: Path, *, resume: bool = False, progress: bool = False
) -> EmbeddingNetwork:
    """Train an embedder on many people.

    With more than one process, Lightning starts the calling script once more for each of the
    other processes. With several machines, start the command on each of them, with the address
    of the first in MASTER_ADDR, and with NODE_RANK (see Lightning's handbook on clusters).

    Args:
        people: people with two photos or more each; others are left out.
        spec: the options.
        out: folder for the weights (`embedder.pt`), `embedder.json`, checkpoint and log.
        resume: continue the run that the folder holds. `steps` may be higher than before; the
            rate then follows the longer schedule.
        progress: show a progress bar on stderr.

    Returns:
        The embedder in evaluation mode: the moving average of the weights where there is one,
        and of those at the validations the best.

    Raises:
        UsageError: when there are too few people, the folder is in use, the processes cannot
            share a batch evenly, the run has other options or people, or training diverged.
    """
    learners, judges = split_people(people, spec)
    batches = IdentitySampler(
        learners, spec.people, spec.photos, spec.seed, uniform=spec.sampler == "uniform"
    )
    if batches.size % spec.world:
        raise UsageError(
            f"{spec.world} processes cannot share a batch of {batches.size} photos evenly; "
            "change the number of people or photos in a batch"
        )
    if begin(out, asdict(spec), people, free=FREE_OPTIONS, resume=resume):
        return load_embedder(out)
    training = IdentityTraining(spec, batches)
    best = BestWeights(out / "best.pt", spec, judges)
    with explain_memory(training.try_step, batches.size // spec.world, _EXPLAIN_BATCH):
        trainer = run_trainer(
            training, out, max_steps=spec.steps, every=min(spec.steps, 50) * spec.accumulate,
            callbacks=(best,), progress=progress, devices=spec.devices, num_nodes=spec.nodes,
            strategy="ddp" if spec.world > 1 else "auto", precision=spec.precision,
            accumulate_grad_batches=spec.accumulate,
            use_distributed_sampler=False,  # each process takes its share by itself
        )  # fmt: skip
    network = training.embedder.cpu().eval()
    best.load_into(network)
    check_finite(network, spec.rate)
    if trainer.is_global_zero:
        report = {**asdict(spec), "measured": best.to_json(), "trained_on": len(learners)}
        finish(out, network, report, people)
    return network


def load_embedder(folder: Path) -> EmbeddingNetwork:
    """Return the embedder that `train_identities` wrote into a folder.

    Raises:
        UsageError: when the folder holds no finished run.
    """
    weights = folder / "embedder.pt"
    if not weights.exists():
        raise UsageError(
            f"{folder} holds no trained embedder; make one with onlyme lab train-identities, "
            "finetune or distill"
        )
    with explain_damage(folder):
        values = json.loads((folder / "embedder.json").read_text("utf-8"))
        if values.get("network") == "sface":
            from onlyme.face.models import find_model

            return load_finetuned(folder, find_model("embedder").read())
        network = build_backbone(values.get("network", "compact"), values["dimension"])
        network.load_state_dict(torch.load(weights, weights_only=True))
        return network.eval()
