"""Notice that a whole vault was replaced by an older copy, with a counter outside of the vault.

The counter's file (the anchor) holds a number that only grows. Put it where a program that can
write to the vault's folder cannot: on another disk, or under another user.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from onlyme.errors import VaultDamaged, VaultError
from onlyme.storage.files import hold_folder_lock, make_private_folder, replace_private
from onlyme.storage.system import CLOSE_ON_EXEC, NO_FOLLOW

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RollbackCounter"]

_READ_FLAGS = os.O_RDONLY | NO_FOLLOW | CLOSE_ON_EXEC  # a link is refused: a write replaces it


class RollbackCounter:
    """The highest counter that was seen of a vault.

    Args:
        path: the file; made where it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def check(self, vault: bytes, counter: int) -> None:
        """Compare a vault with the highest counter that was seen of it.

        Raises:
            VaultDamaged: it is older, or another vault.
            VaultError: the anchor cannot be read.
        """
        highest = self.read_highest(vault)
        if highest is None:
            self.advance(vault, counter)
        elif counter < highest:
            raise VaultDamaged(
                f"the vault was rolled back to an older copy: its counter is {counter}, and "
                f"{self.path} saw {highest}; to put a backup back, use `onlyme restore`"
            )

    def read_highest(self, vault: bytes) -> int | None:
        """Return the highest counter that was seen of a vault; None if none was.

        Raises:
            VaultDamaged: it belongs to another vault, or is damaged.
            VaultError: the anchor cannot be read.
        """
        content = self._read()
        if content is None:
            return None
        known, highest = content
        if known != vault.hex():
            raise VaultDamaged(f"{self.path} belongs to another vault")
        return highest

    def advance(self, vault: bytes, counter: int) -> None:
        """Remember a counter if it is the highest so far, also after a power cut.

        Raises:
            VaultError: the anchor cannot be written.
        """
        try:
            if not self.path.parent.exists():
                make_private_folder(self.path.parent)
            with hold_folder_lock(self.path.parent):
                content = self._read()
                if content is None or content[1] < counter:
                    replace_private(self.path, f"{vault.hex()} {counter:020d}\n".encode())
        except OSError as error:
            raise VaultError(f"the anchor {self.path}: {error.strerror}") from None

    def _read(self) -> tuple[str, int] | None:
        try:
            with os.fdopen(os.open(self.path, _READ_FLAGS), "rb") as file:
                content = file.read(200)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise VaultError(f"the anchor {self.path}: {error.strerror}") from None
        parsed = _parse(content)
        if parsed is None:
            raise VaultDamaged(
                f"the anchor {self.path} is damaged; if you are sure that the vault was not "
                "replaced by an older copy, remove the anchor, and the next command makes a new one"
            )
        return parsed


def _parse(content: bytes) -> tuple[str, int] | None:
    vault, _, counter = content.decode("ascii", "replace").partition(" ")
    return (vault, int(counter)) if counter.strip().isdecimal() else None
