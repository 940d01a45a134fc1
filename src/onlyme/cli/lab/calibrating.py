"""Calibrate a network of one's own, and train the shipped one further, from a folder of people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onlyme.charts import format_odds
from onlyme.cli.lines import say
from onlyme.cli.output import format_count
from onlyme.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onlyme.lab.calibration import Calibration
    from onlyme.lab.finetuning import FineTuneSpec
    from onlyme.lab.people import People

__all__ = ["calibrate_network", "quantize_network", "train_further"]


def calibrate_network(
    name: str,
    people: Path,
    models: Path | None,
    *,
    not_me: Path | None = None,
    seed: int = 0,
    cache: Path | None = None,
) -> Iterator[str]:
    """Make head, cohort and curve of a network, and yield lines that say what they allow.

    Args:
        name: of the exported network.
        people: a folder with one folder for each person.
        models: the folder of networks; None for the user's own.
        not_me: photos of others, one of each person, who count as strangers; None for none.
        seed: of folds, trials and synthetic strangers.
        cache: keeps the aligned faces; None keeps none.

    Raises:
        ModelMissing: when no network has that name.
        UsageError: when there are too few people, or the network is the shipped one.
    """
    from onlyme.cli.progress import show_progress
    from onlyme.face.embed import Embedder
    from onlyme.face.models import SHIPPED, find_model
    from onlyme.lab.calibration import FACES_SUFFIX, calibrate, plan_calibration
    from onlyme.settings import Settings

    folder = models or Settings.load().models
    model = find_model(name, SHIPPED, folder)
    if model.path.parent == SHIPPED:
        raise UsageError(f"{name} comes with onlyme and is calibrated; name a network of your own")
    embedder = Embedder(model)
    known = model.path.with_suffix(FACES_SUFFIX)
    album, notes = _read_unknown(people, not_me, known, cache, whole=embedder.whole)
    yield from notes
    labels = np.repeat(np.arange(len(album)), album.counts)
    plan_calibration(labels, seed)  # refuses too few people now, and not after embedding them
    shown = [face for mine in album.faces for face in mine]
    vectors = []
    with show_progress() as move:
        for number, face in enumerate(shown, 1):
            move("faces", number, len(shown))
            vectors.append(embedder.embed(face).vector)
        done = calibrate(
            np.array(vectors, np.float32),
            labels,
            model.sha256,
            folder,
            source=people.name,
            seed=seed,
            describe=lambda words: move(words, 0, None),
        )
    yield from _describe_calibration(done, name)


def _read_unknown(
    people: Path, not_me: Path | None, known: Path, cache: Path | None, *, whole: bool
) -> tuple[People, list[str]]:
    """Read the people whom the network was not trained on, and say who is left out."""
    from onlyme.cli.lab.parts import count_photos, make_loader, read_album
    from onlyme.lab.calibration import add_strangers
    from onlyme.lab.photos import list_photo_files, read_folder

    album = read_album(people, cache, whole=whole)
    notes = album.list_notes()
    if not_me:
        with count_photos(make_loader(whole=whole)) as load:
            others, skipped = read_folder(list_photo_files(not_me), load)
        notes += [f"left out: {note}" for note in skipped]
        album = add_strangers(album, others)
    if known.exists():
        before = len(album)
        album = album.select(~album.find_known(np.load(known, allow_pickle=False)))
        if left := before - len(album):
            notes.append(
                f"left out: {format_count(left, 'person', 'people')} whom the network was trained "
                "on, since it tells them apart better than others"
            )
    return album, notes


def _describe_calibration(done: Calibration, name: str) -> Iterator[str]:
    """Say what a calibration allows."""
    plan = done.plan
    yield (
        f"Wrote {done.path}, from {done.people} people, of whom {done.owners} have two photos or "
        "more."
    )
    yield (
        f"Counted down to a false accept rate of {format_odds(plan.counted_from)}. Down to "
        f"{format_odds(plan.lowest)} it is a model of the tail; smaller rates are refused, "
        "because these people cannot show them. More people allow smaller ones."
    )
    for row in done.card["misses"]:
        if row["far"] >= plan.lowest:
            yield (
                f"Owners with {format_count(row['photos'], 'photo')}, set for "
                f"{format_odds(row['far'])}: refused {100 * row['rate']:.1f} % "
                f"[{100 * row['low']:.1f}, {100 * row['high']:.1f}] ({row['people']} people)"
            )
    yield f"Enroll again with --embedder {name}; owners who enrolled before keep no known rate."


def quantize_network(
    name: str,
    people: Path,
    models: Path | None,
    new_name: str | None,
    *,
    seed: int = 0,
    cache: Path | None = None,
    replace: bool = False,
) -> Iterator[str]:
    """Write a network of eight bits beside another, and yield lines that say what it costs.

    Args:
        name: of the exported network.
        people: a folder with one folder for each person.
        models: the folder of networks; None for the user's own.
        new_name: name of the new one; None for NAME-int8.
        seed: deals the people into two halves.
        cache: keeps the aligned faces; None keeps none.
        replace: replace a network of the new name.
    """
    from onlyme.face.models import SHIPPED, find_model
    from onlyme.lab.calibration import FACES_SUFFIX
    from onlyme.lab.quantization import quantize
    from onlyme.settings import Settings
    from onlyme.storage.network_folder import check_entry

    folder, new_name = models or Settings.load().models, new_name or f"{name}-int8"
    model = find_model(name, folder, SHIPPED)
    if model.path.parent == SHIPPED:
        raise UsageError(f"{name} comes with onlyme; name a network of your own")
    check_entry(folder, new_name, replace=replace)  # now, and not after reading the photos
    known = model.path.with_suffix(FACES_SUFFIX)
    album, notes = _read_unknown(people, None, known, cache, whole=model.whole)
    yield from notes
    done = quantize(model, new_name, folder, album, seed=seed, replace=replace)
    before, after = done.sizes
    yield f"Wrote {done.path}: {after / 1e6:.2f} MB in place of {before / 1e6:.2f} MB."
    yield f"32 bits: {done.before}"
    yield f"8 bits:  {done.after}"
    yield (
        "Both were asked about the half of the people that gave no ranges. It makes other vectors "
        f"than {name}: enroll again with --embedder {new_name}. For a known rate: "
        f"onlyme lab calibrate {new_name} DIR"
    )


def train_further(
    people: Path, spec: FineTuneSpec, out: Path, cache: Path | None, *, resume: bool, progress: bool
) -> None:
    """Train the shipped embedder further on a folder of people, and say what to do next.

    Args:
        people: a folder with one folder for each person.
        spec: how it is trained.
        out: the run's folder.
        cache: keeps the aligned faces; None keeps none.
        resume: continue the run in the folder.
        progress: show a progress bar on stderr.
    """
    from onlyme.cli.lab.parts import read_album
    from onlyme.face.models import find_model
    from onlyme.lab.finetuning import finetune

    album = read_album(people, cache)
    for note in album.list_notes():
        say(note, err=True)
    finetune(album, spec, find_model("embedder").read(), out, resume=resume, progress=progress)
    say(
        f"The network is in {out}. Next: onlyme lab export {out} NAME --faces {people}, then "
        "onlyme lab calibrate NAME with people whom it did not see. It makes other vectors than "
        "the shipped network, so that owners enroll again with --embedder NAME"
    )
