"""Find and read PAM's files, and replace one in a single step.

A login that reads half a file lets no one in. So a new file is written beside the old one, gets
its owner, mode and extended attributes, is synced to the disk, and is renamed over it.
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

__all__ = ["PamFolders", "copy_file", "read_attributes", "remove_file", "replace_file"]

_MAX_FILE_BYTES: Final = 1 << 20
_MAX_SHOWN_CHARACTERS: Final = 80  # of a wrong name, in a message
_SERVICE_LETTERS: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@+"
)


@dataclass(frozen=True, slots=True)
class PamFolders:
    """The folders of PAM's files and of our backups.

    Attributes:
        pam: holds the services that the administrator may change.
        vendor: the distribution's folder; PAM reads a service there if `pam` does not have it.
        state: our folder for backups, readable only by root.
    """

    pam: Path = Path("/etc/pam.d")
    vendor: Path = Path("/usr/lib/pam.d")
    state: Path = Path("/var/lib/onlyme-pam")

    @property
    def readable(self) -> tuple[Path, ...]:
        """The folders that PAM reads; a file in a later one replaces one in an earlier."""
        return (self.vendor, self.pam)

    def list_services(self) -> list[str]:
        """List the services of both folders."""
        names = set[str]()
        for folder in self.readable:
            with suppress(FileNotFoundError):
                names |= {file.name for file in folder.iterdir() if file.is_file()}
        return sorted(name for name in names if not name.startswith("."))

    def read(self, name: str) -> str:
        """Return the text of the file that PAM reads; bytes that are not UTF-8 become surrogates.

        Raises:
            PamError: there is none, or it cannot be read.
        """
        paths = [Path(name)] if name.startswith("/") else [self.pam / name, self.vendor / name]
        for path in paths:
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
        raise PamError(
            f"{paths[0]} does not exist; check its name, and the `include` lines that use it"
        )

    def find_own(self, service: str) -> Path:
        """Return the path of a service's file, if that may be changed.

        The file does not exist yet where only the distribution's folder has the service: upgrades
        overwrite that folder, so the administrator's own file is made as a copy.

        Raises:
            PamError: there is no such service, or its file is not the administrator's own.
        """
        if not service or not set(service) <= _SERVICE_LETTERS or service.startswith("."):
            raise PamError(
                f"{_shorten(service)} is not the name of a service, such as sudo or login"
            )
        path, origin = self.pam / service, self.vendor / service
        if os.path.lexists(path):
            _check_file(path)
        elif os.path.lexists(origin):
            _check_file(origin)
        else:
            raise PamError(f"there is no service {service} in {self.pam}")
        return path


def _check_file(path: Path) -> None:
    """Check that a file is a regular one that only root may change.

    Raises:
        PamError: it is not.
    """
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        raise PamError(
            f"{path} is a link to {path.readlink()}, which another program manages; "
            "replace it with a file, or name the service whose file it is"
        )
    if not stat.S_ISREG(status.st_mode):
        raise PamError(f"{path} is not a regular file")
    if status.st_nlink > 1:
        raise PamError(f"{path} has a second name (a hard link); remove one of them first")
    if status.st_uid != 0 or status.st_mode & 0o022:
        raise PamError(
            f"{path} can be written by other users than root; run "
            f"`chown root {path}` and `chmod go-w {path}` first"
        )


def read_attributes(path: Path) -> dict[str, bytes]:
    """Return a file's extended attributes, such as access lists and SELinux's label."""
    try:
        names = os.listxattr(path)
    except OSError:  # this file system has none
        return {}
    return {name: os.getxattr(path, name) for name in names}


def replace_file(path: Path, old: str, new: str) -> None:
    """Replace a file's text; readers see the whole old text or the whole new one.

    Args:
        path: the file; its owner, mode and extended attributes stay.
        old: the text that it must still hold.
        new: the text that it gets.

    Raises:
        PamError: another program has changed it.
        OSError: it cannot be written; the file is as it was.
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


def copy_file(path: Path, origin: Path, text: str) -> None:
    """Make the administrator's own file from one of the distribution's, with another text.

    Args:
        path: the file, which must not exist.
        origin: the distribution's; the new file gets its owner and mode.
        text: of the new file.

    Raises:
        PamError: another program has made the file.
        OSError: it cannot be written; there is no such file then.
    """
    status = origin.stat()
    try:
        with open_draft(path, new=True) as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))
    except FileExistsError:
        raise PamError(f"{path} was made by another program; nothing was written") from None


def remove_file(path: Path, old: str) -> None:
    """Remove a file that is a copy of ours, so that PAM reads the distribution's again.

    Raises:
        PamError: another program has changed it.
        OSError: it cannot be removed.
    """
    _check_unchanged(path, old)
    path.unlink()


def _check_unchanged(path: Path, old: str) -> None:
    if path.read_bytes() != old.encode("utf-8", "surrogateescape"):
        raise PamError(f"{path} was changed by another program; nothing was written: try again")


def _shorten(service: str) -> str:
    return f"{service!r:.{_MAX_SHOWN_CHARACTERS}}"
