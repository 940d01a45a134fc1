"""Find and identify enrolled people: the owners in the vault and the people in the gallery."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from onlyme.errors import (
    NeedsReenroll,
    NotCalibrated,
    OnlymeError,
    UnknownOwner,
    VaultBusy,
    VaultDamaged,
    refuse_taken,
    unknown_owner,
)
from onlyme.gallery.gallery import SECRET_BYTES, Gallery
from onlyme.siamese.examples import Examples
from onlyme.siamese.owner import Owner
from onlyme.vault.admin import TOLD_EYES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from onlyme.face.pipeline import Observation
    from onlyme.face.second import SecondEmbedding
    from onlyme.gallery.certificate import GalleryCertificate
    from onlyme.gallery.duplicates import FaceGroups
    from onlyme.gallery.gallery import GalleryPerson
    from onlyme.gallery.stores.protocol import TemplateStore
    from onlyme.siamese.head import Base
    from onlyme.types import Decision, Embedding
    from onlyme.vault.store import Store

__all__ = ["GALLERY_FILE", "GALLERY_SECRET", "Enrolled", "collect_untold", "has_gallery"]

GALLERY_FILE = "gallery.sqlite"
"""The file of a gallery in the vault's folder."""

GALLERY_SECRET = _KIND, _KEY = "gallery", "secret"
"""Kind and key of the vault's record that holds the gallery's secret."""


