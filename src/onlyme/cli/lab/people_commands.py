"""Provide the commands of the lab that train, calibrate and shrink embedders on many people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli.lab.shared import (
    Cache,
    Models,
    PeopleDir,
    Replace,
    Resume,
    Seed,
    is_terminal,
    tell_how_to_go_on,
    tell_ignored,
)
from onlyme.cli.lines import say
from onlyme.cli.output import format_count

if TYPE_CHECKING:
    from onlyme.lab.people import People

__all__ = ["describe_measured", "register"]


_Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="The run's folder.")]
_Steps = Annotated[int, typer.Option(min=1, help="Number of batches.")]
_BatchPeople = Annotated[int, typer.Option(min=2, help="Number of people in a batch.")]
_BatchPhotos = Annotated[
    int, typer.Option(min=2, help="Number of photos of each person in a batch.")
]
_Dimension = Annotated[int, typer.Option(min=2, help="Length of the vectors.")]
_Network = Annotated[
    str, typer.Option(help="compact, thin, mobilefacenet, iresnet18 or iresnet50.")
]
_Loss = Annotated[
    str,
    typer.Option(
        help="triplet, contrastive, multi-similarity, supcon, circle, arcface, "
        "subcenter-arcface or cosface."
    ),
]
_Miner = Annotated[str, typer.Option(help="none, semi-hard, hard, batch-hard or multi-similarity.")]
_Sampler = Annotated[str, typer.Option(help="balanced: draw people; uniform: draw photos.")]
_Alpha = Annotated[float, typer.Option(min=-1, max=1, help="Margin of the loss, where it has one.")]
_Rate = Annotated[float, typer.Option(min=1e-9, help="Highest learning rate.")]
_Schedule = Annotated[
    str, typer.Option(help="How the rate falls: cosine, linear, step or constant.")
]
_WarmUp = Annotated[
    float, typer.Option(min=0, max=1, help="Share of the steps in which the rate rises.")
]
_Accumulate = Annotated[
    int, typer.Option(min=1, help="Number of batches whose gradients make one step.")
]
_Ema = Annotated[
    float, typer.Option(min=0, max=1, help="Decay of the average of the weights; 0: none.")
]
_Folds = Annotated[
    int, typer.Option(min=0, help="One of this number of folds of people validates; 0: none.")
]
_Fold = Annotated[int, typer.Option(min=0, help="The fold that validates, from 0.")]
_CheckEvery = Annotated[int, typer.Option(min=1, help="Number of steps between two validations.")]
_Devices = Annotated[int, typer.Option(min=1, help="Number of processes on each machine.")]
_Nodes = Annotated[int, typer.Option(min=1, help="Number of machines.")]
_Precision = Annotated[str, typer.Option(help="32-true, bf16-mixed, 16-mixed …")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (train_identities, finetune, distill, calibrate, quantize):
        app.command()(command)


def train_identities(
    context: typer.Context,
    people: PeopleDir,
    *,
    out: _Out = Path("lab-identities"),
    steps: _Steps = 2000,
    batch_people: _BatchPeople = 32,
    batch_photos: _BatchPhotos = 4,
    dimension: _Dimension = 128,
    network: _Network = "compact",
    loss: _Loss = "supcon",
    miner: _Miner = "none",
    sampler: _Sampler = "balanced",
    alpha: _Alpha = 0.2,
    rate: _Rate = 1e-3,
    schedule: _Schedule = "cosine",
    warm_up: _WarmUp = 0.1,
    accumulate: _Accumulate = 1,
    ema: _Ema = 0.99,
    folds: _Folds = 10,
    fold: _Fold = 0,
    check_every: _CheckEvery = 200,
    seed: Seed = 0,
    devices: _Devices = 1,
    nodes: _Nodes = 1,
    precision: _Precision = "32-true",
    resume: Resume = False,
    cache: Cache = None,
) -> None:
    """Train an embedder from scratch on many people, with one process or several."""
    from onlyme.cli.lab.parts import read_album
    from onlyme.lab.embedder_run import is_first_process
    from onlyme.lab.identities import IdentitySpec, train_identities

    spec = IdentitySpec(
        dimension=dimension, people=batch_people, photos=batch_photos, alpha=alpha, steps=steps,
        rate=rate, seed=seed, devices=devices, nodes=nodes, precision=precision, network=network,
        loss=loss, miner=miner, sampler=sampler, schedule=schedule, warm_up=warm_up,
        accumulate=accumulate, ema=ema, folds=folds, fold=fold, check_every=check_every,
    )  # fmt: skip
    # The other processes map the faces that the first one has read.
    kept = cache or (out / "aligned" if spec.world > 1 else None)
    with tell_how_to_go_on(out, f"onlyme lab train-identities {people}"):
        album = read_album(people, kept)
        if is_first_process():
            tell_ignored(context, spec.ignored, f"this run ({loss}, {miner})")
            _describe_album(album, kept)
        train_identities(album, spec, out, resume=resume, progress=is_terminal())
    if is_first_process():
        say(describe_measured(out))
        say(f"The embedder is in {out}. Next: onlyme lab export {out} NAME --faces {people}")


def describe_measured(folder: Path) -> str:
    """Say how a finished run did on people that it was not trained on.

    Raises:
        UsageError: when its report is damaged.
    """
    from onlyme.lab.resume import explain_damage
    from onlyme.lab.validation import Verification

    with explain_damage(folder):
        found = json.loads((folder / "embedder.json").read_text("utf-8"))["measured"]
        if found is None:
            return (
                "Nothing is known about people whom it never saw: there were too few to validate."
            )
        measured = Verification(**{**found, "tar": tuple(found["tar"])})
    return f"On people that it was not trained on, at its best validation: {measured}."


def _describe_album(album: People, kept: Path | None) -> None:
    """Say what is trained on, what is left out, and where faces are kept."""
    for note in album.list_notes():
        say(note, err=True)
    people, faces = format_count(len(album), "person", "people"), int(album.counts.sum())
    say(f"{people}, {format_count(faces, 'face')}", err=True)
    if kept:
        say(f"The aligned faces are kept in {kept}; only you can read them", err=True)


def finetune(
    people: PeopleDir,
    *,
    out: _Out = Path("lab-finetune"),
    loss: Annotated[str, typer.Option(help="A loss, as for train-identities.")] = "supcon",
    alpha: _Alpha = 0.2,
    pull: Annotated[
        float, typer.Option(min=0, help="Weight of the distance to the shipped network.")
    ] = 4.0,
    degrade: Annotated[
        bool, typer.Option("--degrade/--no-degrade", help="Make half of each batch small or grey.")
    ] = False,
    frozen: Annotated[
        int, typer.Option(min=0, max=27, help="Number of the 27 blocks that stay as they are.")
    ] = 20,
    batch_people: _BatchPeople = 16,
    batch_photos: _BatchPhotos = 2,
    steps: _Steps = 200,
    rate: _Rate = 3e-4,
    seed: Seed = 0,
    resume: Resume = False,
    cache: Cache = None,
) -> None:
    """Train the shipped network further on your own people, without forgetting the others.

    `--pull` holds its vectors near those of the shipped network, and the first `--frozen` blocks
    stay as they are.
    """
    from onlyme.cli.lab.calibrating import train_further
    from onlyme.lab.finetuning import FineTuneSpec

    spec = FineTuneSpec(
        loss=loss, alpha=alpha, pull=pull, degrade=degrade, frozen=frozen, people=batch_people,
        photos=batch_photos, steps=steps, rate=rate, seed=seed,
    )  # fmt: skip
    with tell_how_to_go_on(out, f"onlyme lab finetune {people}"):
        train_further(people, spec, out, cache, resume=resume, progress=is_terminal())


def distill(
    people: PeopleDir,
    *,
    out: _Out = Path("lab-distill"),
    frozen: Annotated[
        int, typer.Option(min=0, max=27, help="Number of the 27 blocks that stay as they are.")
    ] = 0,
    batch: Annotated[int, typer.Option(min=4, help="Number of photos in a batch.")] = 32,
    steps: _Steps = 200,
    rate: _Rate = 3e-4,
    seed: Seed = 0,
    resume: Resume = False,
    cache: Cache = None,
) -> None:
    """Teach the shipped network small, grey and blurred faces; names are not needed.

    The shipped network is the teacher: from the bad copy of a face its student must make the
    vector that the teacher makes of the clean face. The new network asks the student about small
    and blurred faces, and gives sharp ones the shipped network's vectors.
    """
    from onlyme.cli.lab.calibrating import train_further
    from onlyme.lab.finetuning import FineTuneSpec

    spec = FineTuneSpec(
        gated=True, frozen=frozen, people=batch // 2, photos=2, steps=steps, rate=rate, seed=seed
    )
    with tell_how_to_go_on(out, f"onlyme lab distill {people}"):
        train_further(people, spec, out, cache, resume=resume, progress=is_terminal())


def calibrate(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the exported network.")],
    people: PeopleDir,
    *,
    models: Models = None,
    not_me: Annotated[
        Path | None,
        typer.Option("--not-me", metavar="DIR", help="Photos of others, who count as strangers."),
    ] = None,
    seed: Seed = 0,
    cache: Cache = None,
) -> None:
    """Give a network of your own a known false accept rate, from a folder of people.

    The people must be others than those that the network was trained on. Some 150 people with
    two photos each allow a promise of 1 in 1,000, a few thousand one of 1 in 100,000.
    """
    from onlyme.cli.lab.calibrating import calibrate_network

    lines = calibrate_network(name, people, models, not_me=not_me, seed=seed, cache=cache)
    for line in lines:
        say(line)


def quantize(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the exported network.")],
    people: PeopleDir,
    *,
    new_name: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="Name of the new network; by default NAME-int8."),
    ] = None,
    models: Models = None,
    seed: Seed = 0,
    cache: Cache = None,
    replace: Replace = False,
) -> None:
    """Make a network of your own smaller, with numbers of eight bits, and say what that costs.

    Half of the people give the ranges of the numbers, the others are compared with each other by
    both networks. They must be others than those that the network was trained on.
    """
    from onlyme.cli.lab.calibrating import quantize_network

    for line in quantize_network(
        name, people, models, new_name, seed=seed, cache=cache, replace=replace
    ):
        say(line)
