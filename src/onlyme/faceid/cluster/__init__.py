"""Examine photos on several computers, through a Dask scheduler, over TLS in both directions.

Who does what:

- The *caller* (`engine`) reads the photos, checks each reply, and alone opens the vault.
- The *courier* (`courier`) is a process of the caller's own, without the vault's key or passphrase.
  It alone loads Dask, and unpickles nothing that a scheduler sends.
- The *workers* (`remote`) are Dask's, on other computers. They get the bytes of a photo, without
  the name of its file or person, and return embeddings.

`replies` holds what both ends agree on.
"""
