"""Define the arguments and options that several commands share, and open the vault for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli.complete import complete_camera, complete_look, complete_person, complete_preset
from onlyme.cli.lines import say
from onlyme.image.files import format_path
from onlyme.types import AttentionLevel, LivenessLevel, checked_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from onlyme import FaceID
    from onlyme.settings import Settings
    from onlyme.vault.admin import VaultAdmin

__all__ = [
    "AdaptOff",
    "AdaptOn",
    "AdaptUndo",
    "Add",
    "Alpha",
    "Anyway",
    "Camera",
    "Embedder",
    "Far",
    "Json",
    "Level",
    "Levels",
    "Look",
    "LookAlike",
    "Name",
    "NotMe",
    "Photos",
    "PresetName",
    "Replace",
    "UndoLesson",
    "Vault",
    "WrongPhoto",
    "Yes",
    "choose_level",
    "has_vault",
    "load_settings",
    "open_face_id",
    "open_vault",
    "parse_consent",
    "parse_source",
    "report_unread",
    "require_one",
    "require_vault",
]

# ---------------------------------------------------------------------- every command


def _parse_folder(text: str) -> Path:
    """Return a folder's path; an empty word is a variable that was not set, not this folder."""
    if not text:
        raise typer.BadParameter("an empty name is no folder")
    return Path(text)


Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="The person's name.",
        show_default=False,
        callback=checked_name,
        autocompletion=complete_person,
    ),
]
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
Embedder = Annotated[
    str | None,
    typer.Option(
        "--embedder",
        metavar="NAME",
        help="A network of your own, exported by the lab (or ONLYME_EMBEDDER).",
        show_default=False,
    ),
]

# ---------------------------------------------------------------- photos and cameras

Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="tls://HOST:PORT",
        help="A Dask scheduler, whose computers examine the photos in place of this one.",
        show_default=False,
    ),
]
Certificates = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="For --scheduler: a folder with ca.pem, caller.pem and caller.key.",
        show_default=False,
    ),
]
Camera = Annotated[
    str | None,
    typer.Option(
        "--camera",
        metavar="N",
        help="A camera's number, path or name instead of a photo.",
        show_default=False,
        autocompletion=complete_camera,
    ),
]
Level = Annotated[
    LivenessLevel | None,
    typer.Option(
        "--liveness",
        help="How strictly to check that a living person is there. By default `off` for photos, "
        "and for cameras, and videos in place of one, what the settings say, `passive` unless "
        "changed.",
        show_default=False,
    ),
]
Levels = Annotated[
    list[LivenessLevel] | None,
    typer.Option(
        "--liveness",
        help="How strictly to check that a living person is there; by default what the settings "
        "say, `passive` unless changed. For several cameras once, or once for each in their order.",
        show_default=False,
    ),
]
Attention = Annotated[
    AttentionLevel | None,
    typer.Option(
        "--attention",
        help="What the eyes must show to a camera: `eyes` that they are open, `gaze` that they "
        "look at it. By default what the settings say, `off` unless changed.",
        show_default=False,
    ),
]
Photos = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PHOTO", help="Photos of the person, or folders of them.", show_default=False
    ),
]
NotMe = Annotated[
    list[Path] | None,
    typer.Option(
        "--not-me",
        metavar="PATH",
        help="A photo of another person, or a folder of them. May be repeated.",
        show_default=False,
    ),
]
LookAlike = Annotated[
    list[Path] | None,
    typer.Option(
        "--look-alike",
        metavar="PATH",
        help="A photo of another person who looks similar, such as a sister. May be repeated.",
        show_default=False,
    ),
]
Add = Annotated[
    bool, typer.Option("--add", help="Add these photos to the person who has this name.")
]
Replace = Annotated[
    bool, typer.Option("--replace", help="Forget the person who has this name, and start anew.")
]

Look = Annotated[
    str,
    typer.Option(
        "--look",
        metavar="LOOK",
        help="A name for what these photos show, such as glasses or hat; `onlyme examples` lists "
        "and removes looks.",
        show_default=False,
        autocompletion=complete_look,
    ),
]
Anyway = Annotated[
    bool,
    typer.Option(
        "--anyway",
        help="Do it even if the photos show a person with another name, or a face that seems "
        "covered.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before something is erased.")]

# ------------------------------------------------------------------ alpha and lessons

Far = Annotated[
    float | None,
    typer.Option(
        help="Accept a random stranger at most this often, such as 1e-5.", show_default=False
    ),
]
PresetName = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="A rate from a known standard: relaxed, nist, household, android or hello.",
        show_default=False,
        autocompletion=complete_preset,
    ),
]
Alpha = Annotated[
    float | None,
    typer.Option(help="The margin that a face must reach, −2 to 2.", show_default=False),
]
WrongPhoto = Annotated[
    Path | None,
    typer.Argument(
        metavar="PHOTO",
        help="A photo of another person who was accepted by mistake.",
        show_default=False,
    ),
]
UndoLesson = Annotated[bool, typer.Option("--undo", help="Take back the last `not-me`.")]
AdaptOn = Annotated[
    bool, typer.Option("--on", help="Allow it: good matches may update the template.")
]
AdaptOff = Annotated[bool, typer.Option("--off", help="Forbid it.")]
AdaptUndo = Annotated[
    bool, typer.Option("--undo", help="Forget everything that was learned this way so far.")
]


