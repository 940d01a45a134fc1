"""`onlyme lab`: train networks, compare them, export them, watch them decide."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from onlyme.lab.photos import Photos
    from onlyme.lab.run import TrainedNetwork

__all__ = ["app", "register"]

app = typer.Typer(
    name="lab",
    no_args_is_help=True,
    help="Train Siamese networks yourself: the article's three ways, compared. "
    "Needs the extra `lab`.",
)


def register(parent: typer.Typer) -> None:
    """Add this family's commands."""
    parent.add_typer(app)


Me = Annotated[Path, typer.Option("--me", metavar="DIR", help="Photos of the owner.")]
NotMe = Annotated[Path, typer.Option("--not-me", metavar="DIR", help="Photos of others.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same result.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")]
RunDir = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished training run.")]
Limit = Annotated[
    int | None,
    typer.Option(min=1, help="Most steps; by default 1000, of article 6000.", show_default=False),
]
Models = Annotated[
    Path | None,
    typer.Option("--models", metavar="DIR", help="Folder of networks; by default the user's own."),
]


@app.callback()
def lab() -> None:
    """Make sure that torch and its company are there before any work is done."""
    from onlyme.lab import require_packages

    require_packages()


@app.command()
def train(
    way: Annotated[
        str, typer.Argument(metavar="WAY", help="classifier, two-head, article or compact.")
    ],
    me: Me,
    not_me: NotMe,
    *,
    alpha: Annotated[float, typer.Option(min=-1, max=1, help="Margin of the triplets.")] = 0.5,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The run's folder.")] = Path(
        "lab-run"
    ),
    loss: Annotated[
        str, typer.Option(help="article, squared, cosine, semi-hard or batch-hard.")
    ] = "article",
    seed: Seed = 0,
    limit: Limit = None,
    rate: Annotated[float, typer.Option(min=0, help="Learning rate; 0: the way's own.")] = 0.0,
    resume: Resume = False,
    repaired: Annotated[
        bool, typer.Option("--repaired", help="`article` with activations and shrinking pools.")
    ] = False,
    unit: Annotated[
        bool | None, typer.Option("--unit/--no-unit", help="Vectors of unit length.")
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Whole photos, as the article has them, not faces.")
    ] = False,
    side: Annotated[
        int, typer.Option(help="Side of the pictures that `article` sees; 244 as published.")
    ] = 244,
) -> None:
    """Train one way on photos of ME and NOT_ME.

    onlyme lab train compact --me photos/me --not-me photos/others --out my-run
    """
    from onlyme.cli.lab.parts import count_photos, make_loader
    from onlyme.errors import UsageError
    from onlyme.lab.photos import read_photos
    from onlyme.lab.spec import Spec
    from onlyme.lab.train import train as run
    from onlyme.lab.triplets import KINDS

    kind = next((known for known in KINDS if known == loss), None)
    if kind is None:
        raise UsageError(f"no triplet loss is called {loss!r}; known: {', '.join(KINDS)}")
    spec = Spec(
        way, alpha=alpha, kind=kind, faithful=not repaired, unit=unit, whole=whole,
        side=side, seed=seed, rate=rate, limit=limit,
    )  # fmt: skip
    with count_photos(make_loader(whole=whole)) as load:
        photos = read_photos(me, not_me, load)
    _say_photos(photos)
    _say_result(run(photos, spec, out, resume=resume, progress=_is_terminal()), out)


@app.command()
def train_identities(
    people: Annotated[Path, typer.Argument(metavar="DIR", help="One folder a person.")],
    *,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The run's folder.")] = Path(
        "lab-identities"
    ),
    steps: Annotated[int, typer.Option(min=1, help="How many batches.")] = 2000,
    batch_people: Annotated[int, typer.Option(min=2, help="People in a batch.")] = 32,
    batch_photos: Annotated[int, typer.Option(min=2, help="Photos of each.")] = 4,
    dimension: Annotated[int, typer.Option(min=2, help="Length of the vectors.")] = 128,
    alpha: Annotated[float, typer.Option(min=-1, max=1, help="Margin of the triplets.")] = 0.2,
    rate: Annotated[float, typer.Option(min=1e-9, help="Highest learning rate.")] = 1e-3,
    seed: Seed = 0,
    devices: Annotated[int, typer.Option(min=1, help="Processes on each machine.")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="Machines.")] = 1,
    precision: Annotated[str, typer.Option(help="32-true, bf16-mixed, 16-mixed …")] = "32-true",
    resume: Resume = False,
) -> None:
    """Train an embedder from scratch on many people, with one process or several."""
    from onlyme.cli.lab.parts import count_photos, make_loader
    from onlyme.lab.identities import IdentitySpec, train_identities
    from onlyme.lab.people import read_people

    with count_photos(make_loader()) as load:
        everyone = read_people(people, load)
    typer.echo(f"{len(everyone.names)} people, {sum(map(len, everyone.faces))} faces", err=True)
    spec = IdentitySpec(
        dimension, batch_people, batch_photos, alpha, steps, rate, seed, devices, nodes, precision
    )
    train_identities(everyone, spec, out, resume=resume, progress=_is_terminal())
    if os.environ.get("LOCAL_RANK", "0") == "0":  # Lightning runs this command in each process
        typer.echo(f"embedder in {out}; next: onlyme lab export {out} NAME --faces {people}")


