"""Keep the rows of a gallery and find the nearest ones, beside the vault or in PostgreSQL."""
