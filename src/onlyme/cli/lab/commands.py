"""Provide `onlyme lab`: train networks, compare them, export them, and watch them decide."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli.groups import HelpfulGroup
from onlyme.cli.output import format_count

if TYPE_CHECKING:
    from onlyme.lab.comparison.plan import Plan
    from onlyme.lab.people import People
    from onlyme.lab.photos import Photos
    from onlyme.lab.run import TrainedNetwork

__all__ = ["app", "register"]

app = typer.Typer(
    cls=HelpfulGroup,
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
Resume = Annotated[bool, typer.Option("--resume", help="Continue the run in the folder.")]
RunDir = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished training run.")]
Limit = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Largest number of steps; by default 1000, for article 6000.",
        show_default=False,
    ),
]
Models = Annotated[
    Path | None,
    typer.Option("--models", metavar="DIR", help="Folder of networks; by default the user's own."),
]


@app.callback()
def lab() -> None:
    """Check that torch and the lab's other packages are installed before any work."""
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
    rate: Annotated[
        float, typer.Option(min=0, help="Learning rate; 0: the default of the way.")
    ] = 0.0,
    resume: Resume = False,
    repaired: Annotated[
        bool,
        typer.Option(
            "--repaired", help="`article` with activations, and pools that shrink the picture."
        ),
    ] = False,
    unit: Annotated[
        bool | None, typer.Option("--unit/--no-unit", help="Vectors of unit length.")
    ] = None,
    whole: Annotated[
        bool,
        typer.Option("--whole", help="Use whole photos, as the article does, not aligned faces."),
    ] = False,
    side: Annotated[
        int, typer.Option(help="Side of the pictures for `article` in pixels; 244 as published.")
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
    _print_photos(photos)
    _print_result(run(photos, spec, out, resume=resume, progress=_is_terminal()), out)


@app.command()
def train_identities(
    people: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder with one folder for each person.")
    ],
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
    alpha: Annotated[float, typer.Option(min=-1, max=1, help="Margin of the triplets.")] = 0.2,
    rate: Annotated[float, typer.Option(min=1e-9, help="Highest learning rate.")] = 1e-3,
    seed: Seed = 0,
    devices: Annotated[int, typer.Option(min=1, help="Number of processes on each machine.")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="Number of machines.")] = 1,
    precision: Annotated[str, typer.Option(help="32-true, bf16-mixed, 16-mixed …")] = "32-true",
    resume: Resume = False,
) -> None:
    """Train an embedder from scratch on many people, with one process or several."""
    from onlyme.cli.lab.parts import count_photos, make_loader
    from onlyme.lab.identities import IdentitySpec, train_identities
    from onlyme.lab.people import read_people

    with count_photos(make_loader()) as load:
        album = read_people(people, load)
    typer.echo(
        f"{format_count(len(album.names), 'person', 'people')}, "
        f"{format_count(sum(map(len, album.faces)), 'face')}",
        err=True,
    )
    spec = IdentitySpec(
        dimension=dimension, people=batch_people, photos=batch_photos, alpha=alpha, steps=steps,
        rate=rate, seed=seed, devices=devices, nodes=nodes, precision=precision,
    )  # fmt: skip
    train_identities(album, spec, out, resume=resume, progress=_is_terminal())
    if os.environ.get("LOCAL_RANK", "0") == "0":  # Lightning runs this command in each process
        typer.echo(f"The embedder is in {out}. Next: onlyme lab export {out} NAME --faces {people}")


