"""Run the vault's commands: status, log, revocation, keys, exports and backups."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import options, output
from onlyme.cli.complete import complete_one_of, complete_person
from onlyme.cli.groups import HelpfulGroup
from onlyme.cli.lines import say
from onlyme.cli.passwords import read_new_passphrase, read_passphrase, require_owner

if TYPE_CHECKING:
    from onlyme.gate.audit import AuditEntry
    from onlyme.settings import Settings
    from onlyme.storage.template import Template
    from onlyme.vault.admin import VaultAdmin

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
    log = typer.Typer(
        cls=HelpfulGroup,
        invoke_without_command=True,
        help="Show the log, or check it with `audit verify`.",
    )
    log.callback()(audit)
    log.command(name="verify")(audit_verify)
    app.add_typer(log, name="audit")


def status(*, vault: options.Vault = None, json: options.Json = False) -> None:
    """Show what holds the key, which attempts failed, and how much is stored."""
    from onlyme.faceid import wiring

    settings = options.require_vault(options.load_settings(vault))
    with wiring.open_vault(settings) as admin:
        members, problem = _count_gallery(settings, admin)
        folder, kind = admin.store.folder, admin.store.kind
        people, needs_rekey = len(admin.store.names()), admin.store.needs_rekey
        allowances = admin.gate.allowances()
        document = {
            "vault": str(folder),
            "key": kind,
            "key_should_be_renewed": needs_rekey,
            "people": people,
            "gallery": members,
            "changes": admin.store.counter,
            "attempts": [
                {
                    "name": place.owner,
                    "source": place.source,
                    "tries": allowance.tries,
                    "wait_seconds": round(allowance.wait) if isfinite(allowance.wait) else None,
                }
                for place, allowance in allowances.items()
            ],
        }
    if json:
        output.print_json(document)
        return
    say(f"{folder}: {_format_people(people, members)}, key: {kind}")
    if problem:
        say(f"note: the gallery cannot be used: {problem}")
    if needs_rekey:
        say("note: the passphrase can be guessed faster than it should; run `onlyme rekey`")
    for place, allowance in allowances.items():
        tries = (
            f"locked {_format_wait(allowance.wait)}; `onlyme reset {place.owner}` ends that"
            if allowance.tries == 0
            else f"{output.format_count(allowance.tries, 'try', 'tries')} left"
        )
        say(f"{place.owner or 'any person'} at {place.source}: {tries}")


def reset(
    name: Annotated[
        str | None,
        typer.Argument(
            help="The person who may try again; by default all.",
            show_default=False,
            autocompletion=complete_person,
        ),
    ] = None,
    *,
    vault: options.Vault = None,
) -> None:
    """Allow attempts again at once. Needs the vault's passphrase, your password, or root."""
    with options.open_vault(vault) as admin:
        require_owner(admin.store.kind)
        if name is not None:
            name = _check_known(admin, name)
        admin.gate.reset(name)
    say(f"{name or 'everybody'} may try again")


def _check_known(admin: VaultAdmin, name: str) -> str:
    """Return a name that is enrolled, or of which attempts are counted; a slip is refused.

    Raises:
        UnknownOwner: it is neither.
    """
    from onlyme.errors import UnknownOwner
    from onlyme.types import checked_name

    name = checked_name(name)
    counted = {place.owner for place in admin.gate.allowances()}
    if name not in counted and admin.store.version(name) is None:
        error = admin.make_missing(name, "where nothing is counted")
        if isinstance(error, UnknownOwner):
            raise error
    return name


def revoke(name: options.Name, *, vault: options.Vault = None) -> None:
    """Make stolen copies of a person's template useless; the person goes on as before."""
    with options.open_vault(vault) as admin:
        notes = admin.revoke(name)
    output.print_revoked(name)
    output.print_notes(notes)


