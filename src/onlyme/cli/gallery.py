"""Run `store …`: show, move, index, clean and re-encrypt the gallery of many people."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import options, output
from onlyme.cli.groups import HelpfulGroup
from onlyme.cli.lines import say
from onlyme.cli.progress import show_progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onlyme.gallery.stores.protocol import TemplateStore
    from onlyme.settings import Settings

__all__ = ["register"]

app = typer.Typer(
    cls=HelpfulGroup,
    name="store",
    no_args_is_help=True,
    help="Manage the gallery of many people, beside the vault or in PostgreSQL.",
)


def register(parent: typer.Typer) -> None:
    """Add this family's commands."""
    parent.add_typer(app)


Tenant = Annotated[
    str | None,
    typer.Option(
        "--tenant",
        metavar="TENANT",
        help="Whose gallery, where several share a database; in place of ?tenant=TENANT in the "
        "setting store.",
        show_default=False,
    ),
]
_PLACE = "`vault`, or an address such as postgresql+psycopg://user@host/database."


@app.command()
def status(
    *, tenant: Tenant = None, vault: options.Vault = None, json: options.Json = False
) -> None:
    """Show where the gallery is, and how many people are in it."""
    from onlyme.gallery.stores.migrate import MARK
    from onlyme.gallery.stores.protocol import IndexedStore

    with _open_store(_load_settings(vault, tenant=tenant)) as store:
        rows, generations = store.count()
        store_version = store.version
        document = {
            "store": _describe_store(store),
            "model": store.model,
            "people": rows,
            "generations": generations,
            "changes": store_version,
            "complete": MARK not in store.notes(),
            "indexed": store.list_indexes() if isinstance(store, IndexedStore) else None,
        }
    if json:
        output.print_json(document)
        return
    people = output.format_count(rows, "person", "people")
    changes = output.format_count(store_version, "change")
    say(f"{document['store']}: {people}, {changes} so far")
    if not document["complete"]:
        say("a migration to it was interrupted; run the same `onlyme store migrate` again")
    if len(generations) > 1:
        say("`onlyme store revoke` was interrupted; run it again")
    if isinstance(store, IndexedStore) and not document["indexed"] and rows >= store.index_from:
        say("every search reads all people; `onlyme store index` makes searches faster")


@app.command()
def upgrade(*, tenant: Tenant = None, vault: options.Vault = None) -> None:
    """Create the gallery's tables in PostgreSQL, or update them to this version.

    ONLYME_STORE=postgresql+psycopg://user@host/database onlyme store upgrade
    """
    from onlyme.faceid import networks, wiring

    settings = _load_settings(vault, tenant=tenant)
    done = wiring.upgrade_store(settings, networks.load_base(settings))
    say("the gallery's tables are ready" if done else "the gallery's tables were up to date")


@app.command()
def index(*, tenant: Tenant = None, vault: options.Vault = None) -> None:
    """Rebuild the gallery's index; searching and enrolling go on meanwhile."""
    from onlyme.errors import UsageError
    from onlyme.gallery.stores.protocol import IndexedStore

    with _open_store(_load_settings(vault, tenant=tenant)) as store:
        if not isinstance(store, IndexedStore):
            raise UsageError("this gallery has no index")
        for generation in store.count().generations:
            store.build_index(generation)
    say("the index is built")


@app.command()
def scrub(*, tenant: Tenant = None, vault: options.Vault = None) -> None:
    """Rewrite the gallery's files, so that they hold nothing of removed people any more.

    A gallery in PostgreSQL cannot be searched or changed meanwhile.
    """
    with _open_store(_load_settings(vault, tenant=tenant)) as store:
        getattr(store, "rewrite", store.scrub)()
    say("the gallery holds nothing of removed or replaced people any more")


