"""Provide `onlyme lab`: train networks, compare them, export them, and watch them decide."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli.groups import HelpfulGroup
from onlyme.cli.lab import people_commands
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
    from numpy.typing import NDArray

    from onlyme.lab.comparison.plan import Plan
    from onlyme.lab.people import People

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
Way = Annotated[
    str, typer.Argument(metavar="WAY", help="classifier, two-head, article or compact.")
]
Alpha = Annotated[float, typer.Option(min=-1, max=1, help="Margin of the triplets.")]
Loss = Annotated[str, typer.Option(help="article, squared, cosine, semi-hard or batch-hard.")]
Rate = Annotated[float, typer.Option(min=0, help="Learning rate; 0: the default of the way.")]
Repaired = Annotated[
    bool,
    typer.Option(
        "--repaired", help="`article` with activations, and pools that shrink the picture."
    ),
]
Unit = Annotated[bool | None, typer.Option("--unit/--no-unit", help="Vectors of unit length.")]
Whole = Annotated[
    bool, typer.Option("--whole", help="Use whole photos, as the article does, not aligned faces.")
]
Side = Annotated[
    int, typer.Option(help="Side of the pictures for `article` in pixels; 244 as published.")
]
Augment = Annotated[
    bool,
    typer.Option(
        "--augment/--no-augment", help="Vary the photos at each step; the article does not."
    ),
]
RunDir = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished training run.")]
Limit = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Largest number of steps; by default 1000, for article 6000.",
        show_default=False,
    ),
]


@app.callback()
def lab() -> None:
    """Check that torch and the lab's other packages are installed before any work."""
    from onlyme.lab import require_packages

    require_packages()


@app.command()
def train(
    context: typer.Context,
    way: Way,
    me: Me,
    not_me: NotMe,
    *,
    alpha: Alpha = 0.5,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The run's folder.")] = Path(
        "lab-run"
    ),
    loss: Loss = "article",
    seed: Seed = 0,
    limit: Limit = None,
    rate: Rate = 0.0,
    resume: Resume = False,
    repaired: Repaired = False,
    unit: Unit = None,
    whole: Whole = False,
    side: Side = 244,
    augment: Augment = True,
) -> None:
    """Train one way on photos of ME and NOT_ME.

    onlyme lab train compact --me photos/me --not-me photos/others --out my-run
    """
    from onlyme.cli.lab.parts import count_photos, make_loader
    from onlyme.cli.lab.results import describe_verdicts, print_photos, print_result
    from onlyme.errors import UsageError
    from onlyme.lab.photos import read_photos
    from onlyme.lab.spec import Spec
    from onlyme.lab.trainer import train as run
    from onlyme.lab.triplets import KINDS

    kind = next((known for known in KINDS if known == loss), None)
    if kind is None:
        raise UsageError(f"no triplet loss is called {loss!r}; known: {', '.join(KINDS)}")
    spec = Spec(
        way, alpha=alpha, kind=kind, faithful=not repaired, unit=unit, whole=whole,
        side=side, seed=seed, rate=rate, limit=limit, augment=augment,
    )  # fmt: skip
    names = {"kind": "loss", "faithful": "repaired"}
    tell_ignored(context, [names.get(name, name) for name in spec.ignored], f"the way {way}")
    with tell_how_to_go_on(out, f"onlyme lab train {way}"):
        with count_photos(make_loader(whole=whole)) as load:
            photos = read_photos(me, not_me, load)
        print_photos(photos)
        trained = run(photos, spec, out, resume=resume, progress=is_terminal())
    print_result(trained, out)
    say(f"Of its own photos, at {trained.threshold:g}:")
    for line in describe_verdicts(trained):
        say(f"  {line}")


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
    replace: Replace = False,
) -> None:
    """Turn a trained network into one that opens the door: `--embedder NAME`."""
    import numpy as np

    from onlyme.cli.lab.parts import read_album
    from onlyme.errors import UsageError
    from onlyme.lab.face_cache import hash_faces
    from onlyme.lab.identities import load_embedder
    from onlyme.lab.onnx_file import export as write
    from onlyme.lab.onnx_file import get_embedder
    from onlyme.lab.run import Run
    from onlyme.settings import Settings

    whole, alpha = False, None
    learned: NDArray[np.uint64] | None = None
    if Run(run).has_begun:
        trained = Run(run).load()
        whole, alpha = trained.spec.whole, trained.spec.alpha
        embedder = get_embedder(trained)
        faces_to_check = np.concatenate([trained.photos.me, trained.photos.not_me])
        learned = hash_faces(faces_to_check)
    elif faces is None:
        raise UsageError(
            f"{run} keeps no photos to check the exported file with; "
            "add --faces DIR, a folder with one folder for each person"
        )
    else:
        embedder = load_embedder(run)
        album = read_album(faces, max_photos=2)
        faces_to_check = np.concatenate(album.faces[:20])
        hashes = run / "faces.npy"  # runs of earlier versions have none
        if hashes.exists():
            learned = np.load(hashes, allow_pickle=False)
    folder = models or Settings.load().models
    result = write(
        embedder, name, folder, faces_to_check, whole=whole, learned=learned, alpha=alpha,
        replace=replace,
    )  # fmt: skip
    say(
        f"Wrote {result.path} ({result.dimension} numbers for each face). Its distances differ "
        f"from the trained network's by at most {result.difference:.1e}.\n"
        f"Use it with --embedder {name}\n"
        "It promises no false accept rate yet. With a folder of people whom it was not trained on: "
        f"onlyme lab calibrate {name} DIR"
    )


