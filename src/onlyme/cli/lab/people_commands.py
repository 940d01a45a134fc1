"""Provide the commands of the lab that train embedders on many people."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from onlyme.cli.lab.shared import (
    PeopleDir,
    Resume,
    Seed,
    is_terminal,
    tell_how_to_go_on,
    tell_ignored,
)
from onlyme.cli.output import format_count

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (train_identities, finetune, distill):
        app.command()(command)


def train_identities(
    context: typer.Context,
    people: PeopleDir,
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The run's folder.")] = Path(
        "lab-identities"
    ),
    steps: Annotated[int, typer.Option(min=1, help="Number of batches.")] = 2000,
    batch_people: Annotated[int, typer.Option(min=2, help="Number of people in a batch.")] = 32,
    batch_photos: Annotated[
        int, typer.Option(min=2, help="Number of photos of each person in a batch.")
    ] = 4,
    dimension: Annotated[int, typer.Option(min=2, help="Length of the vectors.")] = 128,
    network: Annotated[
        str, typer.Option(help="compact, thin, mobilefacenet, iresnet18 or iresnet50.")
    ] = "compact",
    loss: Annotated[
        str,
        typer.Option(
            help="triplet, contrastive, multi-similarity, supcon, circle, arcface, "
            "subcenter-arcface or cosface."
        ),
    ] = "supcon",
    miner: Annotated[
        str, typer.Option(help="none, semi-hard, hard, batch-hard or multi-similarity.")
    ] = "none",
    sampler: Annotated[
        str, typer.Option(help="balanced: draw people; uniform: draw photos.")
    ] = "balanced",
    alpha: Annotated[
        float, typer.Option(min=-1, max=1, help="Margin of the loss, where it has one.")
    ] = 0.2,
    rate: Annotated[float, typer.Option(min=1e-9, help="Highest learning rate.")] = 1e-3,
    schedule: Annotated[
        str, typer.Option(help="How the rate falls: cosine, linear, step or constant.")
    ] = "cosine",
    warm_up: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the steps in which the rate rises.")
    ] = 0.1,
    accumulate: Annotated[
        int, typer.Option(min=1, help="Number of batches whose gradients make one step.")
    ] = 1,
    ema: Annotated[
        float, typer.Option(min=0, max=1, help="Decay of the average of the weights; 0: none.")
    ] = 0.99,
    folds: Annotated[
        int, typer.Option(min=0, help="One of this number of folds of people validates; 0: none.")
    ] = 10,
    fold: Annotated[int, typer.Option(min=0, help="The fold that validates, from 0.")] = 0,
    check_every: Annotated[
        int, typer.Option(min=1, help="Number of steps between two validations.")
    ] = 200,
    seed: Seed = 0,
    devices: Annotated[int, typer.Option(min=1, help="Number of processes on each machine.")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="Number of machines.")] = 1,
    precision: Annotated[str, typer.Option(help="32-true, bf16-mixed, 16-mixed …")] = "32-true",
    resume: Resume = False,
) -> None:
    """Train an embedder from scratch on many people, with one process or several."""
    from onlyme.cli.lab.parts import count_photos, make_loader
    from onlyme.lab.identities import IdentitySpec, describe_measured, train_identities
    from onlyme.lab.people import read_people

    spec = IdentitySpec(
        dimension=dimension, people=batch_people, photos=batch_photos, alpha=alpha, steps=steps,
        rate=rate, seed=seed, devices=devices, nodes=nodes, precision=precision, network=network,
        loss=loss, miner=miner, sampler=sampler, schedule=schedule, warm_up=warm_up,
        accumulate=accumulate, ema=ema, folds=folds, fold=fold, check_every=check_every,
    )  # fmt: skip
    is_first = os.environ.get("LOCAL_RANK", "0") == "0"  # Lightning runs this in each process
    with tell_how_to_go_on(out, f"onlyme lab train-identities {people}"):
        with count_photos(make_loader()) as load:
            album = read_people(people, load)
        if is_first:
            tell_ignored(context, spec.ignored, f"this run ({loss}, {miner})")
            for note in album.list_notes():
                typer.echo(note, err=True)
            typer.echo(
                f"{format_count(len(album.names), 'person', 'people')}, "
                f"{format_count(sum(map(len, album.faces)), 'face')}",
                err=True,
            )
        train_identities(album, spec, out, resume=resume, progress=is_terminal())
    if is_first:
        typer.echo(describe_measured(out))
        typer.echo(f"The embedder is in {out}. Next: onlyme lab export {out} NAME --faces {people}")


def finetune(
    people: PeopleDir,
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The run's folder.")] = Path(
        "lab-finetune"
    ),
    loss: Annotated[str, typer.Option(help="A loss, as for train-identities.")] = "supcon",
    alpha: Annotated[
        float, typer.Option(min=-1, max=1, help="Margin of the loss, where it has one.")
    ] = 0.2,
    pull: Annotated[
        float, typer.Option(min=0, help="Weight of the distance to the shipped network.")
    ] = 4.0,
    degrade: Annotated[
        bool, typer.Option("--degrade/--no-degrade", help="Make half of each batch small or grey.")
    ] = False,
    frozen: Annotated[
        int, typer.Option(min=0, max=27, help="Number of the 27 blocks that stay as they are.")
    ] = 20,
    batch_people: Annotated[int, typer.Option(min=2, help="Number of people in a batch.")] = 16,
    batch_photos: Annotated[
        int, typer.Option(min=2, help="Number of photos of each person in a batch.")
    ] = 2,
    steps: Annotated[int, typer.Option(min=1, help="Number of batches.")] = 200,
    rate: Annotated[float, typer.Option(min=1e-9, help="Highest learning rate.")] = 3e-4,
    seed: Seed = 0,
    resume: Resume = False,
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
        train_further(people, spec, out, resume=resume, progress=is_terminal())


def distill(
    people: PeopleDir,
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The run's folder.")] = Path(
        "lab-distill"
    ),
    frozen: Annotated[
        int, typer.Option(min=0, max=27, help="Number of the 27 blocks that stay as they are.")
    ] = 0,
    batch: Annotated[int, typer.Option(min=4, help="Number of photos in a batch.")] = 32,
    steps: Annotated[int, typer.Option(min=1, help="Number of batches.")] = 200,
    rate: Annotated[float, typer.Option(min=1e-9, help="Highest learning rate.")] = 3e-4,
    seed: Seed = 0,
    resume: Resume = False,
) -> None:
    """Teach the shipped network small, grey and blurred faces; names are not needed.

    The shipped network is the teacher: from the bad copy of a face the new network must make
    the vector that the teacher makes of the clean face.
    """
    from onlyme.cli.lab.calibrating import train_further
    from onlyme.lab.finetuning import FineTuneSpec

    spec = FineTuneSpec(
        frozen=frozen, people=batch // 2, photos=2, steps=steps, rate=rate, seed=seed
    )
    with tell_how_to_go_on(out, f"onlyme lab distill {people}"):
        train_further(people, spec, out, resume=resume, progress=is_terminal())
