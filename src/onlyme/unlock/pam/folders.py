"""The folders of PAM's files: reading them, and putting a file in another's place, whole.

A login that finds half a file lets nobody in. So a new file is written beside the old one,
given its owner, mode and extended attributes, brought to the disk, and renamed over it.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from onlyme.errors import PamError
from onlyme.storage.files import open_draft

__all__ = ["PamFolders", "read_attributes", "replace_file"]

_MAX_FILE_BYTES: Final = 1 << 20
_SERVICE_LETTERS: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@+"
)


@dataclass(frozen=True, slots=True)
class PamFolders:
    """Where things lie.

    Attributes:
        pam: the folder of services that the administrator may change.
        vendor: a distribution's own folder, of which PAM takes what `pam` does not have.
        state: our folder for backups, root's own.
    """

    pam: Path = Path("/etc/pam.d")
    vendor: Path = Path("/usr/lib/pam.d")
    state: Path = Path("/var/lib/onlyme-pam")

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that PAM reads; a file in a later one wins."""
        return (self.vendor, self.pam)

    def services(self) -> list[str]:
        """Name the files of both folders."""
        names = set[str]()
        for folder in self.folders:
            with suppress(FileNotFoundError):
                names |= {file.name for file in folder.iterdir() if file.is_file()}
        return sorted(name for name in names if not name.startswith("."))

    def read(self, name: str) -> str:
        """Return the text of a PAM file as PAM finds it; what is no UTF-8 is kept as it is.

        Raises:
            PamError: there is none, or it cannot be read.
        """
        tries = [Path(name)] if name.startswith("/") else [self.pam / name, self.vendor / name]
        for path in tries:
            try:
                with path.open("rb") as file:
                    data = file.read(_MAX_FILE_BYTES + 1)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise PamError(f"{path} cannot be read: {error.strerror}") from None
            if len(data) > _MAX_FILE_BYTES:
                raise PamError(f"{path} is too large to be a PAM file")
            return data.decode("utf-8", "surrogateescape")
        raise PamError(f"{tries[0]} is not there, or what includes it is broken")

    def find_own(self, service: str) -> Path:
        """Return the path of a service's file if it is one that may be changed.

        Raises:
            PamError: there is no such service, or its file is not the administrator's own.
        """
        if not service or not set(service) <= _SERVICE_LETTERS or service.startswith("."):
            raise PamError(f"{service!r:.80} is no name of a service, such as sudo or login")
        path = self.pam / service
        try:
            status = path.lstat()
        except FileNotFoundError:
            if (self.vendor / service).is_file():
                raise PamError(
                    f"{service} lies in {self.vendor}, which upgrades overwrite; "
                    f"copy it to {self.pam} first"
                ) from None
            raise PamError(f"no service {service} in {self.pam}") from None
        if stat.S_ISLNK(status.st_mode):
            raise PamError(
                f"{path} is a link to {path.readlink()}, which something else keeps; "
                "put a file in its place, or name the service whose file it is"
            )
        if not stat.S_ISREG(status.st_mode):
            raise PamError(f"{path} is no plain file")
        if status.st_nlink > 1:
            raise PamError(f"{path} has a second name (a hard link); remove one of them first")
        if status.st_uid != 0 or status.st_mode & 0o022:
            raise PamError(f"{path} may be written by others than root; mend that first")
        return path


def read_attributes(path: Path) -> dict[str, bytes]:
    """Return a file's extended attributes, such as access lists and SELinux's label."""
    try:
        names = os.listxattr(path)
    except OSError:  # a file system without
        return {}
    return {name: os.getxattr(path, name) for name in names}


def replace_file(path: Path, old: str, new: str) -> None:
    """Put a new text in an old one's place: readers see one or the other, whole.

    Args:
        path: the file; its owner, mode and extended attributes stay.
        old: what it must still hold.
        new: what it shall hold.

    Raises:
        PamError: it holds something else by now.
        OSError: it cannot be written; it is as it was.
    """
    status = path.stat()
    with open_draft(path) as file:
        handle = file.fileno()
        file.write(new.encode("utf-8", "surrogateescape"))
        file.flush()
        os.fchown(handle, status.st_uid, status.st_gid)
        os.fchmod(handle, stat.S_IMODE(status.st_mode))
        for name, value in read_attributes(path).items():
            os.setxattr(handle, name, value)
        os.fsync(handle)  # here, so that little time is left between the check and the rename
        _check_unchanged(path, old)


def _check_unchanged(path: Path, old: str) -> None:
    if path.read_bytes() != old.encode("utf-8", "surrogateescape"):
        raise PamError(f"{path} was changed meanwhile; try again")
