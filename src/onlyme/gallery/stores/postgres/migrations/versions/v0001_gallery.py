"""Make the first layout: rows, notes, and a counter of changes with their receipts."""

from alembic import context, op

__all__ = ["branch_labels", "depends_on", "down_revision", "revision", "upgrade"]

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and the index of the first generation."""
    model: str = context.config.attributes["model"]
    dimension = int(context.config.attributes["dimension"])
    op.execute("""
        CREATE TABLE onlyme_gallery (
            one boolean PRIMARY KEY DEFAULT true CHECK (one),
            model text NOT NULL,
            dimension integer NOT NULL,
            version bigint NOT NULL DEFAULT 0
        )
    """)
    op.get_bind().exec_driver_sql(
        "INSERT INTO onlyme_gallery (model, dimension) VALUES (%s, %s)", (model, dimension)
    )
    op.execute("""
        CREATE TABLE onlyme_change (
            version bigint PRIMARY KEY,
            receipt bytea NOT NULL
        )
    """)
    op.execute("""
        CREATE TABLE onlyme_note (
            name text PRIMARY KEY,
            value bytea NOT NULL
        )
    """)
    op.execute(f"""
        CREATE TABLE onlyme_template (
            key bytea PRIMARY KEY CHECK (octet_length(key) = 16),
            generation integer NOT NULL CHECK (generation >= 1),
            sealed bytea NOT NULL CHECK (octet_length(sealed) >= 1),
            vector vector({dimension}) NOT NULL
        )
    """)
    # Vectors and ciphertext do not compress. Searches read vectors, so they stay in the row.
    op.execute("ALTER TABLE onlyme_template ALTER COLUMN vector SET STORAGE PLAIN")
    op.execute("ALTER TABLE onlyme_template ALTER COLUMN sealed SET STORAGE EXTERNAL")
