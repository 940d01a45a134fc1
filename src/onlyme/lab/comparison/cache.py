"""Store finished results of a comparison, so that it can continue after an interruption.

A result depends only on its spec, its photos, the threads and torch's version, and a hash of
these names its file. A comparison that is started again, or with more owners, therefore
trains only what is missing. The files hold scores and the faces of the hardest triplets;
only their user can read them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import torch

from onlyme.lab.comparison.inspection import MAP_GROUPS, Inspection
from onlyme.lab.comparison.result import GROUPS, PairScores, WayResult
from onlyme.lab.resume import DAMAGE
from onlyme.storage.files import make_folder, open_draft

if TYPE_CHECKING:
    from pathlib import Path

    from onlyme.lab.comparison.split import Split
    from onlyme.lab.spec import Spec

__all__ = ["ResultCache", "make_key"]

_FORMAT = 4
"""Raise it when the same spec and photos give another result: old files are then ignored."""


def make_key(split: Split, spec: Spec) -> str:
    """Return the name of a result: a hash of all that it depends on.

    A network is the same to the bit with the same version of torch and the same number of
    threads. The limit is left out: most runs end before it, and a higher limit gives the same.
    """
    threads = spec.threads or torch.get_num_threads()
    options = {key: value for key, value in asdict(spec).items() if key != "limit"}
    options |= {"rate": spec.learning_rate, "plateau": spec.plateau_checks}
    values = [_FORMAT, torch.__version__, threads, split.owner, options]
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode())
    for faces in (split.photos.me, split.photos.not_me, split.held, split.trained, split.unseen):
        digest.update(str(faces.shape).encode() + faces.tobytes())
    return digest.hexdigest()[:32]


class ResultCache:
    """A folder of finished results.

    Args:
        folder: its path; created when the first result is stored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, name: str, limit: int) -> WayResult | None:
        """Return a finished result.

        Args:
            name: the name from `make_key`.
            limit: largest number of steps.

        Returns:
            The result that training with this limit gives, or None when it is not stored.
        """
        try:
            content = BytesIO((self.folder / f"{name}.npz").read_bytes())
            with np.load(content, allow_pickle=False) as arrays:
                values = json.loads(str(arrays["told"]))
                excess, kinds = values.pop("excess"), values.pop("maps")
                look = None
                if excess is not None:
                    maps = {
                        kind: tuple(arrays[f"{kind} {index}"] for index in range(len(MAP_GROUPS)))
                        for kind in kinds
                    }
                    look = Inspection(maps, tuple(zip(excess, arrays["faces"], strict=True)))
                drawn, pairs = values.pop("drawn"), None
                if drawn is not None:
                    pairs = PairScores(**{g: arrays[f"pairs_{g}"] for g in GROUPS}, drawn=drawn)
        except DAMAGE:  # as if it were missing: it is trained once more
            return None
        for scores in GROUPS:
            values[scores] = tuple(values[scores])
        values["curve"] = tuple(tuple(row) for row in values["curve"])
        result = WayResult(**values, pairs=pairs, look=look)
        ended_before = result.steps < limit and result.reason != "limit"
        return result if ended_before or result.steps == limit else None

    def store(self, name: str, result: WayResult) -> None:
        """Write a finished result in one step: after a kill the file is complete or missing."""
        look, pairs = result.look, result.pairs
        values = asdict(replace(result, look=None, pairs=None))
        del values["look"], values["pairs"]
        values["drawn"] = pairs.drawn if pairs else None
        values["maps"] = list(look.maps) if look else []
        values["excess"] = [excess for excess, _ in look.hardest] if look else None
        arrays = {"told": np.array(json.dumps(values))}
        if look:
            for kind, groups in look.maps.items():
                arrays |= {f"{kind} {index}": points for index, points in enumerate(groups)}
            arrays["faces"] = np.stack([faces for _, faces in look.hardest])
        if pairs:
            arrays |= {f"pairs_{group}": getattr(pairs, group) for group in GROUPS}
        make_folder(self.folder)
        with open_draft(self.folder / f"{name}.npz") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # names are keywords here
