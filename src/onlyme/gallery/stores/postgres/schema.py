"""Make, upgrade and check the tables of a gallery in PostgreSQL.

Alembic's migrations lie beside this module; only `upgrade` runs them. Opening a store checks the
version, and refuses any but its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.errors import NeedsReenroll, VaultError
from onlyme.gallery.stores.postgres.pool import EXTENSION_SCHEMA

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from onlyme.gallery.stores.postgres.address import DatabaseAddress

__all__ = ["REVISION", "VERSIONS", "check", "read_revision", "upgrade"]

REVISION = "0001"
"""The version that this onlyme works with: the newest of the migrations."""

VERSIONS = "onlyme_schema"
"""The table that holds the version."""

_LOCK = 0x6F6E6C796D65  # "onlyme"; one upgrade waits for another
_MIN_PGVECTOR_VERSION = (0, 8)  # the first with hnsw.iterative_scan


def upgrade(connection: Connection, address: DatabaseAddress, model: str, dimension: int) -> bool:
    """Make the tables, or upgrade them to this version, within the connection's transaction.

    Args:
        connection: of a user who may make tables.
        address: for messages.
        model: sha256 (hex) of the network whose templates the gallery holds.
        dimension: length of its vectors.

    Returns:
        Whether anything was changed.

    Raises:
        VaultError: a newer onlyme made them, or pgvector is missing or too old.
        NeedsReenroll: the gallery was made for another network.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    if address.schema:
        find = "SELECT to_regnamespace(%s)"
        if connection.exec_driver_sql(find, (address.schema,)).scalar_one() is None:
            connection.exec_driver_sql(f"CREATE SCHEMA {address.schema}")
    config = Config()
    config.set_main_option("script_location", "onlyme.gallery.stores.postgres:migrations")
    config.attributes.update(
        connection=connection, model=model, dimension=dimension, schema=address.schema or None
    )
    steps = ScriptDirectory.from_config(config).walk_revisions()
    before = read_revision(connection, address.schema)
    if before is not None and before not in {step.revision for step in steps}:
        raise VaultError(_explain_unknown(address, before))
    _require_pgvector(connection, address)
    if before is None and not address.schema:
        _refuse_tenants(connection, address)
    command.upgrade(config, REVISION)
    check(connection, address, model, dimension)
    return before != REVISION


def read_revision(connection: Connection, schema: str = "") -> str | None:
    """Return the version of the tables, or None if there are none.

    Args:
        connection: to the database.
        schema: of a tenant; tables elsewhere are not looked at then.
    """
    name = f"{schema}.{VERSIONS}" if schema else VERSIONS
    if connection.exec_driver_sql("SELECT to_regclass(%s)", (name,)).scalar_one() is None:
        return None
    found = connection.exec_driver_sql(f"SELECT version_num FROM {name}").scalar_one_or_none()  # noqa: S608 - of an address that was checked
    return None if found is None else str(found)


def check(connection: Connection, address: DatabaseAddress, model: str, dimension: int) -> None:
    """Refuse a gallery of another version or another network.

    Raises:
        VaultError: there is no gallery, or one of another version.
        NeedsReenroll: the gallery was made for another network.
    """
    if address.schema:
        _refuse_shared_gallery(connection, address)
    found = read_revision(connection, address.schema)
    if found is None:
        raise VaultError(f"{address} holds no gallery; make one with `onlyme store upgrade`")
    if found < REVISION:
        raise VaultError(
            f"the gallery in {address} has the older layout {found}, and this onlyme needs "
            f"{REVISION}; run `onlyme store upgrade`"
        )
    if found > REVISION:
        raise VaultError(_explain_unknown(address, found))
    row = connection.exec_driver_sql("SELECT model, dimension FROM onlyme_gallery").one()
    if tuple(row) != (model, dimension):
        raise NeedsReenroll(
            f"the gallery in {address} holds templates of another network "
            f"({row.model[:12]}…) than the one in use ({model[:12]}…)"
        )


def _explain_unknown(address: DatabaseAddress, found: str) -> str:
    return (
        f"the gallery in {address} has the layout {found:.20}, which this onlyme does not know "
        f"(it works with {REVISION}); a newer onlyme made it, so install that version here too"
    )


def _refuse_shared_gallery(connection: Connection, address: DatabaseAddress) -> None:
    """Refuse a gallery beside pgvector: names that a tenant's schema lacks are looked up there."""
    query = f"SELECT to_regclass(concat(quote_ident(({EXTENSION_SCHEMA})), '.', %s::text))"
    if connection.exec_driver_sql(query, (VERSIONS,)).scalar_one() is not None:
        raise VaultError(
            f"{address}: the database also holds a gallery without a tenant, where pgvector is; "
            "give tenants a database of their own"
        )


def _refuse_tenants(connection: Connection, address: DatabaseAddress) -> None:
    """Refuse to make a gallery that would close those of all tenants in the database."""
    query = (
        "SELECT count(*) FROM pg_class JOIN pg_namespace ON relnamespace = pg_namespace.oid "
        "WHERE relname = %s AND starts_with(nspname, 'onlyme_')"
    )
    if connection.exec_driver_sql(query, (VERSIONS,)).scalar_one():
        raise VaultError(
            f"{address} holds galleries of tenants: name one (?tenant=NAME in the setting store, "
            "or --tenant NAME), or give this gallery a database of its own"
        )


def _require_pgvector(connection: Connection, address: DatabaseAddress) -> None:
    """Install the extension if it is missing and that is allowed."""
    query = "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
    found = connection.exec_driver_sql(query).scalar_one_or_none()
    if found is None:
        allowed = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        offered = "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'"
        if not connection.exec_driver_sql(offered).scalar_one():
            raise VaultError(f"{address}: pgvector is missing; install it on the database server")
        if not connection.exec_driver_sql(allowed).scalar_one():
            raise VaultError(
                f"{address}: pgvector is not enabled in this database; its administrator must "
                "run `CREATE EXTENSION vector`"
            )
        # Not in the schema of the tenant who happens to be the first.
        where = " SCHEMA public" if address.schema else ""
        connection.exec_driver_sql(f"CREATE EXTENSION vector{where}")
        found = connection.exec_driver_sql(query).scalar_one()
    if tuple(int(part) for part in found.split(".")[:2]) < _MIN_PGVECTOR_VERSION:
        raise VaultError(
            f"{address}: pgvector is {found}, and 0.8 or newer is needed; the database's "
            "administrator must install it and run `ALTER EXTENSION vector UPDATE`"
        )
