"""Finished cells come in; after a crash, `kill -9` or Ctrl-C they go out again.

A cell is a function of its spec and its photos, so its file is named by a hash of both,
of torch's version, and of nothing else: a comparison that is begun anew, or with more
owners, trains only what is missing. The files hold scores and the pictures of the hardest
triplets: faces. They are for their user alone.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import asdict
from io import BytesIO
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
import torch

from onlyme.lab.comparison.inspection import GROUPS, Inspection
from onlyme.lab.comparison.result import WayResult
from onlyme.storage.files import open_draft

if TYPE_CHECKING:
    from pathlib import Path

    from onlyme.lab.comparison.split import Split
    from onlyme.lab.spec import Spec

__all__ = ["ResultCache", "make_key"]

_FORMAT = 2
"""Raised whenever the same spec and photos come to another cell: old ones are then left."""

_DAMAGE = (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile, zlib.error)


def make_key(split: Split, spec: Spec) -> str:
    """Return the name of a cell: a hash of all that it depends on.

    Networks are repeated to the bit by one version of torch with one number of threads. The
    limit is left out: most runs end before theirs, and come to the same with any higher one.
    """
    threads = spec.threads or torch.get_num_threads()
    asked = {key: value for key, value in spec.to_json().items() if key != "limit"}
    asked |= {"rate": spec.learning_rate, "plateau": spec.most_looks}
    told = [_FORMAT, torch.__version__, threads, split.owner, asked]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for faces in (split.photos.me, split.photos.not_me, split.held, split.trained, split.unseen):
        digest.update(str(faces.shape).encode() + faces.tobytes())
    return digest.hexdigest()[:32]


class ResultCache:
    """A folder of finished cells.

    Args:
        folder: where; made when the first cell is finished.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, name: str, limit: int) -> WayResult | None:
        """Return a finished cell.

        Args:
            name: of `make_key`.
            limit: most steps.

        Returns:
            The cell to which training with this limit comes; None where it has to be trained.
        """
        try:
            content = BytesIO((self.folder / f"{name}.npz").read_bytes())
            with np.load(content, allow_pickle=False) as arrays:
                told = json.loads(str(arrays["told"]))
                excess = told.pop("excess")
                look = None
                if excess is not None:
                    points = tuple(arrays[f"map{index}"] for index in range(len(GROUPS)))
                    look = Inspection(points, tuple(zip(excess, arrays["faces"], strict=True)))
        except _DAMAGE:  # it is trained once more
            return None
        for scores in ("held", "trained", "unseen"):
            told[scores] = tuple(told[scores])
        told["curve"] = tuple(tuple(row) for row in told["curve"])
        cell = WayResult(**told, look=look)
        ended = cell.steps < limit and cell.reason != "limit"
        return cell if ended or cell.steps == limit else None

    def keep(self, name: str, cell: WayResult) -> None:
        """Write a finished cell in one go: after a kill it is there whole, or not at all."""
        told = {k: v for k, v in asdict(cell).items() if k != "look"}
        told["excess"] = [excess for excess, _ in cell.look.hardest] if cell.look else None
        arrays = {"told": np.array(json.dumps(told))}
        if cell.look:
            arrays |= {f"map{index}": points for index, points in enumerate(cell.look.map)}
            arrays["faces"] = np.stack([faces for _, faces in cell.look.hardest])
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open_draft(self.folder / f"{name}.npz") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # names are keywords here
