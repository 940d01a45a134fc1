"""Embed the photos of a folder of people, and cache the embeddings outside the checkout.

The cache is biometric data: only its owner may read the folder (0700) and the files
(0600). Its name depends on all that determines the embeddings: the photos, the
fingerprint of the face pipeline, and how a face is chosen here. When one of them
changes, the photos are embedded again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from platformdirs import user_cache_path
from rich.progress import Progress

from onlyme.face.align import align
from onlyme.faceid import networks
from onlyme.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console

    from onlyme.face.pipeline import Pipeline
    from onlyme.types import Face, Frame

ROOT = Path(__file__).resolve().parents[1]
SUFFIXES = {".jpg", ".jpeg", ".png"}
CHOICE_VERSION = 1
"""Raise it when `choose_labelled_face` chooses another face."""


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Embeddings of people's photos by one network.

    Attributes:
        model: sha256 of the network.
        source: name of the folder.
        embeddings: float32[n, d] of unit length.
        labels: int[n], the person of each row.
        names: the person's name by label.
        files: the photo of each row, relative to the folder.
    """

    model: str
    source: str
    embeddings: NDArray[np.float32]
    labels: NDArray[np.intp]
    names: NDArray[np.str_]
    files: NDArray[np.str_]

    @property
    def count(self) -> int:
        return len(np.unique(self.labels))


