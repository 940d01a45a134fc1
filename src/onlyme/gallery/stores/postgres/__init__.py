"""A gallery in PostgreSQL, for several machines; needs the extra `postgres`.

Nothing here is imported unless the settings name such a database.
"""

from onlyme.gallery.stores.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
