"""Read and write sealed records and a sealed log in the database, within one transaction.

Each record is bound to the vault, its kind, its key, the format and the counter at which it was
written; each entry of the log to its number and to the entry before it. A record or entry that
was moved to another place, or back from an earlier time, does not open.
"""

from __future__ import annotations

import hmac
import os
from typing import TYPE_CHECKING

from onlyme.errors import VaultDamaged
from onlyme.storage.crypto import KEY_BYTES, TAG_BYTES, AeadCipher, encode_parts
from onlyme.storage.files import replace_private
from onlyme.vault.manifest import Archive, LogHead, Manifest, ManifestRecord

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onlyme.storage.crypto import Keys
    from onlyme.vault.database import Database

__all__ = ["RECORD_FORMAT", "SealedRecords"]

RECORD_FORMAT = 2
"""The format of sealed records; 1 was the first format, which was not sealed."""


class SealedRecords:
    """What one vault holds, between the beginning and the end of a transaction.

    Args:
        database: with a transaction that has begun.
        keys: of the vault.
        manifest: what the vault holds; None reads it, and compares it with every row.

    Raises:
        VaultDamaged: rows and manifest do not belong together.
    """

    def __init__(self, database: Database, keys: Keys, manifest: Manifest | None = None) -> None:
        self._database = database
        self._keys = keys
        self.manifest = self._read() if manifest is None else manifest
        self.changed = False

    # ----------------------------------------------------------------- records

    def keys(self, kind: str) -> list[str]:
        """Return the keys of all records of a kind, in order."""
        return sorted(row.key for row in self.manifest.records.values() if row.kind == kind)

    def find_counter(self, kind: str, key: str) -> int | None:
        """Return the counter at which a record was written, or None."""
        listed = self.manifest.records.get(self._make_row_id(kind, key).hex())
        return listed.counter if listed else None

    def get(self, kind: str, key: str) -> bytes | None:
        """Return a record, or None.

        Raises:
            VaultDamaged: its row is not the one that was last written.
        """
        row = self._make_row_id(kind, key)
        listed = self.manifest.records.get(row.hex())
        if listed is None:
            return None
        found = self._database.run("SELECT body FROM record WHERE id = ?", (row,)).fetchone()
        what = f"the {kind} of {key!r}"
        if found is None:
            raise VaultDamaged(f"{what} is missing from the vault")
        context = self._make_record_context(kind, key, listed.counter)
        return self._keys.cipher.unseal(found[0], context, what)

    def put(self, kind: str, key: str, body: bytes) -> None:
        """Write a record in place of any earlier one."""
        row = self._make_row_id(kind, key)
        counter = self._advance_counter()
        sealed = self._keys.cipher.seal(body, self._make_record_context(kind, key, counter))
        self._database.run("INSERT OR REPLACE INTO record VALUES (?, ?)", (row, sealed))
        self.manifest.records[row.hex()] = ManifestRecord(kind, key, counter, _read_tag(sealed))

    def delete(self, kind: str, key: str) -> bool:
        """Remove a record; return whether there was one."""
        row = self._make_row_id(kind, key)
        if self.manifest.records.pop(row.hex(), None) is None:
            return False
        self._advance_counter()
        self._database.run("DELETE FROM record WHERE id = ?", (row,))
        return True

    # --------------------------------------------------------------------- log

    def append(self, body: bytes) -> int:
        """Add an entry to the log; return its number."""
        self._advance_counter()
        log = self.manifest.log
        sealed = self._keys.cipher.seal(body, self._make_entry_context(log.following, log.last))
        self._database.run("INSERT INTO log VALUES (?, ?)", (log.following, sealed))
        self.manifest.log = log._replace(following=log.following + 1, last=_read_tag(sealed))
        return log.following

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Yield number and body of each entry in the vault's own file, oldest first.

        Raises:
            VaultDamaged: an entry was changed, removed, added, moved or cut off. The entries
                before it were yielded and are good.
        """
        log = self.manifest.log
        number, before = log.first, log.before
        for seq, sealed in self._database.run("SELECT seq, body FROM log ORDER BY seq"):
            if seq != number:
                raise VaultDamaged(f"entry {number} is missing from the log")
            context = self._make_entry_context(number, before)
            yield number, self._keys.cipher.unseal(sealed, context, f"entry {number} of the log")
            number, before = number + 1, _read_tag(sealed)
        if number != log.following or before != log.last:
            raise VaultDamaged(f"the log was cut off at entry {number}")

    def archive(self, folder: Path, keep: int) -> Path | None:
        """Move all entries except the newest `keep` to a new file; return its path.

        The file is in place before this transaction ends. If the transaction fails, the next
        one overwrites the file.
        """
        log = self.manifest.log
        last = log.following - keep - 1
        if last < log.first:
            return None
        moved = []
        before = log.before
        for number, body in self.entries():
            if number > last:
                break
            moved.append(encode_parts(number, body))
        row = self._database.run("SELECT body FROM log WHERE seq = ?", (last,)).fetchone()
        before = _read_tag(row[0])
        key = os.urandom(KEY_BYTES)
        context = encode_parts("archive", self._keys.vault, log.first, last)
        sealed = AeadCipher(key).seal(b"".join(moved), context)
        path = _make_archive_path(folder, log.first, last)
        replace_private(path, sealed)
        self._advance_counter()
        self._database.run("DELETE FROM log WHERE seq <= ?", (last,))
        made = Archive(log.first, last, key.hex(), _read_tag(sealed))
        self.manifest.log = log._replace(
            first=last + 1, before=before, archives=(*log.archives, made)
        )
        return path

    def archived_entries(self, folder: Path) -> Iterator[tuple[int, bytes]]:
        """Yield number and body of each entry in the archives, oldest first.

        Raises:
            VaultDamaged: an archive is missing or was changed.
        """
        number = 1
        for archive in self.manifest.log.archives:
            path = _make_archive_path(folder, archive.first, archive.last)
            try:
                sealed = path.read_bytes()
            except OSError as error:
                raise VaultDamaged(f"{path} is missing from the log ({error.strerror})") from None
            context = encode_parts("archive", self._keys.vault, archive.first, archive.last)
            plain = AeadCipher(bytes.fromhex(archive.key)).unseal(sealed, context, str(path))
            if archive.first != number:
                raise VaultDamaged(f"entry {number} is missing from the log")
            while plain:
                body, plain = _split_entry(plain)
                yield number, body
                number += 1

    # ------------------------------------------------------------------ within

    def finish(self) -> None:
        """End a transaction: write the manifest if anything changed."""
        if self.changed:
            sealed = self._keys.cipher.seal(self.manifest.to_bytes(), self._make_manifest_context())
            self._database.run("INSERT OR REPLACE INTO manifest VALUES (1, ?)", (sealed,))

    def reseal(self, keys: Keys) -> SealedRecords:
        """Seal everything with other keys, unchanged."""
        rows = list(self.manifest.records.values())
        bodies = [(row, self.get(row.kind, row.key)) for row in rows]
        entries = [body for _, body in self.entries()]
        log = self.manifest.log
        for table in ("record", "log"):
            self._database.run(f"DELETE FROM {table}")  # noqa: S608 - constants, not input
        manifest = Manifest(
            self.manifest.counter, {}, log._replace(following=log.first, last=log.before)
        )
        other = SealedRecords(self._database, keys, manifest)
        for row, body in bodies:
            assert body is not None  # noqa: S101 - for the type checker; the manifest lists it
            other.put(row.kind, row.key, body)
        for body in entries:
            other.append(body)
        other._advance_counter()
        return other

    def _advance_counter(self) -> int:
        """Raise the vault's counter by one, once in each transaction."""
        if not self.changed:
            self.manifest.counter += 1
            self.changed = True
        return self.manifest.counter

    def _read(self) -> Manifest:
        row = self._database.run("SELECT body FROM manifest WHERE id = 1").fetchone()
        if row is None:
            raise VaultDamaged("the vault's manifest is missing")
        plain = self._keys.cipher.unseal(
            row[0], self._make_manifest_context(), "the vault's manifest"
        )
        manifest = Manifest.from_bytes(plain)
        self._compare(manifest)
        return manifest

    def _compare(self, manifest: Manifest) -> None:
        """Compare tags only; the content before a tag is checked when it is opened."""
        listed = {id_: row.tag for id_, row in manifest.records.items()}
        cut = f"substr(body, -{TAG_BYTES})"
        rows = self._database.run(f"SELECT id, {cut} FROM record")  # noqa: S608 - a constant, not input
        if listed != {_to_hex(id_): _to_hex(tag) for id_, tag in rows}:
            raise VaultDamaged(
                "the vault's records are not those that were last written: "
                "one was removed, added, changed, or replaced by an earlier one"
            )
        log: LogHead = manifest.log
        first = self._database.run("SELECT seq FROM log ORDER BY seq LIMIT 1").fetchone()
        last = self._database.run(
            f"SELECT seq, {cut} FROM log ORDER BY seq DESC LIMIT 1"  # noqa: S608 - a constant, not input
        ).fetchone()
        if log.first == log.following:
            is_complete = last is None
        else:
            expected = (log.first,), (log.following - 1, log.last)
            is_complete = last is not None and (first, (last[0], _to_hex(last[1]))) == expected
        if not is_complete:
            raise VaultDamaged("the log was cut off, or entries were added to it")

    def _make_row_id(self, kind: str, key: str) -> bytes:
        return hmac.digest(self._keys.index, encode_parts(kind, key), "sha256")[:16]

    def _make_record_context(self, kind: str, key: str, counter: int) -> bytes:
        return encode_parts("record", self._keys.vault, kind, key, RECORD_FORMAT, counter)

    def _make_entry_context(self, number: int, before: str) -> bytes:
        return encode_parts("log", self._keys.vault, RECORD_FORMAT, number, before)

    def _make_manifest_context(self) -> bytes:
        return encode_parts("manifest", self._keys.vault, RECORD_FORMAT)


def _read_tag(sealed: bytes) -> str:
    return sealed[-TAG_BYTES:].hex()


def _to_hex(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else repr(type(value))


def _make_archive_path(folder: Path, first: int, last: int) -> Path:
    return folder / f"audit-{first:09d}-{last:09d}.sealed"


def _split_entry(plain: bytes) -> tuple[bytes, bytes]:
    """Split the first entry off; `encode_parts` joined them."""
    at = 4 + 8
    size = int.from_bytes(plain[at : at + 4], "big")
    return plain[at + 4 : at + 4 + size], plain[at + 4 + size :]