@app.command()
def export(
    run: RunDir,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What --embedder will call it.")],
    *,
    models: Models = None,
    faces: Annotated[
        Path | None,
        typer.Option(
            "--faces", metavar="DIR", help="Photos for the parity check; default: the run's."
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="The name may be taken.")] = False,
) -> None:
    """Turn a trained network into one that opens the door: `--embedder NAME`."""
    import numpy as np

    from onlyme.cli.lab.parts import count_photos, make_loader
    from onlyme.errors import UsageError
    from onlyme.lab.export import export as write
    from onlyme.lab.export import get_embedder
    from onlyme.lab.identities import load_embedder
    from onlyme.lab.people import read_people
    from onlyme.lab.run import Run
    from onlyme.settings import Settings

    if Run(run).has_begun:
        trained = Run(run).load()
        embedder = get_embedder(trained)
        checked = np.concatenate([trained.photos.me, trained.photos.not_me])
    elif faces is None:
        raise UsageError("say --faces DIR, a folder of people, for the parity check")
    else:
        embedder = load_embedder(run)
        with count_photos(make_loader()) as load:
            checked = np.concatenate(read_people(faces, load, most=2).faces[:20])
    done = write(embedder, name, models or Settings.load().models, checked, replace=replace)
    typer.echo(
        f"{done.path}: {done.dimension} numbers a face; distances differ from the trained "
        f"network's by {done.difference:.1e} at most.\nUse it with --embedder {name}"
    )


@app.command()
def compare(
    people: Annotated[Path, typer.Argument(metavar="DIR", help="One folder a person.")],
    *,
    owners: Annotated[int, typer.Option(min=1, help="How many are owners in turn.")] = 2,
    photos: Annotated[str, typer.Option(help="Photos of the owner, such as 2,5,7.")] = "7",
    ways: Annotated[str, typer.Option(help="Which ways.")] = "classifier,two-head,article,compact",
    strangers: Annotated[int, typer.Option(min=1, help="NOT_ME photos, one a person.")] = 10,
    unseen: Annotated[int, typer.Option(min=1, help="Strangers who only judge, at most.")] = 200,
    alpha: Annotated[float, typer.Option(min=-1, max=1, help="Margin of the triplets.")] = 0.5,
    limit: Limit = None,
    article_side: Annotated[
        int, typer.Option(help="Side of the faces that `article` sees; 244 as published.")
    ] = 56,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The report's folder.")] = Path(
        "lab-compare"
    ),
) -> None:
    """Compare the three ways and the product's own decision; write a report for you alone.

    What is finished is kept in the report's folder: after Ctrl-C or a crash the same
    command goes on, and with more owners it trains only what is new. The report is
    written after each owner.
    """
    from onlyme.cli.lab.parts import count_photos, make_loader, make_product
    from onlyme.errors import UsageError
    from onlyme.lab.comparison.cache import ResultCache
    from onlyme.lab.comparison.compare import Plan
    from onlyme.lab.comparison.compare import compare as run
    from onlyme.lab.comparison.report import write_report
    from onlyme.lab.people import read_people

    try:
        counts = tuple(int(count) for count in photos.split(","))
    except ValueError:
        raise UsageError(f"--photos {photos}: say numbers with commas, such as 2,5,7") from None
    plan = Plan(
        owners, counts, tuple(ways.split(",")), strangers, unseen, alpha, limit, seed, article_side
    )
    with count_photos(make_loader()) as load:
        everyone = read_people(people, load)
    kept = ResultCache(out / "cells")
    try:
        with ExitStack() as stack:
            done = run(
                everyone,
                plan,
                make_product(stack),
                cache=kept,
                on_step=lambda line: typer.echo(line, err=True),
                on_partial=lambda part: typer.echo(f"so far: {write_report(part, out)}", err=True),
                progress=_is_terminal(),
            )
    except (KeyboardInterrupt, SystemExit):  # Lightning makes the one of the other
        typer.echo(f"what is finished is in {kept.folder}; the same command goes on", err=True)
        raise
    typer.echo(write_report(done, out))


@app.command()
def watch(
    run: RunDir,
    video: Annotated[
        Path | None, typer.Argument(metavar="VIDEO", help="A video instead of a camera.")
    ] = None,
    *,
    camera: Annotated[int, typer.Option(help="The camera's number.")] = 0,
    name: Annotated[str, typer.Option(help="The owner's name.")] = "ME",
    alpha: Annotated[
        float | None, typer.Option(help="In place of the alpha that was trained with.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="VIDEO", help=".mp4 or .avi.")] = Path(
        "lab-watch.mp4"
    ),
    seconds: Annotated[float, typer.Option(min=0, help="Stop after; 0: at the end.")] = 0.0,
    fps: Annotated[float, typer.Option(min=1, help="Frames a second of what is saved.")] = 25.0,
) -> None:
    """Draw the name or NOT on every frame, and save them as a video. Ctrl-C ends a camera."""
    from onlyme.cli.lab.parts import make_finder, read_frames
    from onlyme.lab.annotate import annotate, save_video
    from onlyme.lab.run import Run

    trained = Run(run).load()
    walk = read_frames(video or camera, seconds)
    total, owner = save_video(annotate(walk, make_finder(), trained, name, alpha), out, fps)
    typer.echo(f"{out}: {total} frames, {name} in {owner} of them")


def _say_photos(photos: Photos) -> None:
    for note in photos.skipped:
        typer.echo(f"left out: {note}", err=True)
    typer.echo(
        f"{len(photos.me)} ME and {len(photos.not_me)} NOT_ME photos: {photos.triplets} triplets",
        err=True,
    )


def _say_result(trained: TrainedNetwork, out: Path) -> None:
    result = trained.result
    loss = result.curve[-1][1] if result.curve else float("nan")
    typer.echo(
        f"{out}: {result.reason} after {result.steps} steps and {result.seconds:.1f} s; "
        f"loss {loss:.4f}; {result.peak_bytes / 1e6:.0f} MB at most"
    )


def _is_terminal() -> bool:
    import sys

    return sys.stderr.isatty()
