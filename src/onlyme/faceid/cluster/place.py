"""Check the address of a scheduler, and the certificates that both ends show each other."""

from __future__ import annotations

import os
import re
import ssl
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from onlyme.errors import SettingsError, UsageError
from onlyme.storage.files import open_regular

__all__ = ["ClusterPlace", "check_place"]

_ADDRESS = re.compile(r"tls://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")


class ClusterPlace(NamedTuple):
    """Where a scheduler is, and what proves who is who.

    Attributes:
        address: `tls://host:port`.
        ca: the certificate of the authority that signed all certificates of this cluster.
        certificate: this caller's certificate.
        key: its private key.
    """

    address: str
    ca: Path
    certificate: Path
    key: Path


def check_place(address: Any, folder: object) -> ClusterPlace:
    """Return where a scheduler is; nothing is connected yet.

    Args:
        address: `tls://host:port`.
        folder: holds `ca.pem`, `caller.pem` and `caller.key`.

    Raises:
        UsageError: it is another kind of address, or no folder is given.
        SettingsError: a certificate cannot be used, or others can read the key.
    """
    if not isinstance(address, str):  # a caller need not keep to the declared types
        address = ""
    match = _ADDRESS.fullmatch(address)
    if match is None or not 0 < int(match[2]) < 65536:
        if re.match(r"[a-z+]+://", address) and not address.startswith("tls://"):
            raise UsageError(
                f"--scheduler takes tls:// only, not {address.partition(':')[0]}://: a scheduler "
                "without certificates runs the code of anybody who reaches it, and photos and "
                "embeddings would cross the network in the clear"
            )
        raise UsageError(
            "--scheduler takes an address such as tls://host:8786; `dask scheduler` prints it"
        )
    if folder is None:
        raise UsageError(
            "--scheduler needs --certificates DIR, a folder with ca.pem, caller.pem and caller.key"
        )
    if not isinstance(folder, (str, PathLike)):
        raise UsageError("--certificates takes the path of a folder")
    place = ClusterPlace(
        address, *(Path(folder) / name for name in ("ca.pem", "caller.pem", "caller.key"))
    )
    _check_files(place)
    return place


def _check_files(place: ClusterPlace) -> None:
    """Refuse files that TLS could not use, or a key that other users can read."""
    for path in place[1:]:
        try:
            with open_regular(path) as file:  # the reader of certificates waits for a pipe
                mode = os.fstat(file.fileno()).st_mode
        except (OSError, ValueError) as error:  # a NUL in the name
            why = getattr(error, "strerror", None) or "it is not a valid path"
            raise SettingsError(f"{path} cannot be read: {why}") from None
        if path == place.key and mode & 0o077:
            raise SettingsError(
                f"other users can read {path}, and so send photos to the workers as you; "
                f"run: chmod 600 {path}"
            )
    try:
        context = ssl.create_default_context(cafile=place.ca)
        # An empty passphrase, so that OpenSSL does not ask for one on the terminal.
        context.load_cert_chain(place.certificate, place.key, password="")
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", None) or error
        raise SettingsError(
            f"the certificates in {place.ca.parent} cannot be used ({why}); PEM files without a "
            "passphrase are needed, and caller.key must belong to caller.pem"
        ) from None
