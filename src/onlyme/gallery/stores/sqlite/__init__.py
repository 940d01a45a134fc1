"""The gallery beside the vault: rows in SQLite, a matrix and an index derived from them."""