def make_parser(description: str | None, *, rounds: int, seed: int) -> argparse.ArgumentParser:
    """Return a parser with what all benchmarks on people held apart take.

    Args:
        description: the benchmark's docstring.
        rounds: of the bootstrap, by default.
        seed: by default.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = Path(os.environ.get("ONLYME_DATA", ROOT / ".." / "shared" / "data"))
    parser.add_argument("folder", type=Path, nargs="?", default=data / "lfw_dev")
    parser.add_argument("--labels", type=Path, default=ROOT / "tools" / "lfw_labels.txt")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seed", type=int, default=seed)
    return parser


def read_people(
    folder: Path, console: Console, same: Path | None = None, embedder: str | None = None
) -> People:
    """Embed every photo of `folder/PERSON/`, or read the cache of an earlier run.

    Args:
        folder: one folder for each person.
        console: shows the progress.
        same: text file of label errors: `A = B`, two names of one person, or
            `drop PERSON/FILE`, a photo of another person.
        embedder: manifest entry of the network; None for the shipped one, `second` for what looks
            a second time.
    """
    photos = sorted(p for p in folder.glob("*/*") if p.suffix.lower() in SUFFIXES)
    if not photos:
        raise SystemExit(f"{folder}: has no photos; put them into one folder for each person")
    pipeline = load_pipeline(embedder)
    model = pipeline.embedder.model
    key = hashlib.sha256(f"{pipeline.fingerprint()} choice {CHOICE_VERSION}\n".encode())
    for photo in photos:
        key.update(f"{photo.relative_to(folder)} {hash_file(photo)}\n".encode())
    cache = user_cache_path("onlyme") / "people" / f"{key.hexdigest()[:16]}.npz"
    if not cache.exists():
        embed_photos(pipeline, folder, photos, cache, console)
    with np.load(cache, allow_pickle=False) as parts:
        embeddings, files = parts["embeddings"], parts["files"]
    people = np.array([Path(file).parts[0] for file in files])
    keep = np.ones(len(files), bool)
    if same is not None:
        people, keep = correct_labels(same, people, files)
    names, labels = np.unique(people[keep], return_inverse=True)
    return People(model, folder.name, embeddings[keep], labels, names, files[keep])


def load_pipeline(embedder: str | None) -> Pipeline:
    """Load what finds faces, and embeds them by the network that `read_people` describes."""
    if embedder != "second":
        return networks.make_pipeline(Settings.load(embedder=embedder), lasting=True)
    pipeline = networks.make_pipeline(Settings.load(), lasting=True)
    return replace(pipeline, embedder=networks.load_second(pipeline.runtime), second=None)


def read_singles(folder: Path, console: Console, pairs: Path | None = None) -> People:
    """Embed a folder in which each photo shows another person.

    Args:
        folder: folders of photos; their names mean nothing here.
        console: shows the progress.
        pairs: text file of exceptions: `A = B`, two photos of one person, and `A ? B`, two that
            may be; here they count as one.
    """
    photos = read_people(folder, console)
    person = {str(file): str(file) for file in photos.files}
    for one, other in read_pairs(pairs) if pairs else ():
        old, new = person[other], person[one]
        person = {file: new if who == old else who for file, who in person.items()}
    names, labels = np.unique([person[str(file)] for file in photos.files], return_inverse=True)
    return People(photos.model, photos.source, photos.embeddings, labels, names, photos.files)


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """Read the pairs of a file in the format of tools/utk_pairs.txt."""
    lines = [line.partition("#")[0].split() for line in path.read_text().splitlines()]
    return [(line[0], line[2]) for line in lines if len(line) == 3]


def join_people(first: People, other: People) -> tuple[People, NDArray[np.intp]]:
    """Join two collections of people; return them and int[n], the collection of each row."""
    joined = People(
        first.model,
        first.source,
        np.concatenate([first.embeddings, other.embeddings]),
        np.concatenate([first.labels, other.labels + first.labels.max() + 1]),
        np.concatenate([first.names, other.names]),
        np.concatenate([first.files, other.files]),
    )
    return joined, np.repeat(np.arange(2), [len(first.labels), len(other.labels)])


def hash_file(photo: Path) -> str:
    with photo.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def correct_labels(
    same: Path, people: NDArray[np.str_], files: NDArray[np.str_]
) -> tuple[NDArray[np.str_], NDArray[np.bool_]]:
    keep = np.ones(len(files), bool)
    for line in same.read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("drop "):
            keep &= files != text.removeprefix("drop ").strip()
        elif "=" in text:
            one, other = (name.strip() for name in text.split("="))
            people = np.where(people == other, one, people)
    return people, keep


def embed_photos(
    pipeline: Pipeline, folder: Path, photos: list[Path], cache: Path, console: Console
) -> None:
    vectors, files = [], []
    with Progress(console=console) as progress:
        for photo in progress.track(photos, description="embedding"):
            frame = pipeline.decode(photo)
            face = choose_labelled_face(pipeline.detector.detect(frame.pixels), frame)
            if face is not None:
                aligned = align(frame.pixels, face, pipeline.embedder.size)
                vectors.append(pipeline.embedder.embed(aligned).vector)
                files.append(photo.relative_to(folder).as_posix())
    write_cache(cache, vectors, files)


def write_cache(
    cache: Path,
    vectors: list[NDArray[np.float32]],
    files: list[str],
    taken: list[bool] | None = None,
) -> None:
    """Write embeddings and their photos so that only this user can read them.

    Args:
        cache: the file.
        vectors: the embeddings.
        files: the photo of each.
        taken: whether enrolment takes each; empty or None where that was not asked for.
    """
    cache.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    cache.parent.chmod(0o700)  # an earlier version let all users read it
    temporary = cache.with_name(f"{os.getpid()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        np.savez(
            stream,
            embeddings=np.array(vectors, np.float32),
            files=np.array(files),
            taken=np.array(taken or (), bool),
        )
    temporary.replace(cache)


def choose_labelled_face(faces: list[Face], frame: Frame) -> Face | None:
    """Return the face to which the folder's name belongs: large and near the middle."""
    height, width = frame.pixels.shape[:2]

    def rank(face: Face) -> float:
        away = face.box[:2] + face.box[2:] / 2 - np.array([width, height]) / 2
        return face.area - 3.0 * float(away @ away)

    return max(faces, key=rank, default=None)
