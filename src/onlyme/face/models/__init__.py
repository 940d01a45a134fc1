"""A network's name comes in; its manifest entry, and its file once it is checked, goes out.

The manifest lies beside the weights. A file is read once, compared with the
manifest by SHA-256, and only those very bytes are handed on, so that nothing
can be changed between the check and the use.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from onlyme.errors import ModelMissing, ModelRefused, SettingsError

__all__ = ["SHIPPED", "Model", "find", "manifest"]

SHIPPED = Path(__file__).parent
"""The folder that holds the manifest and the weights that come with onlyme."""

_HOW = "run `python tools/fetch_models.py` in the project, or reinstall onlyme from its wheel"


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of a manifest.

    Attributes:
        name: the entry's name, such as `embedder`.
        path: where the file must lie.
        sha256: what it must be, in hex; for an embedder also the `model` of
            every embedding that it makes.
        title: what it is, for people.
        licence: SPDX identifier.
        origin: who made it.
        needed_for: what does not work without it, in words.
        dimension: embedders only: length of the vector, else 0.
        size: embedders only: side of the square aligned face, in pixels, else 0.
        scale: embedders only: pixels (RGB, 0–255) have `mean` subtracted and
            are then multiplied by `scale`.
        mean: see `scale`.
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

    def read(self) -> bytes:
        """Return the file's bytes once they are checked.

        Raises:
            ModelMissing: when the file is not there or cannot be read.
            ModelRefused: when it is not the file that the manifest names.
        """
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise ModelMissing(
                f"{self.name} model not found: {self.path} ({error.strerror}); {_HOW}"
            ) from None
        found = hashlib.sha256(data).hexdigest()
        if found != self.sha256:
            raise ModelRefused(
                f"{self.path} is not the {self.name} model: "
                f"expected sha256 {self.sha256}, found {found}; {_HOW}"
            )
        return data


def manifest(folder: Path = SHIPPED) -> dict[str, Model]:
    """Read a folder's manifest.

    Raises:
        SettingsError: when it is not a manifest.
    """
    path = folder / "manifest.toml"
    try:
        entries = tomllib.loads(path.read_text("utf-8"))
        return {name: _model(name, folder, entry) for name, entry in entries.items()}
    except OSError as error:
        raise SettingsError(f"{path}: no manifest of models ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{path}: not a manifest of models ({error})") from None


def find(name: str, *folders: Path) -> Model:
    """Return the entry of that name from the first folder that has it.

    Raises:
        ModelMissing: when no manifest names it.
    """
    known: list[str] = []
    for folder in folders or (SHIPPED,):
        if not (folder / "manifest.toml").exists():
            continue
        entries = manifest(folder)
        if name in entries:
            return entries[name]
        known.extend(entries)
    raise ModelMissing(f"no model is called {name!r}; known: {', '.join(known) or 'none'}")


def _model(name: str, folder: Path, entry: dict[str, object]) -> Model:
    file = str(entry["file"])
    if Path(file).name != file:
        raise ValueError(f"{name}.file must be a plain file name")
    kinds = {"dimension": int, "size": int, "scale": float, "mean": float}
    values = {
        key: kinds.get(key, str)(value)
        for key, value in entry.items()
        if key not in {"file", "source"}
    }
    return Model(name=name, path=folder / file, **values)
