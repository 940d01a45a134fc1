"""`status`, `reset`, `audit`, `revoke`, `rekey`, `export`, `import`, `backup`, `restore`."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import options, output

if TYPE_CHECKING:
    from onlyme.gate.audit import AuditEntry
    from onlyme.storage.template import Template

__all__ = ["register"]

_When = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], help="In UTC."),
]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    for command in (adapt, status, reset, revoke, rekey, export, backup, restore):
        app.command()(command)
    app.command(name="import")(import_)
    log = typer.Typer(invoke_without_command=True, help="Read what happened, or `audit verify` it.")
    log.callback()(audit)
    log.command(name="verify")(audit_verify)
    app.add_typer(log, name="audit")


def status(*, vault: options.Vault = None, json: options.Json = False) -> None:
    """Say what holds the key, who may try again, and how much was written down."""
    with options.open_vault(vault) as keeping:
        store, standings = keeping.store, keeping.gate.allowances()
        document = {
            "vault": str(store.folder),
            "key": store.kind,
            "key_should_be_renewed": store.needs_rekey,
            "people": len(store.names()),
            "changes": store.counter,
            "attempts": [
                {
                    "name": place.owner,
                    "source": place.source,
                    "tries": standing.tries,
                    "wait_seconds": round(standing.wait),
                }
                for place, standing in standings.items()
            ],
        }
    if json:
        output.print_json(document)
        return
    typer.echo(f"{store.folder}: {document['people']} enrolled, locked with a {document['key']}")
    if document["key_should_be_renewed"]:
        typer.echo("note: `onlyme rekey` would make guessing the passphrase harder than it is now")
    for place, standing in standings.items():
        left = (
            f"locked for {_format_wait(standing.wait)}; `onlyme reset {place.owner}` ends that"
            if standing.tries == 0
            else f"{standing.tries} tries left"
        )
        typer.echo(f"{place.owner or 'anybody'} at {place.source}: {left}")


def reset(
    name: Annotated[str | None, typer.Argument(help="Whose tries; everybody's by default.")] = None,
    *,
    vault: options.Vault = None,
) -> None:
    """Let somebody try again at once. Needs the vault's passphrase, your password, or root."""
    with options.open_vault(vault) as keeping:
        _check_right(keeping.store.kind)
        keeping.gate.reset(name)
    typer.echo(f"{name or 'everybody'} may try again")


def revoke(name: options.Name, *, vault: options.Vault = None) -> None:
    """Make whatever was stolen of a person's template so far worthless."""
    with options.open_vault(vault) as keeping:
        keeping.revoke(name)
    typer.echo(f"what was stored of {name} so far no longer matches anything")


