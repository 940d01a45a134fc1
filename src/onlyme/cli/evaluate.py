"""Run `evaluate`: measure on a folder of people how often recognition errs."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import options, output
from onlyme.cli.lines import say
from onlyme.cli.progress import show_progress
from onlyme.cli.streams import escape_json
from onlyme.errors import ImageError, OnlymeError
from onlyme.image.files import format_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from onlyme.evaluate import Evaluation, EvaluationPlan, Pair
    from onlyme.evaluate.cache import ManyFilesEmbedder
    from onlyme.face.pipeline import Observation, Pipeline
    from onlyme.faceid.photo_tasks import PhotoEngine
    from onlyme.settings import Settings
    from onlyme.siamese.head import Base

__all__ = ["register"]

_THUMBNAIL_PIXELS = 96


Folder = Annotated[
    Path,
    typer.Argument(
        metavar="FOLDER", help="A folder with one folder for each person.", show_default=False
    ),
]
Photos = Annotated[int, typer.Option(help="Number of photos that an owner enrolls with.")]
Repeats = Annotated[int, typer.Option(help="How often each owner enrolls.")]
Far = Annotated[float, typer.Option(help="The false accept rate to check.")]
Pairs = Annotated[
    Path | None,
    typer.Option(help="A list of pairs to verify: LFW's pairs.txt, or a CSV.", show_default=False),
]
Groups = Annotated[
    Path | None,
    typer.Option(help="A CSV of person,group, for rates by group.", show_default=False),
]
Strata = Annotated[
    bool,
    typer.Option(
        "--strata", help="Count misses by light, size, pose and blur, measured in each picture."
    ),
]
Html = Annotated[
    Path | None, typer.Option(help="Write the report to this HTML file.", show_default=False)
]
Pictures = Annotated[
    bool, typer.Option("--pictures", help="Show faces in the report, which is then biometric data.")
]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same figures.")]
Cache = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Store the embeddings (biometric data!) in this folder, for later runs.",
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
    strata: Strata = False,
    html: Html = None,
    pictures: Pictures = False,
    seed: Seed = 0,
    cache: Cache = None,
    scheduler: options.Scheduler = None,
    certificates: options.Certificates = None,
    embedder: options.Embedder = None,
    json: options.Json = False,
) -> None:
    """Test owners against strangers on a folder of people, and report how often it errs.

    If the model was trained on these people, the figures look better than they are. For the
    shipped model, onlyme/siamese/base-*.json names the training data.

    onlyme evaluate people/ --html report.html
    """
    from onlyme.errors import UsageError
    from onlyme.evaluate import EvaluationPlan, read_groups, read_pairs, to_json
    from onlyme.faceid import networks
    from onlyme.settings import Settings

    if html is not None and not html.parent.is_dir():
        raise UsageError(f"{html}: there is no such folder")  # better now than after an hour
    plan = EvaluationPlan(photos=photos, repeats=repeats, far=far, seed=seed)
    settings = Settings.load(embedder=embedder)
    pipeline, base = networks.make_pipeline(settings), networks.load_base(settings)
    lists = read_pairs(pairs) if pairs else None, read_groups(groups) if groups else None
    measured: dict[Path, dict[str, float]] | None = {} if strata else None
    with _start_embedding(scheduler, certificates, settings, pipeline, measured) as run:
        evaluation = _measure(folder, plan, (pipeline, base, run), lists, cache, measured)
    if lists[1] is not None:
        _report_unknown(lists[1], {str(label) for label in evaluation.labels})
    if html is not None:
        _write_page(html, evaluation, folder, pipeline if pictures else None)
    if json:
        typer.echo(escape_json(to_json(evaluation)))
    else:
        _print_outcome(evaluation)


def _measure(
    folder: Path,
    plan: EvaluationPlan,
    networks: tuple[Pipeline, Base, ManyFilesEmbedder],
    lists: tuple[Sequence[Pair] | None, Mapping[str, str] | None],
    cache: Path | None,
    measured: dict[Path, dict[str, float]] | None,
) -> Evaluation:
    """Embed every photo of a folder, and evaluate the embeddings.

    `networks` also holds what embeds the photos. `lists` are pairs and groups. `measured`
    collects what each photo looks like; None: not asked.
    """
    from onlyme.evaluate import LabelledEmbeddings, embed_many_files, list_people, run_evaluation
    from onlyme.siamese.learning import learn_owner

    (pipeline, base, run), (pairs, groups) = networks, lists
    people = list_people(folder)
    with show_progress() as progress:
        found = embed_many_files(
            [folder / photo.source for photo in people],
            run,
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
        measures = None
        if measured is not None:
            paths = [folder / photo.source for photo in usable]
            for done, path in enumerate(paths, 1):  # those whose embeddings were stored
                if path not in measured:
                    with suppress(ImageError):
                        _measure_photo(pipeline.find(path), path, measured)
                progress("measures", done, len(paths))
            measures = [measured.get(path, {}) for path in paths]
        return run_evaluation(
            faces,
            plan,
            lambda me: learn_owner(base, me),
            pairs=pairs,
            groups=groups,
            measures=measures,
            progress=progress,
        )


@contextmanager
def _start_embedding(
    scheduler: str | None,
    certificates: Path | None,
    settings: Settings,
    pipeline: Pipeline,
    measured: dict[Path, dict[str, float]] | None,
) -> Iterator[ManyFilesEmbedder]:
    """Yield what embeds photos: this process, or the computers behind a scheduler."""
    if scheduler is None:
        yield lambda paths: ((path, _embed_photo(pipeline, path, measured)) for path in paths)
        return
    from onlyme.faceid.cluster.engine import ClusterEngine

    with ClusterEngine(scheduler, certificates, settings) as engine:
        yield lambda paths: _embed_elsewhere(engine, paths, measured)


def _embed_elsewhere(
    engine: PhotoEngine, paths: Sequence[Path], measured: dict[Path, dict[str, float]] | None
) -> Iterator[tuple[Path, NDArray[np.float32] | None]]:
    from onlyme.faceid.photo_tasks import CRASHED, PhotoTask

    tasks = (PhotoTask("", path.name, path, enroll=False) for path in paths)
    for task, photo in engine.run(tasks):
        if photo is None:  # its embedding is unknown, and must not count as a photo without a face
            raise OnlymeError(f"{format_path(task.path)}: {CRASHED}")
        if measured is not None and photo.quality is not None:
            measured[task.path] = {check.name: check.value for check in photo.quality.checks}
        yield task.path, None if photo.embedding is None else photo.embedding.vector


def _report_unknown(groups: Mapping[str, str], people: set[str]) -> None:
    """Say which names of the list of groups are no folder, and how many people have no group."""
    unknown = sorted(set(groups) - people)
    if unknown:
        some = ", ".join(map(format_path, unknown[:5])) + (" …" if len(unknown) > 5 else "")
        count = output.format_count(len(unknown), "name")
        say(f"--groups: {count} with no usable photo in the folder: {some}", err=True)
    if missing := len(people - set(groups)):
        count = output.format_count(missing, "person", "people")
        say(f"--groups: {count} without a group, in no figure by group", err=True)


def _print_outcome(evaluation: Evaluation) -> None:
    from onlyme.evaluate.report.document import make_document
    from onlyme.evaluate.report.sentences import write_headline, write_sentences

    outcome = make_document(evaluation)
    say(write_headline(outcome), bold=True)
    for sentence in write_sentences(outcome):
        say(f"  {sentence}")


def _embed_photo(
    pipeline: Pipeline, path: Path, measured: dict[Path, dict[str, float]] | None
) -> NDArray[np.float32] | None:
    try:
        observation = pipeline.look(path)
    except ImageError:
        return None
    if measured is not None:
        _measure_photo(observation, path, measured)
    return observation.embedding.vector if observation.embedding else None


def _measure_photo(
    observation: Observation, path: Path, measured: dict[Path, dict[str, float]]
) -> None:
    """Note what the face of a photo looks like."""
    from onlyme.face.enrollment_quality import assess_for_enrollment

    if face := observation.face:
        quality = assess_for_enrollment(observation.frame.pixels, face.box, face.landmarks)
        measured[path] = {check.name: check.value for check in quality.checks}


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
        say(f"{path} shows faces: protect it as you protect the photos", err=True)
    write_output(path, to_html(evaluation, thumbnails).encode(), private=thumbnails is not None)
    say(f"report: {path}", err=True)


def _make_thumbnail(pipeline: Pipeline, path: Path) -> bytes:
    from PIL import Image

    from onlyme.face.align import align

    observation = pipeline.find(path)
    pixels = observation.frame.pixels
    if observation.face is not None:
        pixels = align(pixels, observation.face)
    picture = Image.fromarray(pixels)
    picture.thumbnail((_THUMBNAIL_PIXELS, _THUMBNAIL_PIXELS))
    written = BytesIO()
    picture.save(written, "JPEG", quality=80)
    return written.getvalue()
