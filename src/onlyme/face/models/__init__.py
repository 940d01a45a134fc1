"""Find a network in the manifest, and read its file after checking it.

The manifest is beside the weights. A file is read once and compared with the
manifest by SHA-256, and exactly these bytes are used, so that they cannot be
changed between the check and the use.
"""

from __future__ import annotations

import hashlib
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from onlyme.errors import ModelMissing, ModelRefused, SettingsError, show_argument
from onlyme.storage.system import copy_in_memory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

__all__ = ["SHIPPED", "Model", "find_model", "read_manifest"]

SHIPPED = Path(__file__).parent
"""The folder that holds the manifest and the weights that come with onlyme."""

_BLOCK = 1 << 16
_HOW = "run `onlyme models fetch`, or install onlyme again"


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of a manifest.

    Attributes:
        name: the entry's name, such as `embedder`.
        path: where the file must be.
        sha256: of the file, in hex; for an embedder also the `model` of every
            embedding that it makes.
        title: what it is, for people.
        licence: SPDX identifier.
        origin: who made it.
        needed_for: what does not work without it.
        dimension: embedders only: length of the vector, else 0.
        size: embedders only: side of the square aligned face, in pixels, else 0.
        scale: embedders only: pixels (RGB, 0–255) have `mean` subtracted and
            are then multiplied by `scale`.
        mean: see `scale`.
        whole: embedders only: the network takes whole pictures and not aligned faces.
        alpha: embedders of the lab only: the alpha that it was trained with.
    """

    name: str
    path: Path
    sha256: str
    title: str
    licence: str
    origin: str
    needed_for: str
    dimension: int = 0
    size: int = 0
    scale: float = 1.0
    mean: float = 0.0
    whole: bool = False
    alpha: float | None = None

    def read(self) -> bytes:
        """Return the file's bytes after checking them.

        Raises:
            ModelMissing: the file is not there or cannot be read.
            ModelRefused: it is not the file that the manifest names.
        """
        buffer = BytesIO()
        self._copy(buffer)
        return buffer.getvalue()

    @contextmanager
    def copy_to_memory(self) -> Iterator[str]:
        """Yield the path of a private copy in memory, checked while it was made.

        A runtime that reads a path holds the weights once; one that gets bytes holds them three
        times. On Linux no other process can change the copy between the check and the use.

        Raises:
            ModelMissing, ModelRefused: as `read`.
        """
        with copy_in_memory(self.path.name) as (copy, path):
            self._copy(copy)
            copy.flush()
            yield path

    def _copy(self, to: BinaryIO) -> None:
        digest = hashlib.sha256()
        try:
            with self.path.open("rb", buffering=0) as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
                    to.write(block)
        except OSError as error:
            raise ModelMissing(
                f"{self.name} model not found: {self.path} ({error.strerror}); {_HOW}"
            ) from None
        if digest.hexdigest() != self.sha256:
            raise ModelRefused(
                f"{self.path} is not the {self.name} model: expected sha256 {self.sha256}, "
                f"found {digest.hexdigest()}; {_HOW}"
            )


def read_manifest(folder: Path = SHIPPED) -> dict[str, Model]:
    """Read a folder's manifest.

    Raises:
        SettingsError: it is not a manifest.
    """
    path = folder / "manifest.toml"
    try:
        entries = tomllib.loads(path.read_text("utf-8"))
        return {name: _make_model(name, folder, entry) for name, entry in entries.items()}
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{path}: is not a manifest of models ({error})") from None


def find_model(name: str, *folders: Path) -> Model:
    """Return the entry of that name from the first folder that has it.

    Raises:
        ModelMissing: no manifest names it.
    """
    known: list[str] = []
    for folder in folders or (SHIPPED,):
        if not (folder / "manifest.toml").exists():
            continue
        entries = read_manifest(folder)
        if name in entries:
            return entries[name]
        known.extend(entries)
    wanted = show_argument(name)
    raise ModelMissing(f"there is no model {wanted}; known models: {', '.join(known) or 'none'}")


def _make_model(name: str, folder: Path, entry: dict[str, object]) -> Model:
    file = str(entry["file"])
    if Path(file).name != file:
        raise ValueError(f"{name}.file must be a plain file name")
    kinds = {"dimension": int, "size": int, "scale": float, "mean": float, "alpha": float}
    kinds["whole"] = bool
    values = {
        key: kinds.get(key, str)(value)
        for key, value in entry.items()
        if key not in {"file", "source"}
    }
    return Model(name=name, path=folder / file, **values)
