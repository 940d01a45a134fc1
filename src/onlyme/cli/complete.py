"""Complete words for the shell: names of people, presets, PAM services, cameras and users.

The shell asks at every press of Tab. So nothing here asks for a passphrase, writes a file, or
prints an error: where something cannot be read, there is nothing to complete.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer  # noqa: TC002 - it reads these annotations at run time

from onlyme.errors import OnlymeError
from onlyme.types import checked_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from onlyme.types import Example
    from onlyme.vault.admin import VaultAdmin

__all__ = [
    "complete_camera",
    "complete_example",
    "complete_look",
    "complete_new_name",
    "complete_one_of",
    "complete_person",
    "complete_preset",
    "complete_service",
    "complete_setting",
    "complete_user",
]


_SAFE_WORD = re.compile(r"[\w@%+=:,./-]+")
"""A word that no shell takes for anything but itself. Others are not offered: shells read what a
completion prints, and a name may hold what looks like a command."""


def _offer(list_words: Callable[[], Iterable[str]], typed: str) -> list[str]:
    """Return the words that begin as typed.

    Where none does, the shells would offer files. What is typed already keeps them from it.
    """
    try:
        found = sorted(
            {word for word in list_words() if word.startswith(typed) and _SAFE_WORD.fullmatch(word)}
        )
    except (OnlymeError, OSError):
        found = []
    return found or ([typed] if typed else [])


def complete_person(incomplete: str) -> list[str]:
    """Complete the name of an enrolled person of the vault in use."""
    return _offer(_list_people, incomplete)


def complete_new_name(incomplete: str) -> list[str]:
    """Complete nothing: the name is new or not known here, and no file's."""
    return _offer(list, incomplete)


def complete_one_of(*words: str) -> Callable[[str], list[str]]:
    """Return a function that completes one of some words."""

    def complete(incomplete: str) -> list[str]:
        return _offer(lambda: words, incomplete)

    return complete


def complete_look(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete a look of the person whose name was typed before."""
    return _offer(lambda: (note.look for note in _list_notes(ctx) if note.look), incomplete)


def complete_example(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the number of an example of the person whose name was typed before."""
    return _offer(lambda: (str(note.number) for note in _list_notes(ctx)), incomplete)


def complete_preset(incomplete: str) -> list[str]:
    """Complete the name of a preset."""
    from onlyme.siamese.presets import PRESETS

    return _offer(lambda: (preset.name for preset in PRESETS), incomplete)


def complete_service(incomplete: str) -> list[str]:
    """Complete the name of a service of PAM."""
    from onlyme.unlock.pam.folders import PamFolders

    return _offer(PamFolders().list_services, incomplete)


def complete_camera(incomplete: str) -> list[str]:
    """Complete a camera's number, path or stable name."""
    return _offer(_list_cameras, incomplete)


def complete_user(incomplete: str) -> list[str]:
    """Complete the name of a person who has an account."""
    try:
        import pwd
    except ImportError:  # Windows, where there is no login to set up
        return []
    people = (user.pw_name for user in pwd.getpwall() if 1000 <= user.pw_uid < 60000)
    return _offer(lambda: people, incomplete)


def complete_setting(incomplete: str) -> list[str]:
    """Complete the name of a setting."""
    from dataclasses import fields

    from onlyme.settings import Settings

    return _offer(lambda: (setting.name for setting in fields(Settings)), incomplete)


def _list_people() -> list[str]:
    with _open_vault() as admin:
        return admin.store.names() if admin else []


def _list_notes(ctx: typer.Context) -> tuple[Example, ...]:
    from onlyme.faceid.serialize import read_stored_examples

    # An option that waits for its value ends the parsing: then the name is left over.
    name = ctx.params.get("name") or next(iter(ctx.args), None)
    with _open_vault() as admin:
        template = admin.store.get(checked_name(name)) if admin and name else None
        return read_stored_examples(template.values) if template else ()


@contextmanager
def _open_vault() -> Iterator[VaultAdmin | None]:
    """Open the vault in use, without asking for a passphrase; None where there is none."""
    from onlyme.faceid import wiring
    from onlyme.settings import Settings

    settings = Settings.load()
    if not (settings.vault / "vault.sqlite").exists():
        yield None
        return
    terminal = sys.stdin
    with Path(os.devnull).open(encoding="utf-8") as sys.stdin:  # so that no passphrase is asked for
        try:
            with wiring.open_vault(settings) as admin:
                yield admin
        finally:
            sys.stdin = terminal


def _list_cameras() -> list[str]:
    from onlyme.image.cameras import list_cameras

    return [
        word
        for camera in list_cameras()
        for word in (str(camera.number), camera.path, *camera.stable)
    ]