@app.command()
def migrate(
    *,
    to: Annotated[str, typer.Option("--to", metavar="PLACE", help=_PLACE)],
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="PLACE",
            help="By default the place in the settings.",
            show_default=False,
        ),
    ] = None,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """Copy the gallery to another place, and compare both. Run it again if interrupted.

    onlyme store migrate --from vault --to postgresql+psycopg://user@host/database
    """
    from onlyme.errors import UsageError
    from onlyme.gallery.stores.migrate import migrate as copy_gallery
    from onlyme.gallery.stores.protocol import IndexedStore

    settings, target_settings = _load_settings(vault, from_), _load_settings(vault, to)
    if settings.store == target_settings.store:
        raise UsageError("the gallery is there already; give another place with --to")
    with _open_store(settings) as source, _open_store(target_settings, make=True) as target:
        with show_progress() as move:
            result = copy_gallery(source, target, partial(move, "copied"))
        if isinstance(target, IndexedStore) and result.rows >= target.index_from:
            say("building the index …", err=True)
            for generation in target.count().generations:
                target.build_index(generation)
        document = {
            "from": _describe_store(source),
            "to": _describe_store(target),
            **result._asdict(),
        }
    if json:
        output.print_json(document)
        return
    say(
        f"{output.format_count(result.rows, 'person is', 'people are')} in {document['to']}, the "
        f"same as in {document['from']} (sha256 of all: {result.digest[:16]}…)"
    )
    say(
        "note: set `store` in the settings to the new place; the old gallery is unchanged",
        err=True,
    )


@app.command()
def revoke(*, vault: options.Vault = None) -> None:
    """Re-encrypt the whole gallery with a new secret, so that stolen copies match nothing.

    Searching and enrolling go on meanwhile. Run it again if it was interrupted.
    """
    from onlyme.errors import UnknownOwner
    from onlyme.faceid import networks, wiring
    from onlyme.gallery.rekey import renew

    settings = options.require_vault(_load_settings(vault))
    with wiring.open_vault(settings) as admin:
        enrolled = wiring.make_enrolled(settings, admin, networks.load_base(settings))
        try:
            gallery = enrolled.gallery
            if gallery is None:
                raise UnknownOwner("there is no gallery; `onlyme enroll-folder` makes one")
            with show_progress() as move:
                count = renew(gallery, partial(move, "re-encrypted"))
        finally:
            enrolled.close()
    people = output.format_count(count, "person was", "people were")
    say(f"{people} re-encrypted with a new secret; copies stolen earlier match nothing")


@app.command()
def certificate(*, vault: options.Vault = None, json: options.Json = False) -> None:
    """Show how often a stranger is mistaken for a person in the gallery, and why."""
    from dataclasses import asdict

    with options.open_face_id(vault) as face_id:
        made = face_id.gallery_certificate()
    if json:
        output.print_json(asdict(made))
        return
    people = output.format_count(made.people, "person", "people")
    output.print_certificate(f"{people}, FPIR {made.fpir:g}", made.sentences())


def _load_settings(
    vault: Path | None, place: str | None = None, tenant: str | None = None
) -> Settings:
    from onlyme.errors import UsageError
    from onlyme.faceid import wiring
    from onlyme.settings import Settings

    settings = Settings.load(vault=vault, store=place)
    if tenant is not None:
        if settings.store == "vault":
            raise UsageError("--tenant is for a gallery in PostgreSQL; set ONLYME_STORE")
        settings = Settings.load(vault=vault, store=wiring.address_tenant(settings, tenant))
    return options.require_vault(settings) if settings.store == "vault" else settings


@contextmanager
def _open_store(settings: Settings, *, make: bool = False) -> Iterator[TemplateStore]:
    """Open a gallery; only `make` creates one where there is none."""
    from onlyme.errors import VaultError
    from onlyme.faceid import networks, wiring

    if settings.store == "vault" and not make and not wiring.locate_gallery_file(settings).exists():
        raise VaultError(
            f"no gallery beside the vault {settings.vault}; `onlyme enroll-folder` makes one"
        )
    store = wiring.open_template_store(settings, networks.load_base(settings))
    try:
        yield store
    finally:
        store.close()


def _describe_store(store: TemplateStore) -> str:
    return str(getattr(store, "address", None) or getattr(store, "path", "the gallery"))
