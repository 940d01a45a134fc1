"""Turn people into sealed rows of a store, and rows into people.

A row's key is a keyed hash of the name. Its sealed record holds name and embeddings, and is
bound to the key. Its vector is the person's template in head space, rotated by the gallery's
secret; all people share one rotation, since vectors with rotations of their own could not be
searched. A search only proposes people. Each is then read from the sealed record and decided
by that, so a row or a vector that was swapped, planted or changed cannot open anything.
"""

from __future__ import annotations

import hmac
import json
import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from onlyme.errors import NeedsReenroll, UsageError, VaultDamaged
from onlyme.gallery.stores.protocol import ROW_KEY_BYTES, Row
from onlyme.siamese.distance import dot_rows, normalize
from onlyme.siamese.examples import check_second, make_no_second
from onlyme.storage.crypto import AeadCipher, derive_key, encode_parts
from onlyme.storage.rotation import Rotation
from onlyme.storage.template import Template, from_bytes, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from onlyme.gallery.stores.protocol import TemplateStore
    from onlyme.siamese.head import Base

__all__ = ["SECRET_BYTES", "Gallery", "GalleryPerson", "Salts"]

SECRET_BYTES = 32
_SALTS = "salts"
_BATCH_PEOPLE = 1000


@dataclass(frozen=True, slots=True, eq=False)
class GalleryPerson:
    """One person of the gallery.

    Attributes:
        name: the person's.
        me: float32[m, d], embeddings of the person's photos, m ≥ 1.
        second: float32[m, e], the second look's vectors of the same photos; none where it did
            not see all of them, or where one of the faces was too small for it.
        second_model: sha256 (hex) of the second network that looked at the photos; empty if none
            did.
        created: when the person was enrolled or last changed, in UTC.
        files: for each photo file that was read, its sha256 (hex) and why it was refused; the
            reason is empty for a file that was used.
        record: the sealed record that this was read from; empty for a new person.
    """

    name: str
    me: NDArray[np.float32] = field(repr=False)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    files: dict[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    record: bytes = field(default=b"", repr=False)
    second: NDArray[np.float32] = field(default_factory=make_no_second, repr=False)
    second_model: str = ""

    def has_second(self, model: str) -> bool:
        """Return whether this network saw every photo of the person, and so helps to decide."""
        return self.second_model == model and 0 < len(self.me) == len(self.second)

    def add_photos(self, other: Self) -> Self:
        """Return the person with the photos of another record added.

        The second look's vectors stay only where it saw all photos of both.
        """
        model = self.second_model if self.second_model == other.second_model else ""
        second = make_no_second()
        if self.has_second(model) and len(other.second) == len(other.me):
            second = np.concatenate([self.second, other.second]) if len(other.me) else self.second
        return replace(
            other,
            me=np.concatenate([self.me, other.me]),
            files=self.files | other.files,
            record=self.record,
            second=second,
            second_model=model,
        )


@dataclass(frozen=True, slots=True)
class Salts:
    """The random numbers that the gallery's rotations are derived from.

    Attributes:
        current: the generation that new rows get.
        by_generation: 32 bytes each; two while the gallery is being re-keyed.
    """

    current: int
    by_generation: dict[int, bytes] = field(repr=False)


class Gallery:
    """Many people in one store.

    Args:
        store: keeps the rows.
        secret: 32 bytes from which all of the gallery's keys are derived.
        base: of the network.

    Raises:
        NeedsReenroll: the store's templates were made with another network.
        VaultDamaged: the store was written with another secret.
    """

    def __init__(self, store: TemplateStore, secret: bytes, base: Base) -> None:
        if (store.model, store.dimension) != (base.model, len(base.projection)):
            raise NeedsReenroll(
                "the gallery was enrolled with another network; enroll its people again (onlyme "
                "enroll-folder)"
            )
        self.store = store
        self.base = base
        self._seal = AeadCipher(derive_key(secret, b"", "gallery seal"))
        self._index = derive_key(secret, b"", "gallery index")
        self._transform = derive_key(secret, b"", "gallery transform")
        self._rotations: dict[int, NDArray[np.float32]] = {}
        self._cached_salts: tuple[int, Salts] | None = None
        self._cached_count = (-1, 0)

    def close(self) -> None:
        """Close the store."""
        self._rotations.clear()
        self.store.close()

    def begin(self) -> None:
        """Draw the first salt of an empty gallery."""
        if not self.store.notes() and not len(self):
            self.write_salts(Salts(1, {1: os.urandom(32)}), None)

    # ------------------------------------------------------------------- people

    def get(self, names: Iterable[str]) -> dict[str, GalleryPerson]:
        """Return the people of these names; a name that is not in the gallery is left out.

        Raises:
            VaultDamaged: a row is not the one that was written for its person.
        """
        keys = {self.make_row_key(name): name for name in names}
        return {keys[key]: self.open_row(row) for key, row in self.store.rows(keys).items()}

    def people(self) -> Iterator[GalleryPerson]:
        """Yield all people, in no particular order.

        Raises:
            VaultDamaged: a row is not the one that was written for its person.
        """
        for block in self.store.blocks():
            for row in block:
                yield self.open_row(row)

    def __len__(self) -> int:
        """How many people there are; counted again when the store has changed."""
        version = self.store.version
        if self._cached_count[0] != version:
            self._cached_count = version, self.store.count().rows
        return self._cached_count[1]

    def put(self, people: Sequence[GalleryPerson]) -> list[str]:
        """Write people, each only if the store still holds the `record` that was read.

        Returns:
            Names of those not written, since another process changed them in between.
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
                # The gallery was re-keyed in between: write again, with the new rotation.
                was = {row.key: row.sealed for row in rows if row.key not in refused}
                batch = [person for person in batch if self.make_row_key(person.name) in was]
        return sorted(late)

    def remove(self, names: Iterable[str]) -> int:
        """Erase people from the store and its files; return how many were there."""
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
            k: at most this many for each face.
            exact: compare with all people, without an index.

        Returns:
            For each face the people, the nearest first.

        Raises:
            VaultDamaged: a row is not the one that was written for its person.
        """
        while True:
            salts = self.salts()
            found: list[dict[bytes, float]] = [{} for _ in heads]
            # Earlier generations first: a row that moves in between is found in the later one.
            for generation in sorted(salts.by_generation):
                rotated = normalize(dot_rows(heads, self._load_rotation(generation).T))
                hits = self.store.find_nearest(rotated, k, generation=generation, exact=exact)
                for similarities, new in zip(found, hits, strict=True):
                    similarities.update({hit.key: hit.similarity for hit in new})
            if self.salts().current == salts.current:
                break
            # Re-keying began in between, and rows may have left the generations searched.
        best = [sorted(each, key=lambda key: -each[key])[:k] for each in found]
        rows = self.store.rows({key for keys in best for key in keys})
        people = {key: self.open_row(row) for key, row in rows.items()}
        return [[people[key] for key in keys if key in people] for keys in best]

    def make_template(self, person: GalleryPerson) -> NDArray[np.float32]:
        """Return a person's template in head space, float32[r] of unit length."""
        mean: NDArray[np.float32] = normalize(self.base.project(person.me).mean(axis=0))
        return mean

    # --------------------------------------------------------------------- rows

    def make_row_key(self, name: str) -> bytes:
        """Return 16 bytes that find a name's row and do not reveal the name."""
        return hmac.digest(self._index, name.encode(), "sha256")[:ROW_KEY_BYTES]

    def seal_row(self, person: GalleryPerson, generation: int) -> Row:
        """Make the row of a person: rotated vector and sealed record."""
        key = self.make_row_key(person.name)
        vector = normalize(
            dot_rows(self.make_template(person)[None], self._load_rotation(generation).T)
        )[0]
        values: dict[str, Any] = {"me": person.me, "files": person.files}
        values |= {"second": person.second, "second_model": person.second_model}
        body = to_bytes(Template(person.name, self.base.model, person.created, values))
        return Row(key, generation, self._seal.seal(body, self._make_context(key)), vector)

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
        stored: dict[str, Any] = template.values.get("files", {})  # type: ignore[assignment]  # sealed
        files = {name: (str(digest), str(why)) for name, (digest, why) in stored.items()}
        try:  # rows of earlier versions have none
            second = check_second(template.values.get("second", make_no_second()))
        except (ValueError, UsageError):
            raise VaultDamaged(f"{what} holds vectors that make no sense") from None
        model = str(template.values.get("second_model", ""))
        return GalleryPerson(template.name, me, template.created, files, row.sealed, second, model)

    # -------------------------------------------------------------------- salts

    def salts(self) -> Salts:
        """Return the salts in use.

        Raises:
            VaultDamaged: they are missing, or were written with another secret.
        """
        version = self.store.version
        if self._cached_salts is None or self._cached_salts[0] != version:
            written = self.store.notes().get(_SALTS)
            if written is None:
                raise VaultDamaged(
                    "the store holds no complete gallery: restore it from a backup, or enroll "
                    "its people again (onlyme enroll-folder)"
                )
            self._cached_salts = version, self._open_salts(written)
        return self._cached_salts[1]

    def write_salts(self, salts: Salts, was: Salts | None) -> bool:
        """Write the salts in use, unless another process changed them in between.

        Args:
            salts: in use from now on.
            was: the salts that were read before; None where there were none.

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
        """Return the matrix of a generation's rotation: float32[r, r], for rows on its left."""
        if generation not in self._rotations:
            salt = self.salts().by_generation[generation]
            r = len(self.base.projection)
            seed = derive_key(self._transform, salt, f"rotation {generation} {r}")
            self._rotations[generation] = Rotation(seed, r).rotate(np.eye(r, dtype=np.float32))
        return self._rotations[generation]
