"""Run Alembic's migrations on the connection and in the transaction of `schema.upgrade`."""

from alembic import context

from onlyme.gallery.stores.postgres.schema import VERSIONS

__all__: list[str] = []

if __name__ == "env_py":  # the name under which Alembic loads this file
    attributes = context.config.attributes
    context.configure(
        connection=attributes["connection"],
        version_table=VERSIONS,
        version_table_schema=attributes["schema"],
    )
    context.run_migrations()
