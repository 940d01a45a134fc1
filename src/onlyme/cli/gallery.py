"""`store`: where the gallery of many people is kept, moved, and given a new rotation."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import options, output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from onlyme.gallery.stores.protocol import TemplateStore
    from onlyme.settings import Settings

__all__ = ["app"]

app = typer.Typer(
    name="store",
    no_args_is_help=True,
    help="Keep the gallery of many people beside the vault, or in PostgreSQL.",
)

_PLACE = "`vault`, or an address such as postgresql+psycopg://user@host/database."


@app.command()
def status(*, vault: options.Vault = None, json: options.Json = False) -> None:
    """Say where the gallery is, and how much it holds."""
    from onlyme.gallery.stores.migrate import MARK
    from onlyme.gallery.stores.protocol import IndexedStore

    with _open_store(_load_settings(vault)) as store:
        rows, generations = store.count()
        document = {
            "store": _describe_store(store),
            "model": store.model,
            "people": rows,
            "generations": generations,
            "changes": store.version,
            "complete": MARK not in store.notes(),
            "indexed": store.list_indexes() if isinstance(store, IndexedStore) else None,
        }
    if json:
        output.print_json(document)
        return
    typer.echo(f"{document['store']}: {rows} people, {document['changes']} changes so far")
    if not document["complete"]:
        typer.echo("a migration to it did not end; run the same `onlyme store migrate` again")
    if len(generations) > 1:
        typer.echo("a new rotation reached some only; `onlyme store revoke` goes on")
    if isinstance(store, IndexedStore) and not document["indexed"] and rows >= store.index_from:
        typer.echo("every search reads all of it; `onlyme store index` makes searches faster")


@app.command()
def upgrade(*, vault: options.Vault = None) -> None:
    """Make the gallery's tables in PostgreSQL, or bring them to this version.

    ONLYME_STORE=postgresql+psycopg://user@host/database onlyme store upgrade
    """
    from onlyme.faceid import wiring

    settings = _load_settings(vault)
    done = wiring.upgrade_store(settings, wiring.load_base(settings))
    typer.echo("the gallery's tables are made" if done else "the gallery's tables are up to date")


@app.command()
def index(*, vault: options.Vault = None) -> None:
    """Build the gallery's index anew; others search and enroll meanwhile."""
    from onlyme.errors import UsageError
    from onlyme.gallery.stores.protocol import IndexedStore

    with _open_store(_load_settings(vault)) as store:
        if not isinstance(store, IndexedStore):
            raise UsageError("this gallery has no index")
        for generation in store.count().generations:
            store.build_index(generation)
    typer.echo("the index is built")


@app.command()
def scrub(*, vault: options.Vault = None) -> None:
    """Write the gallery anew, so that nothing of who was removed is left in its files.

    A gallery in PostgreSQL can be neither searched nor changed meanwhile.
    """
    with _open_store(_load_settings(vault)) as store:
        getattr(store, "rewrite", store.scrub)()
    typer.echo("nothing of what was removed or replaced is left in the gallery")


@app.command()
def migrate(
    *,
    to: Annotated[str, typer.Option("--to", metavar="PLACE", help=_PLACE)],
    from_: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="PLACE", help="By default what the settings say.", show_default=False
        ),
    ] = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Copy the gallery to another place, and compare what arrived; goes on if interrupted.

    onlyme store migrate --from vault --to postgresql+psycopg://user@host/database
    """
    from onlyme.errors import UsageError
    from onlyme.gallery.stores.migrate import migrate as moved
    from onlyme.gallery.stores.protocol import IndexedStore

    settings, target_settings = _load_settings(vault, from_), _load_settings(vault, to)
    if settings.store == target_settings.store:
        raise UsageError("the gallery is there already; say --to some other place")
    with _open_store(settings) as source, _open_store(target_settings, make=True) as target:
        with _show_bar("copied") as progress:
            answer = moved(source, target, progress)
        if isinstance(target, IndexedStore) and answer.rows >= target.index_from:
            typer.echo("building the index …", err=True)
            for generation in target.count().generations:
                target.build_index(generation)
        document = {
            "from": _describe_store(source),
            "to": _describe_store(target),
            **answer._asdict(),
        }
    if json:
        output.print_json(document)
        return
    typer.echo(
        f"{answer.rows} people are in {document['to']} as they are in {document['from']} "
        f"(sha256 of all: {answer.digest[:16]}…)"
    )
    typer.echo(
        "note: set `store` in the settings to the new place; the old one was left as it was",
        err=True,
    )


@app.command()
def revoke(*, vault: options.Vault = None) -> None:
    """Turn the whole gallery with a new secret, so that stolen vectors match nothing any more.

    Searches and enrollments go on meanwhile; run it again if it was interrupted.
    """
    from onlyme.errors import UnknownOwner
    from onlyme.faceid import wiring
    from onlyme.gallery.rekey import renew

    settings = options.require_vault(_load_settings(vault))
    with wiring.open_vault(settings) as keeping:
        everybody = wiring.make_enrolled(settings, keeping, wiring.load_base(settings))
        try:
            gallery = everybody.gallery
            if gallery is None:
                raise UnknownOwner("there is no gallery; `onlyme enroll-folder` makes one")
            with _show_bar("turned") as progress:
                count = renew(gallery, progress)
        finally:
            everybody.close()
    typer.echo(f"{count} people were turned; what was stored of them so far matches nothing")


@app.command()
def certificate(*, vault: options.Vault = None, json: options.Json = False) -> None:
    """Say how often a stranger would be taken for somebody in the gallery, and on what ground."""
    from dataclasses import asdict

    with options.open_face_id(vault) as face_id:
        made = face_id.gallery_certificate()
    if json:
        output.print_json(asdict(made))
        return
    typer.secho(f"{made.people:,} people, FPIR {made.fpir:g}", bold=True)
    for sentence in made.sentences():
        typer.echo(f"  {sentence}")


def _load_settings(vault: Path | None, place: str | None = None) -> Settings:
    from onlyme.settings import Settings

    settings = Settings.load(vault=vault, store=place)
    return options.require_vault(settings) if settings.store == "vault" else settings


@contextmanager
def _open_store(settings: Settings, *, make: bool = False) -> Iterator[TemplateStore]:
    """Open a place; reading makes no gallery."""
    from onlyme.errors import VaultError
    from onlyme.faceid import wiring

    if settings.store == "vault" and not make and not wiring.locate_gallery_file(settings).exists():
        raise VaultError(f"no gallery beside the vault {settings.vault}; enrolling makes one")
    store = wiring.open_template_store(settings, wiring.load_base(settings))
    try:
        yield store
    finally:
        store.close()


def _describe_store(store: TemplateStore) -> str:
    return str(getattr(store, "address", None) or getattr(store, "path", "the gallery"))


@contextmanager
def _show_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal, and nothing in a pipe."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