def require_one(photo: object, other: object, message: str) -> None:
    """Refuse a command that was given both a photo and what replaces it, or neither.

    Raises:
        BadParameter: with this message.
    """
    if bool(photo) == bool(other):
        raise typer.BadParameter(message, param_hint="PHOTO")


def report_unread(paths: Iterable[Path]) -> None:
    """End with exit code 2 where an argument could not be read, after the others were used.

    Raises:
        Exit: an argument is no file and no folder with a picture; each is named.
    """
    from onlyme.errors import ImageError
    from onlyme.image.sources import list_photos

    unread = 0
    for path in paths:
        try:
            count = sum(os.path.lexists(photo) for photo in list_photos(path))
        except ImageError:
            count = 0
        unread += not count
        if not count:
            say(f"not used: {format_path(path)}", err=True)
    if unread:
        say("the others were used; exit code 2 says that not all were", err=True)
        raise typer.Exit(2)


def parse_consent(*, on: bool, off: bool, undo: bool) -> bool | None:
    """Return whether adaptation is allowed from now on; None where that stays as it is.

    Raises:
        BadParameter: more than one of the options was given.
    """
    if on + off + undo > 1:
        raise typer.BadParameter("give only one of --on, --off and --undo")
    return on if on or off else None


def choose_level(chosen: LivenessLevel | None) -> LivenessLevel:
    """Return the level that was chosen for a camera, or the one in the settings."""
    from onlyme.settings import Settings

    return chosen or LivenessLevel(Settings.load().liveness)


def asks_for_attention(chosen: AttentionLevel | None) -> bool:
    """Say whether a camera asks for attention: as was chosen, or as the settings say."""
    from onlyme.settings import Settings

    level = chosen or AttentionLevel(Settings.load().attention or AttentionLevel.OFF)
    return level is not AttentionLevel.OFF


def parse_source(camera: str) -> str | int:
    """Return a camera's number as a number, and its path or name as it is."""
    return int(camera) if camera.isdecimal() and len(camera) < 10 else camera


# ------------------------------------------------------------------ opening the vault


def open_face_id(
    vault: Path | None, embedder: str | None = None, *, make: bool = False, lasting: bool = False
) -> FaceID:
    """Open the vault that the user named, or the user's default vault.

    Args:
        vault: its folder, if one was named.
        embedder: a network of the user's own, if one was named.
        make: whether to make a vault where there is none: only enrolling does.
        lasting: whether the command looks at many pictures.

    Raises:
        VaultError: there is none, or it cannot be used.
    """
    from onlyme import FaceID
    from onlyme.settings import Settings

    if not make:
        require_vault(Settings.load(vault=vault, embedder=embedder))
    return FaceID.open(vault, embedder=embedder, lasting=lasting)


def open_vault(vault: Path | None, *, make: bool = False) -> VaultAdmin:
    """Open the vault without loading any network.

    Args:
        vault: its folder, if one was named.
        make: whether to make a vault where there is none.

    Raises:
        VaultError: there is none, or it cannot be used.
    """
    from onlyme.faceid import wiring
    from onlyme.settings import Settings

    if make:
        return wiring.open_vault(Settings.load(vault=vault))
    return wiring.open_vault(require_vault(load_settings(vault)))


def load_settings(vault: Path | None) -> Settings:
    """Return the settings with which a vault is read.

    For the vault of the computer's login they are those of the login, if root asks: its key is
    apart from it in `/etc/onlyme`, and may be a credential.
    """
    from onlyme.settings import SYSTEM_VAULT, Settings
    from onlyme.storage.system import is_root

    settings = Settings.load(vault=vault)
    if settings.vault == SYSTEM_VAULT and is_root() and not (settings.key or settings.key_file):
        return Settings.load_system()
    return settings


def require_vault(settings: Settings) -> Settings:
    """Return the same settings if there is a vault at their path, so that reading makes none.

    Raises:
        VaultError: there is none.
    """
    from onlyme.errors import VaultError

    if not has_vault(settings.vault):
        raise VaultError(
            f"no vault at {settings.vault}; `onlyme enroll` or `onlyme serve` makes one"
        )
    return settings


def has_vault(folder: Path) -> bool:
    """Return whether a folder holds a vault; True too where only opening it can tell."""
    if os.path.lexists(folder / "vault.sqlite"):
        return True
    try:
        any(folder.iterdir())
    except FileNotFoundError:
        return False
    except OSError:  # a file, or a folder that may not be read: the vault says what is wrong
        return True
    return False
