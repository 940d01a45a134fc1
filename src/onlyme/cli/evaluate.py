"""`evaluate`: how often it errs, on anybody's folder of people."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import options
from onlyme.cli.progress import show_progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from onlyme.evaluate import Evaluation
    from onlyme.face.pipeline import Pipeline

__all__ = ["register"]

_THUMBNAIL_PIXELS = 96


Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="One folder for each person.", show_default=False)
]
Photos = Annotated[int, typer.Option(help="Photos that an owner enrolls with.")]
Repeats = Annotated[int, typer.Option(help="How often each owner enrolls.")]
Far = Annotated[float, typer.Option(help="The promised false accept rate.")]
Pairs = Annotated[
    Path | None,
    typer.Option(help="Pairs to verify: LFW's pairs.txt, or a CSV.", show_default=False),
]
Groups = Annotated[
    Path | None,
    typer.Option(help="A CSV of person,group, for rates by group.", show_default=False),
]
Html = Annotated[
    Path | None, typer.Option(help="Write the report as one page.", show_default=False)
]
Pictures = Annotated[
    bool, typer.Option("--pictures", help="Show faces in the page; it is biometric data then.")
]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same figures.")]
Cache = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Keep the embeddings (biometric data!) here between runs; by default nowhere.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(evaluate)


def evaluate(
    folder: Folder,
    *,
    photos: Photos = 5,
    repeats: Repeats = 1,
    far: Far = 1e-4,
    pairs: Pairs = None,
    groups: Groups = None,
    html: Html = None,
    pictures: Pictures = False,
    seed: Seed = 0,
    cache: Cache = None,
    embedder: options.Embedder = None,
    json: options.Json = False,
) -> None:
    """Play owners against strangers on a folder of people, and say how often it errs.

    Figures of people whom the shipped head was trained on flatter it; its card names them.

    onlyme evaluate people/ --html report.html
    """
    from onlyme.errors import UsageError
    from onlyme.evaluate import (
        EvaluationPlan,
        LabelledEmbeddings,
        embed_files,
        list_people,
        read_groups,
        read_pairs,
        run_evaluation,
        to_json,
    )
    from onlyme.evaluate.report.document import make_document
    from onlyme.evaluate.report.sentences import write_headline, write_sentences
    from onlyme.faceid import wiring
    from onlyme.settings import Settings
    from onlyme.siamese.learning import learn_owner

    if html is not None and not html.parent.is_dir():
        raise UsageError(f"{html}: its folder is not there")  # better now than after an hour
    plan = EvaluationPlan(photos=photos, repeats=repeats, far=far, seed=seed)
    settings = Settings.load(embedder=embedder)
    pipeline, base = wiring.make_pipeline(settings), wiring.load_base(settings)
    people = list_people(folder)
    listed = read_pairs(pairs) if pairs else None
    grouped = read_groups(groups) if groups else None

    with show_progress() as progress:
        found = embed_files(
            [folder / photo.source for photo in people],
            lambda path: _embed_photo(pipeline, path),
            model=pipeline.fingerprint(),
            folder=cache,
            progress=progress,
        )
        usable = [people[row] for row in found.rows]
        faces = LabelledEmbeddings(
            found.vectors,
            [photo.person for photo in usable],
            [photo.source for photo in usable],
            unusable=[people[row].source for row in found.unusable],
            title=folder.name,
            model=base.model,
        )
        evaluation = run_evaluation(
            faces,
            plan,
            lambda me: learn_owner(base, me),
            pairs=listed,
            groups=grouped,
            progress=progress,
        )
    if html is not None:
        _write_page(html, evaluation, folder, pipeline if pictures else None)
    if json:
        typer.echo(to_json(evaluation))
        return
    outcome = make_document(evaluation)
    typer.secho(write_headline(outcome), bold=True)
    for sentence in write_sentences(outcome):
        typer.echo(f"  {sentence}")


def _embed_photo(pipeline: Pipeline, path: Path) -> NDArray[np.float32] | None:
    from onlyme.errors import ImageError

    try:
        sight = pipeline.look(path)
    except ImageError:
        return None
    return sight.embedding.vector if sight.embedding else None


def _write_page(
    path: Path, evaluation: Evaluation, folder: Path, pipeline: Pipeline | None
) -> None:
    from onlyme.evaluate import list_pictured_sources, to_html
    from onlyme.storage.files import write_output

    thumbnails: Mapping[str, bytes] | None = None
    if pipeline is not None:
        thumbnails = {
            source: _make_thumbnail(pipeline, folder / source)
            for source in list_pictured_sources(evaluation)
        }
        typer.echo(f"{path} shows faces: keep it as you keep the photos", err=True)
    write_output(path, to_html(evaluation, thumbnails).encode(), private=thumbnails is not None)
    typer.echo(f"report: {path}", err=True)


def _make_thumbnail(pipeline: Pipeline, path: Path) -> bytes:
    from PIL import Image

    from onlyme.face.align import align

    sight = pipeline.look(path)
    pixels = sight.frame.pixels if sight.face is None else align(sight.frame.pixels, sight.face)
    picture = Image.fromarray(pixels)
    picture.thumbnail((_THUMBNAIL_PIXELS, _THUMBNAIL_PIXELS))
    written = BytesIO()
    picture.save(written, "JPEG", quality=80)
    return written.getvalue()
