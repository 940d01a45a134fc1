"""Keep a gallery in PostgreSQL, for several machines; needs the extra `postgres`.

This is imported only when the settings name such a database.
"""

from onlyme.gallery.stores.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
