"""Arguments and options that several commands share, and the way to the vault."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.names import checked_name
from onlyme.types import LivenessLevel

if TYPE_CHECKING:
    from onlyme.faceid import FaceID

__all__ = ["Camera", "Embedder", "Json", "Level", "Name", "Vault", "level", "opened", "source"]

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="The person's name.", show_default=False, callback=checked_name
    ),
]
Vault = Annotated[
    Path | None,
    typer.Option(
        "--vault", metavar="DIR", help="The vault's folder (or ONLYME_VAULT).", show_default=False
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document, and nothing else, on stdout.")
]
Camera = Annotated[
    str | None,
    typer.Option(
        "--camera",
        metavar="N",
        help="A camera's number or path instead of a photo.",
        show_default=False,
    ),
]
Level = Annotated[
    LivenessLevel | None,
    typer.Option(
        "--liveness",
        help="How hard to look for a photo in place of the person; by default `off` for files "
        "and what the settings say, `passive`, for cameras.",
        show_default=False,
    ),
]


def level(chosen: LivenessLevel | None) -> LivenessLevel:
    """Return the level that was chosen for a camera, or what the settings say."""
    from onlyme.settings import Settings

    return chosen or LivenessLevel(Settings.load().liveness)


Embedder = Annotated[
    str | None,
    typer.Option(
        "--embedder",
        metavar="NAME",
        help="A network of your own, exported by the lab (or ONLYME_EMBEDDER).",
        show_default=False,
    ),
]


def opened(vault: Path | None, embedder: str | None = None) -> FaceID:
    """Open the vault that was named, or the user's own."""
    from onlyme.faceid import FaceID

    return FaceID.open(vault, embedder=embedder)


def source(camera: str) -> str | int:
    """Turn a camera's name into a number where it is one."""
    return int(camera) if camera.isdecimal() else camera
