"""Refuse to build a wheel that lacks a network: it would be installed, and recognise no face.

Hatchling calls this for every wheel. An editable installation may be made without the networks,
since `onlyme models fetch` puts them into the checkout afterwards.
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MODELS = "src/onlyme/face/models"


class RequireModels(BuildHookInterface):
    """Checks the networks before the wheel is built."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling gives both
        """Check every file that the manifest names.

        Raises:
            RuntimeError: a file is missing, or is not the one that the manifest names.
        """
        if version == "editable":
            return
        if problems := find_problems(Path(self.root) / MODELS):
            raise RuntimeError(
                "a wheel carries the networks, and this checkout does not have them: "
                + "; ".join(problems)
                + ". Run `make models`, then build again."
            )


def find_problems(folder: Path) -> list[str]:
    """Say which networks of a folder's manifest are missing or wrong."""
    problems = []
    for entry in tomllib.loads((folder / "manifest.toml").read_text("utf-8")).values():
        path = folder / entry["file"]
        if not path.is_file():
            problems.append(f"{path.name} is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
            problems.append(f"{path.name} has another hash than the manifest says")
    return problems