@app.command()
def export(
    run: RunDir,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name for --embedder.")],
    *,
    models: Models = None,
    faces: Annotated[
        Path | None,
        typer.Option(
            "--faces",
            metavar="DIR",
            help="Photos to check the exported file with; by default the run's.",
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a network of that name.")
    ] = False,
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
        faces_to_check = np.concatenate([trained.photos.me, trained.photos.not_me])
    elif faces is None:
        raise UsageError(
            f"{run} keeps no photos to check the exported file with; "
            "add --faces DIR, a folder with one folder for each person"
        )
    else:
        embedder = load_embedder(run)
        with count_photos(make_loader()) as load:
            album = read_people(faces, load, max_photos=2)
        faces_to_check = np.concatenate(album.faces[:20])
    folder = models or Settings.load().models
    result = write(embedder, name, folder, faces_to_check, replace=replace)
    typer.echo(
        f"Wrote {result.path} ({result.dimension} numbers for each face). Its distances differ "
        f"from the trained network's by at most {result.difference:.1e}.\n"
        f"Use it with --embedder {name}"
    )


@app.command()
def compare(
    people: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder with one folder for each person.")
    ],
    *,
    owners: Annotated[
        int, typer.Option(min=1, help="Number of people who are the owner in turn.")
    ] = 2,
    photos: Annotated[
        str, typer.Option(help="Numbers of photos of the owner, such as 2,5,7.")
    ] = "7",
    ways: Annotated[
        str, typer.Option(help="The ways to compare.")
    ] = "classifier,two-head,article,compact",
    strangers: Annotated[
        int, typer.Option(min=1, help="Number of NOT_ME photos, one of each stranger.")
    ] = 10,
    unseen: Annotated[
        int, typer.Option(min=1, help="Largest number of strangers who are only tested.")
    ] = 200,
    alpha: Annotated[float, typer.Option(min=-1, max=1, help="Margin of the triplets.")] = 0.5,
    limit: Limit = None,
    article_side: Annotated[
        int, typer.Option(help="Side of the faces for `article` in pixels; 244 as published.")
    ] = 56,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The report's folder.")] = Path(
        "lab-compare"
    ),
) -> None:
    """Compare the three ways and the product's own decision; write a report that only you can read.

    Finished trainings are stored in the report's folder: after Ctrl-C or a crash the same
    command continues, and with more owners it trains only what is new. The report is
    written after each owner.
    """
    from onlyme.cli.lab.parts import count_photos, make_loader
    from onlyme.errors import UsageError
    from onlyme.lab.comparison.plan import Plan
    from onlyme.lab.people import read_people

    try:
        counts = tuple(int(count) for count in photos.split(","))
    except ValueError:
        raise UsageError(f"--photos {photos}: give numbers with commas, such as 2,5,7") from None
    plan = Plan(
        owners=owners, photos=counts, ways=tuple(ways.split(",")), strangers=strangers,
        unseen=unseen, alpha=alpha, limit=limit, seed=seed, side=article_side,
    )  # fmt: skip
    with count_photos(make_loader()) as load:
        album = read_people(people, load)
    _run_comparison(album, plan, out)


def _run_comparison(people: People, plan: Plan, out: Path) -> None:
    from onlyme.cli.lab.parts import make_product_learner
    from onlyme.lab.comparison.cache import ResultCache
    from onlyme.lab.comparison.compare import compare as run
    from onlyme.lab.comparison.report import write_report

    cache = ResultCache(out / "cells")
    try:
        with ExitStack() as stack:
            comparison = run(
                people,
                plan,
                make_product_learner(stack),
                cache=cache,
                on_step=lambda line: typer.echo(line, err=True),
                on_partial=lambda part: typer.echo(
                    f"report so far: {write_report(part, out)}", err=True
                ),
                progress=_is_terminal(),
            )
    except (KeyboardInterrupt, SystemExit):  # Lightning turns the first into the second
        typer.echo(
            f"Stopped. The finished trainings are in {cache.folder}; "
            "run the same command again to continue",
            err=True,
        )
        raise
    typer.echo(write_report(comparison, out))


@app.command()
def watch(
    run: RunDir,
    video: Annotated[
        Path | None, typer.Argument(metavar="VIDEO", help="A video to read in place of a camera.")
    ] = None,
    *,
    camera: Annotated[int, typer.Option(help="The camera's number.")] = 0,
    name: Annotated[str, typer.Option(help="The owner's name.")] = "ME",
    alpha: Annotated[
        float | None, typer.Option(help="Alpha to decide by; by default the alpha of the training.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="VIDEO", help="The video to write, .mp4 or .avi.")
    ] = Path("lab-watch.mp4"),
    seconds: Annotated[
        float, typer.Option(min=0, help="Stop after this time; 0: at the end.")
    ] = 0.0,
    fps: Annotated[float, typer.Option(min=1, help="Frames per second of the saved video.")] = 25.0,
) -> None:
    """Draw the name, or NOT, on every frame, and save a video. Ctrl-C stops the camera."""
    from onlyme.cli.lab.parts import make_finder, read_frames
    from onlyme.lab.annotate import annotate, save_video
    from onlyme.lab.run import Run

    trained = Run(run).load()
    frames = annotate(read_frames(video or camera, seconds), make_finder(), trained, name, alpha)
    total, accepted = save_video(frames, out, fps)
    typer.echo(f"Wrote {out}: {format_count(total, 'frame')}, {name} in {accepted} of them")


def _print_photos(photos: Photos) -> None:
    for note in photos.skipped:
        typer.echo(f"left out: {note}", err=True)
    typer.echo(
        f"{len(photos.me)} ME and {format_count(len(photos.not_me), 'NOT_ME photo')}: "
        f"{photos.triplets} triplets",
        err=True,
    )


def _print_result(trained: TrainedNetwork, out: Path) -> None:
    result = trained.result
    loss = result.curve[-1][1] if result.curve else float("nan")
    typer.echo(
        f"{out}: training ended after {format_count(result.steps, 'step')} and "
        f"{result.seconds:.1f} s ({result.reason}); loss {loss:.4f}; "
        f"memory at most {result.peak_bytes / 1e6:.0f} MB"
    )


def _is_terminal() -> bool:
    import sys

    return sys.stderr.isatty()
