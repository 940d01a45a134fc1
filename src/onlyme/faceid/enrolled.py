"""Everybody who is enrolled: the owners in the vault, and the gallery where there is one."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from onlyme.errors import NeedsReenroll, UnknownOwner, VaultDamaged, unknown_owner
from onlyme.gallery.gallery import SECRET_BYTES, Gallery
from onlyme.siamese.owner import Examples, Owner

if TYPE_CHECKING:
    from collections.abc import Callable

    from onlyme.face.pipeline import Observation
    from onlyme.gallery.certificate import GalleryCertificate
    from onlyme.gallery.gallery import GalleryPerson
    from onlyme.gallery.stores.protocol import TemplateStore
    from onlyme.siamese.head import Base
    from onlyme.types import Decision
    from onlyme.vault.store import Store

__all__ = ["GALLERY_FILE", "Enrolled"]

GALLERY_FILE = "gallery.sqlite"
"""Of a gallery in the vault's folder."""

_KIND, _KEY = "gallery", "secret"


class Enrolled:
    """The gallery beside a vault, which keeps its secret.

    Args:
        vault: of the owners.
        base: of the network.
        open_store: opens the place where the gallery's rows are.
        fpir: how often a stranger may be taken for somebody in the gallery.
        far: the false accept rate that alpha stands for where one of them is verified.
    """

    def __init__(
        self,
        vault: Store,
        base: Base,
        open_store: Callable[[], TemplateStore],
        fpir: float,
        far: float,
    ) -> None:
        self._vault, self.base, self._store = vault, base, open_store
        self.fpir, self._far = fpir, far
        self._open: tuple[bytes, Gallery] | None = None
        self._read: dict[str, tuple[object, Owner]] = {}

    def close(self) -> None:
        """Let go of the gallery, and forget what was read."""
        self._read.clear()
        if self._open:
            self._open[1].close()
        self._open = None

    @property
    def gallery(self) -> Gallery | None:
        """The gallery, or None where none was ever made.

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
        """Return the gallery, which is made where there is none.

        Raises:
            VaultError: it cannot be used.
            NeedsReenroll: another network made it.
        """
        if self._vault.read(_KIND, _KEY) is None:
            with self._vault.edit() as edit:
                if edit.read(_KIND, _KEY) is None:  # else another process was quicker
                    edit.write(_KIND, _KEY, os.urandom(SECRET_BYTES))
        gallery = self.gallery
        assert gallery is not None  # noqa: S101 - for the type checker; it was just made
        gallery.begin()
        return gallery

    def people(self) -> list[GalleryPerson]:
        """Return everybody in the gallery, by name."""
        gallery = self.gallery
        return sorted(gallery.people(), key=lambda person: person.name) if gallery else []

    def names(self) -> list[str]:
        """Return the names of everybody in the gallery, in order."""
        return [person.name for person in self.people()]

    def get(self, name: str) -> GalleryPerson | None:
        """Return somebody in the gallery, or None."""
        gallery = self.gallery
        return gallery.get([name]).get(name) if gallery else None

    def owner(self, name: str) -> Owner:
        """Return what is known of an owner in the vault; nobody of the gallery is one.

        Raises:
            UnknownOwner: nobody of that name is in the vault.
            NeedsReenroll: another network made the template.
            VaultDamaged: it cannot be read.
        """
        version = self._vault.version(name)
        held = self._read.get(name)
        if held and held[0] == version:
            return held[1]
        template = self._vault.get(name)
        if template is None:
            raise unknown_owner(name, self._vault.names())
        return self._remember(name, version, Owner.from_template(self.base, template))

    def find_owner(self, name: str) -> Owner:
        """Return an owner, or somebody in the gallery, learned as if they were one.

        Raises:
            UnknownOwner: nobody of that name is enrolled.
            NeedsReenroll, VaultDamaged: as for `owner`.
        """
        person = self.get(name) if self._vault.version(name) is None else None
        if person is None:
            return self.owner(name)
        held = self._read.get(name)
        if held and held[0] == person.record:
            return held[1]
        examples = replace(Examples.make_empty(self.base.dimension), me=person.me)
        learned = Owner.learn(self.base, name, examples, far=self._far)
        return self._remember(name, person.record, learned)

    def forget(self, names: list[str]) -> int:
        """Erase people from the gallery; return how many of them were in it."""
        for name in names:
            self._read.pop(name, None)
        gallery = self.gallery
        return gallery.remove(names) if gallery else 0

    def identify(self, observations: list[Observation]) -> list[Decision]:
        """Find out whom each sight of a face shows, if anybody; see `identification`.

        Whoever must be enrolled again is nobody meanwhile.
        """
        from onlyme.face.pipeline import time_stage
        from onlyme.gallery.identify import identify_vector

        owners = []
        for name in self._vault.names():
            # Another process may forget somebody between the two looks.
            with suppress(NeedsReenroll, UnknownOwner):
                owners.append(self.owner(name))
        decisions = []
        for sight in observations:
            assert sight.embedding is not None  # noqa: S101 - for the type checker
            spent: dict[str, float] = {}
            with time_stage(spent, "decide"):
                vector = sight.embedding.vector
                decision = identify_vector(owners, self.gallery, vector, self.fpir)
            decisions.append(decision.add_cost(sight.timings_ms | spent, frames=1))
        return decisions

    def certificate(self) -> GalleryCertificate:
        """Say how often a stranger is taken for somebody, and on what ground.

        Raises:
            UnknownOwner: there is no gallery.
            NotCalibrated: nothing can be promised for this network, or among so many people.
        """
        from onlyme.gallery.certificate import make_gallery_certificate

        gallery = self.gallery
        if gallery is None or not len(gallery):
            raise UnknownOwner("nobody is in the gallery; `onlyme enroll-folder` enrolls people")
        people = len(gallery) + len(self._vault.names())
        return make_gallery_certificate(self.base, people, self.fpir)

    def _remember(self, name: str, version: object, owner: Owner) -> Owner:
        self._read[name] = version, owner
        return owner

    def _open_gallery(self, secret: bytes) -> Gallery:
        if self._open is None or self._open[0] != secret:
            self.close()
            self._open = secret, Gallery(self._store(), secret, self.base)
        return self._open[1]