def adapt(
    name: options.Name,
    *,
    on: options.AdaptOn = False,
    off: options.AdaptOff = False,
    undo: options.AdaptUndo = False,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Let a template follow the changes of a face; without an option, show the status.

    At present no login teaches anything: see the threat model.
    """
    from dataclasses import asdict

    from onlyme.faceid import wiring
    from onlyme.settings import Settings

    consent = options.parse_consent(on=on, off=off, undo=undo)
    adaptation = wiring.make_adaptation(options.require_vault(Settings.load(vault=vault)))
    if consent is not None:
        adaptation.set_consent(name, consent=consent)
    if undo:
        adaptation.undo(name)
    status = adaptation.read_status(name)
    if json:
        output.print_json(asdict(status))
    else:
        output.print_adaptation(
            name, consent=status.consent, learned=status.learned, waiting=status.waiting
        )


def rekey(
    *,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="KIND",
            help="What holds the new key: file, keyring or passphrase; by default as before.",
            show_default=False,
            autocompletion=complete_one_of("file", "keyring", "passphrase"),
        ),
    ] = None,
    vault: options.Vault = None,
) -> None:
    """Make new keys, and encrypt everything with them: all of it, or nothing.

    onlyme rekey --to passphrase
    """
    from onlyme.faceid import wiring
    from onlyme.settings import Settings

    if to not in {None, "file", "keyring", "passphrase"}:
        message = f"{to!r} is not one of file, keyring, passphrase"
        raise typer.BadParameter(message, param_hint="--to")
    settings = options.require_vault(Settings.load(vault=vault))
    with wiring.open_vault(settings) as admin:
        kind = to or admin.store.kind
        ask = partial(read_new_passphrase, "vault")
        notes = admin.rekey(wiring.choose_key_source(settings, kind, ask))
    say(f"everything is encrypted with new keys; key: {kind}")
    say("note: backups from before open only with the old key; make a new one", err=True)
    if settings.key and settings.key != kind:
        say(f'note: set key = "{kind}" in the settings, which still say {settings.key}')
    output.print_notes(notes)


def export(
    name: options.Name,
    file: Annotated[Path, typer.Argument(help="The file to write; it must not exist yet.")],
    *,
    vault: options.Vault = None,
) -> None:
    """Write a person's data to a file, encrypted with a passphrase that you choose."""
    with options.open_vault(vault) as admin:
        other = None if admin.store.version(name) else _read_from_gallery(name, vault)
        admin.export(name, file, read_new_passphrase("export"), other=other)
    say(f"{name} is in {file}; only the passphrase protects it")


def _read_from_gallery(name: str, vault: Path | None) -> Template:
    """Return a person of the gallery as an owner's template."""
    with options.open_face_id(vault) as face_id:
        return face_id.find_owner(name).to_template()


def import_(
    file: Annotated[Path, typer.Argument(help="A file that `export` wrote.")],
    *,
    name: Annotated[
        str | None, typer.Option(help="The person's name here.", show_default=False)
    ] = None,
    replace: options.Replace = False,
    anyway: options.Anyway = False,
    vault: options.Vault = None,
) -> None:
    """Enroll a person from a file that `export` wrote, here or on another machine."""
    from onlyme.settings import Settings
    from onlyme.vault.export import open_export, read_export

    sealed, passphrase = read_export(file), read_passphrase("export")
    if not options.has_vault(Settings.load(vault=vault).vault):
        open_export(sealed, passphrase)  # a wrong file or passphrase makes no vault
    with options.open_vault(vault, make=True) as admin:
        imported = admin.import_sealed(
            sealed, passphrase, str(file), name=name, replace_=replace, anyway=anyway
        )
    output.print_imported(imported)


def backup(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="The file to write; it must not exist yet. By default one in the vault's folder.",
            show_default=False,
        ),
    ] = None,
    *,
    vault: options.Vault = None,
) -> None:
    """Copy vault, gallery and events, encrypted, also while they are in use; not the key.

    The copies of gallery and events lie beside the file, as FILE.gallery and FILE.events.
    """
    from onlyme.faceid.backup import back_up, describe_dump
    from onlyme.vault.parts import list_parts

    settings = options.load_settings(vault)
    with options.open_vault(vault) as admin:
        path = back_up(settings, admin, file)
        kind = admin.store.kind
    typer.echo(f"{path}")
    for part in list_parts(path).values():
        if part.exists():
            say(f"{part} belongs to it: keep the files together", err=True)
    if dump := describe_dump(settings, path):
        say(dump, err=True)
    if kind != "passphrase":
        say(f"Opening the backup needs the {kind} that holds the key: keep both", err=True)


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `backup` wrote; it is only read.")],
    *,
    older: Annotated[
        bool,
        typer.Option("--older", help="Also restore a backup that is older than the anchor says."),
    ] = False,
    keep_gallery: Annotated[
        bool, typer.Option("--keep-gallery", help="Leave the gallery of many people as it is.")
    ] = False,
    vault: options.Vault = None,
) -> None:
    """Restore the people of a backup, with the gallery.

    Needs the vault's passphrase, your password, or root.

    The present vault is saved as a backup first. The log and the failed attempts stay as they
    are; where the vault is damaged or gone, the backup takes its place.
    """
    from onlyme.faceid.backup import restore_whole

    settings = options.load_settings(vault)
    done = restore_whole(
        settings, file, require_owner, allow_older=older, keep_gallery=keep_gallery
    )
    people = _format_people(len(done.names), done.members)
    say(f"{people}: {', '.join(done.names)}" if done.names else people)
    if done.previous:
        say(f"the previous vault was saved as {done.previous}", err=True)
    output.print_notes(done.notes)


def audit(
    context: typer.Context,
    *,
    owner: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Only about this person.",
            show_default=False,
            autocompletion=complete_person,
        ),
    ] = None,
    since: _When = None,
    until: _When = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Show the log: attempts, enrollments, changes, erasures."""
    if context.invoked_subcommand:
        return
    with options.open_vault(vault) as admin:
        lines = list(admin.gate.audit.entries(owner, _set_utc(since), _set_utc(until)))
    if json:
        output.print_json([line._asdict() for line in lines])
        return
    for line in lines:
        say(_format_entry(line))


def audit_verify(*, vault: options.Vault = None, json: options.Json = False) -> None:
    """Check that no line of the log was changed, removed or added; exit with 2 if one was."""
    with options.open_vault(vault) as admin:
        count = admin.gate.audit.verify()
    if json:
        output.print_json({"lines": count, "whole": True})
    else:
        lines = output.format_count(count, "line")
        say(f"{lines}, none changed, missing or added")


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


def _format_people(owners: int, members: int | None) -> str:
    """Say how many people are enrolled in the vault, and in the gallery where there are any."""
    count = output.format_count(owners, "person", "people")
    if not members:
        return f"{count} enrolled"
    return f"{count} enrolled and {output.format_count(members, 'person', 'people')} in the gallery"


def _count_gallery(settings: Settings, admin: VaultAdmin) -> tuple[int | None, str]:
    """Return how many people are in the gallery; or None, and why it cannot be used."""
    from onlyme.errors import OnlymeError
    from onlyme.faceid import wiring

    try:
        return wiring.count_gallery(settings, admin), ""
    except OnlymeError as error:  # the status of the vault is shown all the same
        return None, str(error)


def _set_utc(when: datetime | None) -> datetime | None:
    return None if when is None else when.replace(tzinfo=UTC)


def _format_wait(seconds: float) -> str:
    if not isfinite(seconds):
        return "until the password is used"
    return f"for {seconds:.0f} s" if seconds < 120 else f"for {seconds / 60:.0f} minutes"
