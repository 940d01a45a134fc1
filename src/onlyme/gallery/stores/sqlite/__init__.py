"""Keep a gallery beside the vault: rows in SQLite, and a matrix and an index derived from them."""
