"""The gallery: many people, each a row that only this gallery can make and read.

People come in by name and embeddings; rows go to a store, and come back from a search. A
row's key is a keyed hash of the name. Its sealed record holds name and embeddings, bound to
the key. Its vector is the person's template in head space, turned by the gallery's rotation:
one for all, since rotations of their own would forbid searching. A search only proposes;
whoever it proposes is read from the sealed record and judged by that, so neither vectors nor
rows that somebody swapped, planted or bent can open anything.
"""

from __future__ import annotations

import hmac
import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.errors import NeedsReenroll, VaultDamaged
from onlyme.gallery.stores.protocol import ROW_KEY_BYTES, Row
from onlyme.siamese.distance import dot_rows, normalize
from onlyme.storage.crypto import AeadCipher, derive_key, encode_parts
from onlyme.storage.rotation import Rotation
from onlyme.storage.template import Template, from_bytes, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from onlyme.gallery.stores.protocol import TemplateStore
    from onlyme.siamese import Base

__all__ = ["SECRET_BYTES", "Gallery", "GalleryPerson", "Salts"]

SECRET_BYTES = 32
_SALTS = "salts"
_BATCH_PEOPLE = 1000


@dataclass(frozen=True, slots=True, eq=False)
class GalleryPerson:
    """Somebody in the gallery.

    Attributes:
        name: who.
        me: float32[m, d], embeddings of the person's photos, m ≥ 1.
        created: when they were enrolled or last changed, in UTC.
        files: for each photo file that was looked at, its sha256 (hex) and why it was refused;
            an empty reason for one that was taken.
        record: the sealed record that this was read from; empty for somebody new.
    """

    name: str
    me: NDArray[np.float32] = field(repr=False)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    files: dict[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    record: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Salts:
    """What the gallery's rotations are drawn from.

    Attributes:
        current: the generation that rows are written in.
        by_generation: 32 bytes each; more than one while the gallery is being re-keyed.
    """

    current: int
    by_generation: dict[int, bytes] = field(repr=False)


class Gallery:
    """Many people in one store.

    Args:
        store: keeps the rows.
        secret: 32 bytes, what all of the gallery's keys are derived from.
        base: head, cohort and calibration of the network.

    Raises:
        NeedsReenroll: the store's templates were made by another network.
        VaultDamaged: the store was written with another secret.
    """

    def __init__(self, store: TemplateStore, secret: bytes, base: Base) -> None:
        if (store.model, store.dimension) != (base.model, len(base.projection)):
            raise NeedsReenroll("the gallery was enrolled with another network; enroll again")
        self.store = store
        self.base = base
        self._seal = AeadCipher(derive_key(secret, b"", "gallery seal"))
        self._index = derive_key(secret, b"", "gallery index")
        self._transform = derive_key(secret, b"", "gallery transform")
        self._turns: dict[int, NDArray[np.float32]] = {}
        self._seen: tuple[int, Salts] | None = None
        self._counted = (-1, 0)

    def close(self) -> None:
        """Let go of the store."""
        self._turns.clear()
        self.store.close()

    def begin(self) -> None:
        """Draw the first rotation of an empty gallery."""
        if not self.store.notes() and not len(self):
            self.write_salts(Salts(1, {1: os.urandom(32)}), None)

    # ------------------------------------------------------------------- people

    def get(self, names: Iterable[str]) -> dict[str, GalleryPerson]:
        """Return those of the people named who are in the gallery.

        Raises:
            VaultDamaged: a row is not the one that was written for its person.
        """
        keys = {self.make_row_key(name): name for name in names}
        return {keys[key]: self.open_row(row) for key, row in self.store.rows(keys).items()}

    def people(self) -> Iterator[GalleryPerson]:
        """Yield everybody, in no order that means anything.

        Raises:
            VaultDamaged: a row is not the one that was written for its person.
        """
        for block in self.store.blocks():
            for row in block:
                yield self.open_row(row)

    def __len__(self) -> int:
        """How many people there are; counted anew when the store has changed."""
        version = self.store.version
        if self._counted[0] != version:
            self._counted = version, self.store.count().rows
        return self._counted[1]

    def put(self, people: Sequence[GalleryPerson]) -> list[str]:
        """Write people, each in place of what was read of them: `record`, or nothing.

        Returns:
            Names of those left alone, since somebody else wrote them meanwhile.
        """
        late: set[str] = set()
        for start in range(0, len(people), _BATCH_PEOPLE):
            batch = people[start : start + _BATCH_PEOPLE]
            was = {self.make_row_key(person.name): person.record or None for person in batch}
            while True:
                salts = self.salts()
                rows = [self.seal_row(person, salts.current) for person in batch]
                refused = self.store.replace(rows, was)
                late |= {p.name for p in batch if self.make_row_key(p.name) in refused}
                if self.salts().current == salts.current:
                    break
                # The gallery was re-keyed meanwhile: once more, with the new rotation.
                was = {row.key: row.sealed for row in rows if row.key not in refused}
                batch = [person for person in batch if self.make_row_key(person.name) in was]
        return sorted(late)

    def remove(self, names: Iterable[str]) -> int:
        """Erase people, leaving nothing of them in the store; return how many there were."""
        count = self.store.remove([self.make_row_key(name) for name in names])
        if count:
            self.store.scrub()
        return count

    # ---------------------------------------------------------------- searching

    def find_nearest(
        self, heads: NDArray[np.float32], k: int, *, exact: bool = False
    ) -> list[list[GalleryPerson]]:
        """Find the people whose templates are nearest to each face.

        Args:
            heads: float32[n, r], faces in head space.
            k: at most so many for each.
            exact: look at everybody, whatever index there is.

        Returns:
            For each face the people, the nearest first.

        Raises:
            VaultDamaged: a row is not the one that was written for its person.
        """
        while True:
            salts = self.salts()
            found: list[dict[bytes, float]] = [{} for _ in heads]
            # Earlier generations first: a row that is turned meanwhile is found by the later.
            for generation in sorted(salts.by_generation):
                turned = normalize(dot_rows(heads, self._load_rotation(generation).T))
                hits = self.store.find_nearest(turned, k, generation=generation, exact=exact)
                for mine, theirs in zip(found, hits, strict=True):
                    mine.update({hit.key: hit.similarity for hit in theirs})
            if self.salts().current == salts.current:
                break
            # A renewal began meanwhile, and rows may have left the generations searched.
        best = [sorted(mine, key=lambda key: -mine[key])[:k] for mine in found]
        rows = self.store.rows({key for keys in best for key in keys})
        people = {key: self.open_row(row) for key, row in rows.items()}
        return [[people[key] for key in keys if key in people] for keys in best]

    def make_template(self, person: GalleryPerson) -> NDArray[np.float32]:
        """float32[r] of unit length: what stands for a person in head space."""
        mean: NDArray[np.float32] = normalize(self.base.project(person.me).mean(axis=0))
        return mean

    # --------------------------------------------------------------------- rows

    def make_row_key(self, name: str) -> bytes:
        """16 bytes that find a name's row and tell nobody the name."""
        return hmac.digest(self._index, name.encode(), "sha256")[:ROW_KEY_BYTES]

    def seal_row(self, person: GalleryPerson, generation: int) -> Row:
        """Turn and seal a person."""
        key = self.make_row_key(person.name)
        turned = normalize(
            dot_rows(self.make_template(person)[None], self._load_rotation(generation).T)
        )[0]
        values: dict[str, Any] = {"me": person.me, "files": person.files}
        body = to_bytes(Template(person.name, self.base.model, person.created, values))
        return Row(key, generation, self._seal.seal(body, self._make_context(key)), turned)

    def open_row(self, row: Row) -> GalleryPerson:
        """Read a row that `seal_row` made.

        Raises:
            VaultDamaged: it is not the one that was written for its key.
        """
        what = "a person's row in the gallery"
        template = from_bytes(self._seal.unseal(row.sealed, self._make_context(row.key), what))
        me = template.values.get("me")
        if not isinstance(me, np.ndarray) or me.ndim != 2 or not len(me):
            raise VaultDamaged(f"{what} holds no embeddings")
        looked_at: dict[str, Any] = template.values.get("files", {})  # type: ignore[assignment]
        files = {name: (str(digest), str(why)) for name, (digest, why) in looked_at.items()}
        return GalleryPerson(template.name, me, template.created, files, row.sealed)

    # -------------------------------------------------------------------- salts

    def salts(self) -> Salts:
        """Return the rotations in use.

        Raises:
            VaultDamaged: they are missing, or were written with another secret.
        """
        version = self.store.version
        if self._seen is None or self._seen[0] != version:
            written = self.store.notes().get(_SALTS)
            if written is None:
                raise VaultDamaged(
                    "the gallery is not where it was: restore it from a backup, or enroll its "
                    "people again (onlyme enroll-folder)"
                )
            self._seen = version, self._open_salts(written)
        return self._seen[1]

    def write_salts(self, salts: Salts, was: Salts | None) -> bool:
        """Write the rotations in use, unless somebody else was quicker.

        Args:
            salts: from now on.
            was: what was read before; None where there was nothing.

        Returns:
            Whether they were written.
        """
        written = self.store.notes().get(_SALTS)
        if (self._open_salts(written) if written else None) != was:
            return False
        document = {str(number): salt.hex() for number, salt in salts.by_generation.items()}
        body = json.dumps({"current": salts.current, "salts": document}).encode()
        return self.store.note(_SALTS, self._seal.seal(body, self._make_context(_SALTS)), written)

    def _open_salts(self, written: bytes) -> Salts:
        body = self._seal.unseal(
            written, self._make_context(_SALTS), "the record of the gallery's salts"
        )
        document = json.loads(body)
        salts = {int(number): bytes.fromhex(salt) for number, salt in document["salts"].items()}
        return Salts(int(document["current"]), salts)

    def _make_context(self, key: bytes | str) -> bytes:
        return encode_parts("gallery", self.base.model, key)

    def _load_rotation(self, generation: int) -> NDArray[np.float32]:
        """float32[r, r]: the rotation of a generation, as a matrix, for rows on its left."""
        if generation not in self._turns:
            salt = self.salts().by_generation[generation]
            r = len(self.base.projection)
            seed = derive_key(self._transform, salt, f"rotation {generation} {r}")
            self._turns[generation] = Rotation(seed, r).rotate(np.eye(r, dtype=np.float32))
        return self._turns[generation]