def adapt(
    name: options.Name,
    *,
    on: Annotated[bool, typer.Option("--on", help="Agree that good matches may teach.")] = False,
    off: Annotated[bool, typer.Option("--off", help="Take that back.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Forget what was learned so far.")] = False,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Let a person's template follow as they change; say where that stands.

    Only matches that the password confirmed teach anything: see the threat model.
    """
    from dataclasses import asdict

    from onlyme.faceid import wiring
    from onlyme.settings import Settings

    if on + off + undo > 1:
        raise typer.BadParameter("say one of --on, --off, --undo")
    adaptation = wiring.make_adaptation(options.require_vault(Settings.load(vault=vault)))
    if on or off:
        adaptation.set_consent(name, consent=on)
    if undo:
        adaptation.undo(name)
    standing = adaptation.read_status(name)
    if json:
        output.print_json(asdict(standing))
        return
    typer.echo(f"{name} {'agreed' if standing.consent else 'did not agree'} to adaptation")
    learned = f"{standing.learned:%Y-%m-%d}" if standing.learned else "never"
    typer.echo(f"last learned: {learned}; {standing.waiting} matches wait")


def rekey(
    *,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="KIND",
            help="What holds the new key: file, keyring or passphrase; as before by default.",
            show_default=False,
        ),
    ] = None,
    vault: options.Vault = None,
) -> None:
    """Draw new keys, and seal everything with them: all of it, or nothing.

    onlyme rekey --to passphrase
    """
    from onlyme.faceid import wiring
    from onlyme.settings import Settings

    if to not in {None, "file", "keyring", "passphrase"}:
        raise typer.BadParameter(f"{to!r} is none of file, keyring, passphrase", param_hint="--to")
    settings = options.require_vault(Settings.load(vault=vault))
    with wiring.open_vault(settings) as keeping:
        kind = to or keeping.store.kind
        keeping.rekey(
            wiring.choose_key_source(settings, kind, lambda: _ask_new_passphrase("vault"))
        )
    typer.echo(f"everything is sealed anew; a {kind} holds the key")
    if settings.key and settings.key != kind:
        typer.echo(f'note: set key = "{kind}" in the settings, which ask for a {settings.key}')


def export(
    name: options.Name,
    file: Annotated[Path, typer.Argument(help="A file that is not there yet.")],
    *,
    vault: options.Vault = None,
) -> None:
    """Write what is kept of a person to a file, sealed to a passphrase that you choose."""
    with options.open_vault(vault) as keeping:
        other = None if keeping.store.version(name) else _read_from_gallery(name, vault)
        keeping.export(name, file, _ask_new_passphrase("export"), other=other)
    typer.echo(f"{name} is in {file}; the passphrase is all that protects it")


def _read_from_gallery(name: str, vault: Path | None) -> Template:
    """Return somebody in the gallery as an owner's template."""
    with options.open_face_id(vault) as face_id:
        return face_id.find_owner(name).to_template()


def import_(
    file: Annotated[Path, typer.Argument(help="What `export` wrote.")],
    *,
    name: Annotated[
        str | None, typer.Option(help="What to call the person here.", show_default=False)
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Forget whoever has that name.")] = (
        False
    ),
    vault: options.Vault = None,
) -> None:
    """Take over what `export` wrote, here or on another machine."""
    with options.open_vault(vault, make=True) as keeping:
        taken = keeping.import_(file, _ask_passphrase("export"), name=name, replace_=replace)
    typer.echo(f"{taken} is enrolled")


def backup(
    file: Annotated[
        Path | None, typer.Argument(help="A file that is not there yet.", show_default=False)
    ] = None,
    *,
    vault: options.Vault = None,
) -> None:
    """Copy the vault, sealed as it is, also while it is in use. The key is not in the copy."""
    with options.open_vault(vault) as keeping:
        path = keeping.backup(file)
        kind = keeping.store.kind
    typer.echo(f"{path}")
    if kind != "passphrase":
        typer.echo(f"without the {kind} that holds the key nobody can open it: keep both", err=True)


def restore(
    file: Annotated[Path, typer.Argument(help="What `backup` wrote; it is only read.")],
    *,
    older: Annotated[
        bool, typer.Option("--older", help="Although the anchor saw a later vault.")
    ] = False,
    vault: options.Vault = None,
) -> None:
    """Put the people of a backup back. Needs the vault's passphrase, your password, or root.

    What is there now is kept as a backup first. The log, and who may try again, stay as
    they are; where the vault is damaged or gone, the backup takes its place.
    """
    from onlyme.faceid import wiring
    from onlyme.settings import Settings

    done = wiring.restore_vault(Settings.load(vault=vault), file, _check_right, allow_older=older)
    typer.echo(f"{len(done.names)} enrolled: {', '.join(done.names)}")
    if done.kept:
        typer.echo(f"what was there before is in {done.kept}", err=True)
    for note in done.notes:
        typer.echo(f"note: {note}", err=True)


def audit(
    context: typer.Context,
    *,
    owner: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of one person only.", show_default=False)
    ] = None,
    since: _When = None,
    until: _When = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Read what happened: attempts, enrollments, changes, erasures."""
    if context.invoked_subcommand:
        return
    with options.open_vault(vault) as keeping:
        lines = list(keeping.gate.audit.entries(owner, _set_utc(since), _set_utc(until)))
    if json:
        output.print_json([line._asdict() for line in lines])
        return
    for line in lines:
        typer.echo(_format_entry(line))


def audit_verify(*, vault: options.Vault = None, json: options.Json = False) -> None:
    """Follow the chain from the first line to the last; exit with 2 where it is broken."""
    with options.open_vault(vault) as keeping:
        count = keeping.gate.audit.verify()
    if json:
        output.print_json({"lines": count, "whole": True})
    else:
        typer.echo(f"{count} lines, none changed, missing or added")


def _format_entry(entry: AuditEntry) -> str:
    margin = "" if entry.margin is None else f"margin {entry.margin:+.3f}"
    words = (
        f"{entry.at:%Y-%m-%d %H:%M:%S}Z",
        f"{entry.event:<8}",
        entry.owner or "–",
        entry.source if entry.event == "attempt" else "",
        entry.verdict if entry.event == "attempt" else "",
        entry.reason,
        margin,
        entry.detail,
    )
    return "  ".join(word for word in words if word)


def _set_utc(when: datetime | None) -> datetime | None:
    return None if when is None else when.replace(tzinfo=UTC)


def _format_wait(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def _ask_passphrase(what: str) -> str:
    from onlyme.errors import KeyMissing

    if not sys.stdin.isatty():
        words = sys.stdin.readline().rstrip("\n")
        if not words:
            raise KeyMissing(f"the {what} needs a passphrase: a line on standard input")
        return words
    return getpass(f"Passphrase of the {what}: ")


def _ask_new_passphrase(what: str) -> str:
    from onlyme.errors import KeyRefused

    words = _ask_passphrase(what)
    if sys.stdin.isatty() and getpass("Once more: ") != words:
        raise KeyRefused("the two passphrases differ")
    return words


def _check_right(kind: str) -> None:
    """Ask for the login password, unless root asks or the vault's passphrase was typed."""
    from onlyme.errors import KeyRefused
    from onlyme.gate.password import is_login_password

    if os.geteuid() == 0 or kind == "passphrase":
        return
    if not sys.stdin.isatty():
        raise KeyRefused("this needs your password, typed on a terminal, or root")
    if not is_login_password(getpass("Your login password: ")):
        raise KeyRefused("that is not your login password")