@app.command()
def compare(
    people: PeopleDir,
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
    alpha: Alpha = 0.5,
    limit: Limit = None,
    article_side: Annotated[
        int, typer.Option(help="Side of the faces for `article` in pixels; 244 as published.")
    ] = 56,
    advice: Annotated[
        int,
        typer.Option(min=0, help="Number of owners with whom the advice for few photos is tried."),
    ] = 1,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The report's folder.")] = Path(
        "lab-compare"
    ),
    cache: Cache = None,
) -> None:
    """Compare the three ways and the product's own decision; write a report that only you can read.

    Finished trainings are stored in the report's folder: after Ctrl-C or a crash the same
    command continues, and with more owners it trains only what is new. The report is
    written after each owner.
    """
    from onlyme.cli.lab.parts import read_album
    from onlyme.errors import UsageError
    from onlyme.lab.comparison.plan import Plan

    try:
        counts = tuple(int(count) for count in photos.split(","))
    except ValueError:
        raise UsageError(f"--photos {photos}: give numbers with commas, such as 2,5,7") from None
    plan = Plan(
        owners=owners, photos=counts, ways=tuple(ways.split(",")), strangers=strangers,
        unseen=unseen, alpha=alpha, limit=limit, seed=seed, side=article_side, advice=advice,
    )  # fmt: skip
    album = read_album(people, cache)
    for note in album.list_notes():
        say(note, err=True)
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
                on_step=lambda line: say(line, err=True),
                on_partial=lambda part: say(f"report so far: {write_report(part, out)}", err=True),
                progress=is_terminal(),
            )
    except (KeyboardInterrupt, SystemExit):  # Lightning turns the first into the second
        say(
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
        float | None,
        typer.Option(
            help="Alpha to decide by; by default -0.6 for article, as the article used in "
            "production, and the alpha of the training for the others.",
            show_default=False,
        ),
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            help="pair: one stored pair, as the article asks; all: all stored photos. By default "
            "pair for the article's ways, all for compact.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="VIDEO", help="The video to write, .mp4 or .avi.")
    ] = Path("lab-watch.mp4"),
    seconds: Annotated[
        float, typer.Option(min=0, help="Stop after this time; 0: at the end.")
    ] = 0.0,
    fps: Annotated[
        float | None,
        typer.Option(min=1, help="Frames per second of the saved video; by default the source's."),
    ] = None,
) -> None:
    """Draw the name, or NOT, on every frame, and save a video. Ctrl-C stops the camera."""
    from onlyme.cli.lab.parts import find_rate, make_finder, make_whole_finder, read_frames
    from onlyme.lab.annotate import annotate, save_video
    from onlyme.lab.rules import check_rule, describe_rule
    from onlyme.lab.run import Run

    trained = Run(run).load()
    chosen = check_rule(rule) if rule else trained.rule
    bound = trained.production_threshold if alpha is None else alpha
    finder = make_whole_finder() if trained.spec.whole else make_finder()
    rate, frames = find_rate(read_frames(video or camera, seconds))
    annotated = annotate(frames, finder, trained, name, bound, chosen)
    total, accepted = save_video(annotated, out, fps or rate)
    say(
        f"Wrote {out}: {format_count(total, 'frame')}, {name} in {accepted} of them, at "
        f"alpha {bound:g} by {describe_rule(chosen)}"
    )


people_commands.register(app)
