"""The tables of a gallery in PostgreSQL, and the versions that they went through.

Alembic's migrations lie beside this module and are run by `upgrade` alone. A store that is
opened only looks at the version, and refuses any but its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.errors import NeedsReenroll, VaultError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from onlyme.gallery.stores.postgres.address import DatabaseAddress

__all__ = ["REVISION", "VERSIONS", "check", "read_revision", "upgrade"]

REVISION = "0001"
"""The version that this onlyme works with: the newest of the migrations."""

VERSIONS = "onlyme_schema"
"""The table that holds the version."""

_LOCK = 0x6F6E6C796D65  # "onlyme": two upgrades at a time wait for each other
_MIN_PGVECTOR_VERSION = (0, 8)  # the first that goes on searching where rows of an index are gone


def upgrade(connection: Connection, address: DatabaseAddress, model: str, dimension: int) -> bool:
    """Make the tables, or bring them to this version, within the connection's transaction.

    Args:
        connection: of somebody who may make tables.
        address: for messages.
        model: sha256 (hex) of the network whose templates the gallery holds.
        dimension: length of its vectors.

    Returns:
        Whether anything was done.

    Raises:
        VaultError: a newer onlyme made them, or pgvector is missing or too old.
        NeedsReenroll: the gallery is another network's.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    config = Config()
    config.set_main_option("script_location", "onlyme.gallery.stores.postgres:migrations")
    config.attributes.update(connection=connection, model=model, dimension=dimension)
    steps = ScriptDirectory.from_config(config).walk_revisions()
    before = read_revision(connection)
    if before is not None and before not in {step.revision for step in steps}:
        raise VaultError(_explain_unknown(address, before))
    _require_pgvector(connection, address)
    command.upgrade(config, REVISION)
    check(connection, address, model, dimension)
    return before != REVISION


def read_revision(connection: Connection) -> str | None:
    """Return the version of the tables that are there, or None."""
    there = connection.exec_driver_sql("SELECT to_regclass(%s)", (VERSIONS,)).scalar_one()
    if there is None:
        return None
    found = connection.exec_driver_sql(f"SELECT version_num FROM {VERSIONS}").scalar_one_or_none()  # noqa: S608 - a word of ours
    return None if found is None else str(found)


def check(connection: Connection, address: DatabaseAddress, model: str, dimension: int) -> None:
    """Refuse a gallery of another version or another network.

    Raises:
        VaultError: there is none, or another version's.
        NeedsReenroll: it is another network's.
    """
    found = read_revision(connection)
    if found is None:
        raise VaultError(f"{address} holds no gallery; `onlyme store upgrade` makes one")
    if found < REVISION:
        raise VaultError(
            f"the gallery in {address} has the older layout {found}, and this onlyme works "
            f"with {REVISION}; `onlyme store upgrade` brings it there"
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
        f"(it works with {REVISION}); a newer onlyme made it, so use that one here too"
    )


def _require_pgvector(connection: Connection, address: DatabaseAddress) -> None:
    """Install the extension where that is allowed and needed."""
    query = "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
    found = connection.exec_driver_sql(query).scalar_one_or_none()
    if found is None:
        allowed = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        offered = "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'"
        if not connection.exec_driver_sql(offered).scalar_one():
            raise VaultError(f"{address}: this server has no pgvector; install it there")
        if not connection.exec_driver_sql(allowed).scalar_one():
            raise VaultError(
                f"{address}: pgvector is not switched on in this database; its administrator "
                "does that with `CREATE EXTENSION vector`"
            )
        connection.exec_driver_sql("CREATE EXTENSION vector")
        found = connection.exec_driver_sql(query).scalar_one()
    if tuple(int(part) for part in found.split(".")[:2]) < _MIN_PGVECTOR_VERSION:
        raise VaultError(
            f"{address}: pgvector is {found}, and 0.8 or newer is needed; its administrator "
            "installs it and runs `ALTER EXTENSION vector UPDATE`"
        )
