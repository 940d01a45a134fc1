"""Train an embedder from scratch on many people.

The same call trains in one process or in many, on one machine or on several: Lightning's
distributed strategy starts the processes and averages the gradients. Each process embeds
its share of a batch. The vectors are gathered with their gradients, so that mining and
loss see the whole batch for any number of processes.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import numpy as np
import torch

from onlyme.errors import UsageError
from onlyme.lab.calibration import hash_faces
from onlyme.lab.finetuning import load_finetuned
from onlyme.lab.identity_spec import IdentitySpec
from onlyme.lab.identity_training import BestWeights, IdentityTraining
from onlyme.lab.networks import build_backbone
from onlyme.lab.people import IdentitySampler
from onlyme.lab.resume import check_unchanged, list_changes
from onlyme.lab.run import CHECKPOINT_NAME
from onlyme.lab.trainer import explain_memory, run_trainer
from onlyme.lab.validation import Verification, deal_people
from onlyme.storage.files import open_draft, replace_public

if TYPE_CHECKING:
    from pathlib import Path

    from onlyme.lab.networks import EmbeddingNetwork
    from onlyme.lab.people import People

__all__ = [
    "IdentitySpec",
    "describe_measured",
    "load_embedder",
    "split_people",
    "train_identities",
]

_MIN_VALIDATION_PEOPLE = 5

_EXPLAIN_BATCH = (
    "a batch of {count} photos needs more memory than there is; {fit} photos fit: make the batch "
    "smaller with --batch-people or --batch-photos, and add --accumulate for the same effect"
)


def split_people(people: People, spec: IdentitySpec) -> tuple[People, People | None]:
    """Deal the people with two photos or more into those that train and those that validate.

    Returns:
        The people to train on, and those of the fold that validates; None where the fold has
        fewer than five people, too few to say anything, or the spec has no folds.
    """
    usable = people.select_by_photos(2)
    if not spec.folds or len(usable.names) < spec.folds * _MIN_VALIDATION_PEOPLE:
        return usable, None
    fold = deal_people(len(usable.names), spec.folds, spec.seed)
    return usable.select(fold != spec.fold), usable.select(fold == spec.fold)


def train_identities(
    people: People,
    spec: IdentitySpec,
    out: Path,
    *,
    resume: bool = False,
    progress: bool = False,
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
    done = _begin(people, spec, out, resume=resume)
    if done is not None:
        return done
    training = IdentityTraining(spec, batches)
    best = BestWeights(out / "best.pt", spec, judges)
    with explain_memory(training.try_step, batches.size // spec.world, _EXPLAIN_BATCH):
        trainer = run_trainer(
            training,
            out,
            max_steps=spec.steps,
            every=min(spec.steps, 50) * spec.accumulate,
            callbacks=(best,),
            progress=progress,
            devices=spec.devices,
            num_nodes=spec.nodes,
            strategy="ddp" if spec.world > 1 else "auto",
            precision=spec.precision,
            accumulate_grad_batches=spec.accumulate,
            use_distributed_sampler=False,  # each process takes its share by itself
        )
    network = training.embedder.cpu().eval()
    best.load_into(network)
    if not all(bool(part.isfinite().all()) for part in network.state_dict().values()):
        raise UsageError(
            "training diverged: the weights are no longer numbers, so that the network cannot be "
            f"used; train again with a rate below {spec.rate:g}, in another folder"
        )
    if trainer.is_global_zero:
        report = {**spec.to_json(), "measured": best.to_json(), "trained_on": len(learners.names)}
        replace_public(out / "embedder.json", json.dumps(report, indent=2).encode())
        with open_draft(out / "faces.npy", mode=0o666) as file:
            np.save(file, hash_faces(np.concatenate(people.faces)))
        with open_draft(out / "embedder.pt", mode=0o666) as file:  # less the umask
            torch.save(network.state_dict(), file)
    return network


def _begin(
    people: People, spec: IdentitySpec, out: Path, *, resume: bool
) -> EmbeddingNetwork | None:
    """Write the options of a new run, or check those of the run in the folder.

    Returns:
        The network of a run that is finished and has no more steps to take; None otherwise.
    """
    path = out / "options.json"
    options = spec.to_json()
    if any(os.environ.get(name, "0") != "0" for name in ("LOCAL_RANK", "NODE_RANK")):
        return None  # the first process has checked and written this before it started the others
    document = {"spec": options, "people": people.fingerprint}
    if path.exists() and not resume:
        raise UsageError(
            f"{out} already holds a run; continue it with --resume, or choose another folder"
        )
    if path.exists():
        before = json.loads(path.read_text("utf-8"))
        changes = list_changes(before["spec"], options, spec.free)
        same = before["people"] == people.fingerprint
        check_unchanged(out, changes, same_photos=same)
        if (out / "embedder.json").exists():
            finished = json.loads((out / "embedder.json").read_text("utf-8"))
            if spec.steps <= finished["steps"]:
                return load_embedder(out)
    elif (out / CHECKPOINT_NAME).exists():
        raise UsageError(
            f"{out} holds a checkpoint of another version, whose options are not known; "
            "choose another folder"
        )
    out.mkdir(parents=True, exist_ok=True)
    replace_public(path, json.dumps(document, indent=2).encode())
    return None


def describe_measured(folder: Path) -> str:
    """Say how a finished run did on people that it was not trained on.

    Raises:
        UsageError: when the folder holds no finished run.
    """
    load_embedder(folder)
    values = json.loads((folder / "embedder.json").read_text("utf-8"))
    found = values["measured"]
    if found is None:
        return (
            "There are too few people for a validation, so that nothing is known about people "
            "whom the network never saw."
        )
    measured = Verification(**{**found, "tar": tuple(found["tar"])})
    return f"On people that it was not trained on, at its best validation: {measured}."


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
    values = json.loads((folder / "embedder.json").read_text("utf-8"))
    if values.get("network") == "sface":
        from onlyme.face.models import find_model

        return load_finetuned(folder, find_model("embedder").read())
    network = build_backbone(values.get("network", "compact"), values["dimension"])
    network.load_state_dict(torch.load(weights, weights_only=True))
    return network.eval()
