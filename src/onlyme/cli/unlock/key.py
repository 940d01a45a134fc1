"""Run `unlock key`: say what holds the key of the system vault, and move it."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onlyme.cli import options, output
from onlyme.cli.complete import complete_one_of
from onlyme.cli.lines import say
from onlyme.cli.passwords import read_new_passphrase, read_passphrase, require_root

if TYPE_CHECKING:
    from onlyme.settings import Settings
    from onlyme.vault.admin import VaultAdmin
    from onlyme.vault.store import Store

__all__ = ["open_login_vault", "print_key", "register"]

_KINDS = ("credential", "file")


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(key)


def key(
    *,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="KIND",
            help="Move the key: credential, which systemd seals for this machine, or file.",
            show_default=False,
            autocompletion=complete_one_of("credential", "file"),
        ),
    ] = None,
    recover: Annotated[
        bool,
        typer.Option(
            "--recover",
            help="Open the vault with the recovery passphrase, where the machine does not unseal "
            "the key any more, and seal a new key.",
        ),
    ] = False,
    json: options.Json = False,
) -> None:
    """Say what holds the key of the login's vault and what it is bound to, or move it.

    A credential is bound to the TPM 2 where there is one. Moving there asks for a recovery
    passphrase, and tries it before anything is changed.

    sudo onlyme unlock key
    sudo onlyme unlock key --to credential
    """
    from onlyme.faceid import wiring
    from onlyme.settings import Settings

    require_root("key")
    if to not in {None, *_KINDS}:
        raise typer.BadParameter(f"{to!r} is not one of {', '.join(_KINDS)}", param_hint="--to")
    settings = options.require_vault(Settings.load_system())
    sources = None
    if recover:
        ask = partial(read_passphrase, "recovery")
        sources = (wiring.choose_key_source(settings, "credential", ask),)
    with wiring.open_vault(settings, sources=sources) as admin:
        if to is not None or recover:
            kind = to or "credential"
            ask = partial(read_new_passphrase, "recovery")
            notes = admin.rekey(wiring.choose_key_source(settings, kind, ask))
            output.print_notes(notes)
        document = _describe(admin.store)
    if json:
        output.print_json(document)
        return
    say(f"the vault's key: {document['words']}")
    if to is not None and settings.key not in {"auto", None, to}:
        say(f'note: the settings say key = "{settings.key}"; change it to "{to}"')


def open_login_vault() -> VaultAdmin:
    """Open the vault of the computer's login, which only root can.

    Raises:
        VaultError: there is none, or it or its key cannot be used.
    """
    from onlyme.faceid import wiring
    from onlyme.settings import Settings

    return wiring.open_vault(options.require_vault(Settings.load_system()))


def print_key() -> None:
    """Print what holds the key of the system vault, if root asks and there is a vault."""
    from onlyme.errors import OnlymeError
    from onlyme.settings import Settings

    if os.geteuid() != 0:
        return
    try:
        settings = Settings.load_system()
        if options.has_vault(settings.vault):
            say(f"the vault's key: {_read_key(settings)['words']}")
    except OnlymeError as error:
        say(f"the vault's key: {error}")


def _read_key(settings: Settings) -> dict[str, Any]:
    from onlyme.faceid import wiring

    with wiring.open_vault(settings) as admin:
        return _describe(admin.store)


def _describe(store: Store) -> dict[str, Any]:
    from onlyme.vault.credential import BINDINGS

    bound = store.bound or None
    words = "file, readable by root alone"
    if store.kind == "credential":
        words = f"credential of systemd, bound to {BINDINGS.get(store.bound, 'this machine')}"
    elif store.kind != "file":
        words = store.kind
    better = store.needs_rekey
    more = "; this machine has a TPM now: `sudo onlyme unlock key --to credential`"
    return {"key": store.kind, "bound": bound, "words": words + (more if better else "")}
