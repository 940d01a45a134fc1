"""Arguments and options that several commands share, and the way to the vault."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.types import LivenessLevel, checked_name

if TYPE_CHECKING:
    from onlyme.faceid.face_id import FaceID
    from onlyme.settings import Settings
    from onlyme.vault.admin import VaultAdmin

__all__ = [
    "Camera",
    "Embedder",
    "Json",
    "Level",
    "Name",
    "Vault",
    "choose_level",
    "open_face_id",
    "open_vault",
    "parse_source",
]

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="The person's name.", show_default=False, callback=checked_name
    ),
]


def _parse_folder(text: str) -> Path:
    """Return a folder's path; an empty word is a variable that was not set, not this folder."""
    if not text:
        raise typer.BadParameter("an empty name is no folder")
    return Path(text)


Vault = Annotated[
    Path | None,
    typer.Option(
        "--vault",
        parser=_parse_folder,
        metavar="DIR",
        help="The vault's folder (or ONLYME_VAULT).",
        show_default=False,
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
        help="A camera's number, path or name instead of a photo.",
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


def choose_level(chosen: LivenessLevel | None) -> LivenessLevel:
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


def open_face_id(
    vault: Path | None, embedder: str | None = None, *, make: bool = False, lasting: bool = False
) -> FaceID:
    """Open the vault that was named, or the user's own.

    Args:
        vault: its folder, if one was named.
        embedder: a network of the user's own, if one was named.
        make: whether a vault that is not there is made: only enrolling does.
        lasting: whether the command looks at many pictures.

    Raises:
        VaultError: there is none, or it cannot be used.
    """
    from onlyme.faceid.face_id import FaceID
    from onlyme.settings import Settings

    if not make:
        require_vault(Settings.load(vault=vault, embedder=embedder))
    return FaceID.open(vault, embedder=embedder, lasting=lasting)


def open_vault(vault: Path | None, *, make: bool = False) -> VaultAdmin:
    """Open the vault without anything that sees faces.

    Args:
        vault: its folder, if one was named.
        make: whether a vault that is not there is made.

    Raises:
        VaultError: there is none, or it cannot be used.
    """
    from onlyme.faceid import wiring
    from onlyme.settings import Settings

    settings = Settings.load(vault=vault)
    return wiring.open_vault(settings if make else require_vault(settings))


def require_vault(settings: Settings) -> Settings:
    """Return the same settings if there is a vault where they say; reading makes none.

    Raises:
        VaultError: there is none.
    """
    from onlyme.errors import VaultError

    folder = settings.vault
    if not os.path.lexists(folder / "vault.sqlite") and not _holds_anything(folder):
        raise VaultError(f"no vault at {folder}; `onlyme enroll` makes one")
    return settings


def _holds_anything(folder: Path) -> bool:
    """Whether there is something at this path, which the vault itself must judge."""
    try:
        return any(folder.iterdir())
    except FileNotFoundError:
        return False
    except OSError:
        return True


def parse_source(camera: str) -> str | int:
    """Turn a camera's name into a number where it is one."""
    return int(camera) if camera.isdecimal() and len(camera) < 10 else camera