class Enrolled:
    """All enrolled people: the owners in a vault, and the gallery whose secret the vault holds.

    Several threads may use it. The gallery is used by one at a time, under the vault's own lock:
    a second lock could be taken in the other order.

    Args:
        vault: the owners' templates.
        base: the network's head, cohort and calibration.
        open_store: opens the store of the gallery's rows.
        fpir: how often a stranger may be taken for a person in the gallery.
        far: the false accept rate that alpha stands for when a person in the gallery is verified.
        name_model: returns the name of a network by its hash; empty if it is unknown.
    """

    def __init__(
        self,
        vault: Store,
        base: Base,
        open_store: Callable[[], TemplateStore],
        fpir: float,
        far: float,
        name_model: Callable[[str], str] = lambda _: "",
    ) -> None:
        self._vault, self.base, self._open_store = vault, base, open_store
        self.fpir, self._far, self._name_model = fpir, far, name_model
        self._opened: tuple[bytes, Gallery] | None = None
        self._cache: dict[str, tuple[object, Owner]] = {}

    def close(self) -> None:
        """Close the gallery, and empty the cache of owners."""
        with self._vault.lock:
            self._cache.clear()
            if self._opened:
                self._opened[1].close()
            self._opened = None

    @property
    def gallery(self) -> Gallery | None:
        """The gallery, or None if none was ever made.

        Raises:
            VaultError: there should be one, and it cannot be used.
            NeedsReenroll: another network made it.
        """
        secret = self._vault.read(_KIND, _KEY)
        if secret is not None:
            return self._open_gallery(secret)
        if (self._vault.folder / GALLERY_FILE).exists():
            raise VaultDamaged(
                f"the vault {self._vault.folder} does not hold the secret of the gallery beside "
                f"it; restore the vault that does, or remove {GALLERY_FILE}"
            )
        return None

    def ensure_gallery(self) -> Gallery:
        """Return the gallery; make it if there is none.

        Raises:
            VaultError: it cannot be used.
            NeedsReenroll: another network made it.
        """
        if self._vault.read(_KIND, _KEY) is None:
            with self._vault.edit() as edit:
                if edit.read(_KIND, _KEY) is None:  # otherwise another process was faster
                    edit.write(_KIND, _KEY, os.urandom(SECRET_BYTES))
        gallery = self.gallery
        assert gallery is not None  # noqa: S101 - for the type checker; it was just made
        gallery.begin()
        return gallery

    def people(self) -> list[GalleryPerson]:
        """Return the people in the gallery, by name."""
        with self._vault.lock:
            gallery = self.gallery
            people = gallery.people() if gallery else []
        return sorted(people, key=lambda person: person.name)

    def names(self) -> list[str]:
        """Return the names of the people in the gallery, in order."""
        return [person.name for person in self.people()]

    def get(self, name: str) -> GalleryPerson | None:
        """Return a person in the gallery, or None."""
        with self._vault.lock:
            gallery = self.gallery
            return gallery.get([name]).get(name) if gallery else None

    def is_member(self, name: str) -> bool:
        """Return whether a person is in the gallery and not in the vault.

        An owner goes before a person of the gallery who has the same name, as a restored backup
        of the vault alone can bring about.
        """
        return self._vault.version(name) is None and self.get(name) is not None

    def owner(self, name: str) -> Owner:
        """Return what is known of an owner in the vault; people in the gallery are no owners.

        Raises:
            UnknownOwner: no person of that name is in the vault.
            NeedsReenroll: another network made the template.
            VaultDamaged: it cannot be read.
        """
        version = self._vault.version(name)
        cached = self._cache.get(name)
        if cached and cached[0] == version:
            return cached[1]
        template = self._vault.get(name)
        if template is None:
            if self.get(name) is not None:
                raise UnknownOwner(
                    f"{name} is in the gallery, and no owner in the vault: `onlyme certificate "
                    f"{name}` and FaceID.find_owner know both"
                )
            raise unknown_owner(name, self._vault.names())
        if template.needs_reenroll(self.base.model) and (own := self._name_model(template.model)):
            raise NeedsReenroll(
                f"{name} was enrolled with your network {own!r}; add --embedder {own} (or set "
                f"ONLYME_EMBEDDER), or enroll again with --replace"
            )
        return self._add_to_cache(name, version, Owner.from_template(self.base, template))

    def find_owner(self, name: str) -> Owner:
        """Return an owner, or a person in the gallery learned as if they were an owner.

        Raises:
            UnknownOwner: no person of that name is enrolled.
            NeedsReenroll, VaultDamaged: as for `owner`.
        """
        person = self.get(name) if self._vault.version(name) is None else None
        if person is None:
            return self.owner(name)
        cached = self._cache.get(name)
        if cached and cached[0] == person.record:
            return cached[1]
        examples = replace(
            Examples.make_empty(self.base.dimension),
            me=person.me,
            second=person.second,
            second_model=person.second_model,
        )
        owner = Owner.learn(self.base, name, examples, far=self._far)
        return self._add_to_cache(name, person.record, owner)

    def forget(self, names: list[str]) -> int:
        """Erase people from the gallery; return how many of them were in it."""
        for name in names:
            self._cache.pop(name, None)
        with self._vault.lock:
            gallery = self.gallery
            return gallery.remove(names) if gallery else 0

    def identify(self, observations: list[Observation], candidates: int = 0) -> list[Decision]:
        """Return which enrolled person each observation shows; see `onlyme.gallery.identify`.

        Owners whose template another network made are left out until they are enrolled again.
        """
        from onlyme.face.pipeline import time_stage
        from onlyme.gallery.candidates import SecondLook
        from onlyme.gallery.identify import identify_vector

        owners = self.load_owners()
        decisions = []
        for observation in observations:
            assert observation.embedding is not None  # noqa: S101 - for the type checker
            spent: dict[str, float] = {}
            with time_stage(spent, "decide"):
                vector, second = observation.embedding.vector, observation.second
                look = SecondLook(
                    lambda _, one=observation: one.look_again(),  # type: ignore[misc]  # bound now
                    steady=second is not None and second.steady,
                )
                with self._vault.lock:
                    decision = identify_vector(
                        owners, self.gallery, vector, self.fpir, candidates=candidates, look=look
                    )
            decisions.append(decision.add_cost(observation.timings_ms | spent, frames=1))
        return decisions

    def identify_capture(
        self,
        vectors: NDArray[np.float32],
        chances: int = 1,
        seconds: Sequence[SecondEmbedding | None] = (),
    ) -> tuple[Decision, tuple[str, ...]]:
        """Return whom the frames of one capture show, float32[n, d], n ≥ 1.

        Args:
            vectors: the embeddings of its frames.
            chances: the rate is divided by this number; see `onlyme.gallery.identify`.
            seconds: the second look's view of each frame, if there is one.

        Returns:
            The decision; and, where it is `ambiguous`, the names of the two nearest people.

        Raises:
            NotCalibrated: the calibration does not reach this rate among this many people.
        """
        from onlyme.gallery.candidates import SecondLook
        from onlyme.gallery.identify import identify_capture

        def find(row: int) -> Embedding | None:
            one = seconds[row] if seconds else None
            return None if one is None else one.compute()

        look = SecondLook(find, steady=any(one is not None and one.steady for one in seconds))
        with self._vault.lock:
            owners = self.load_owners()
            return identify_capture(owners, self.gallery, vectors, self.fpir, chances, look)

    def find_names(self, vectors: NDArray[np.float32]) -> list[str]:
        """Return for each of float32[m, d] the names of the people that it may show.

        A face that fits two people counts for both; one that fits none is left out.
        """
        from onlyme.gallery.identify import find_matches

        names: list[str] = []
        with self._vault.lock:
            owners, gallery = self.load_owners(), self.gallery
            with suppress(NotCalibrated):  # such a network cannot say who is alike
                for vector in vectors:
                    names += find_matches(owners, gallery, vector, self.fpir)
        return names

    def group_visits(self, visits: Sequence[NDArray[np.float32]]) -> FaceGroups:
        """Group visits by person, each float32[n, d]; see `onlyme.gallery.duplicates`.

        Raises:
            NotCalibrated: the calibration does not reach the rate among this many groups.
        """
        from onlyme.gallery.duplicates import group_faces

        return group_faces(self.base, visits, self.fpir)

    def add_to_gallery(self, name: str, vectors: NDArray[np.float32], *, add: bool) -> None:
        """Enroll a person in the gallery by embeddings, float32[n, d].

        Args:
            name: the person's; not that of an owner in the vault.
            vectors: those that the person has already are left out.
            add: add to a person of this name.

        Raises:
            OwnerExists: the name is taken, and `add` is not given.
            VaultBusy: another process changed the person at the same time.
        """
        from onlyme.gallery.gallery import GalleryPerson

        with self._vault.lock:
            gallery = self.ensure_gallery()
            known = gallery.get([name]).get(name)
            refuse_taken(name, taken=known is not None and not add)
            person = GalleryPerson(name, vectors)
            if known is not None:
                is_new = [not (known.me == one).all(axis=1).any() for one in vectors]
                person = known.add_photos(GalleryPerson(name, vectors[is_new]))
            if gallery.put([person]):
                raise VaultBusy(f"another process changed {name} at the same time; run this again")

    def certificate(self) -> GalleryCertificate:
        """Return how often a stranger is taken for an enrolled person, and how that is known.

        Raises:
            UnknownOwner: there is no gallery.
            NotCalibrated: for this network, or this number of people, nothing can be promised.
        """
        from onlyme.gallery.certificate import make_gallery_certificate

        gallery = self.gallery
        if gallery is None or not len(gallery):
            raise UnknownOwner("the gallery is empty; `onlyme enroll-folder` enrolls people")
        people = len(gallery) + len(self._vault.names())
        return make_gallery_certificate(self.base, people, self.fpir)

    def load_owners(self) -> list[Owner]:
        """Return the owners in the vault; those whom another network enrolled are left out."""
        owners = []
        for name in self._vault.names():
            # Another process may forget an owner after the names were read.
            with suppress(NeedsReenroll, UnknownOwner):
                owners.append(self.owner(name))
        return owners

    def _add_to_cache(self, name: str, version: object, owner: Owner) -> Owner:
        self._cache[name] = version, owner
        return owner

    def _open_gallery(self, secret: bytes) -> Gallery:
        if self._opened is None or self._opened[0] != secret:
            self.close()
            self._opened = secret, Gallery(self._open_store(), secret, self.base)
        return self._opened[1]


def has_gallery(store: Store) -> bool:
    """Return whether a gallery was ever made for this vault."""
    return store.read(_KIND, _KEY) is not None


def collect_untold(
    store: Store, find_owner: Callable[[str], Owner], name: str | None = None
) -> list[str]:
    """Return the owners whose open eyes were not learned, and who were not told so before.

    Attention measures them by the population until they enroll before a camera. The vault
    remembers that they were told; one that cannot be written tells them again.

    Args:
        store: the vault.
        find_owner: returns an owner by name.
        name: the only owner to look at; None: all.
    """
    told = set(store.keys(TOLD_EYES))
    names = [one for one in store.names() if one not in told and name in (None, one)]
    names = [one for one in names if not _knows_eyes(find_owner, one)]
    if names:
        with suppress(OnlymeError, OSError), store.edit() as edit:
            for name in names:
                edit.write(TOLD_EYES, name, b"told")
    return names


def _knows_eyes(find_owner: Callable[[str], Owner], name: str) -> bool:
    try:
        return find_owner(name).knows_eyes
    except OnlymeError:  # what else is wrong with it is said where it is used
        return True
