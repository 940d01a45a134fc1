"""Enroll people, list, change and forget them: the half of `FaceID` that manages people.

Modules that only some methods need are imported in these methods: listing people must not load
the networks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onlyme.errors import refuse_gallery
from onlyme.types import checked_name

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from onlyme.enrollment.photos import Photo
    from onlyme.faceid.adaptation import Adaptation
    from onlyme.faceid.bulk import BulkEnrollment
    from onlyme.faceid.events import UnknownGroup
    from onlyme.faceid.people_list import EnrolledPerson
    from onlyme.faceid.wiring import Parts
    from onlyme.gallery.certificate import GalleryCertificate
    from onlyme.gallery.gallery import GalleryPerson
    from onlyme.siamese.certificate import OwnerCertificate
    from onlyme.siamese.owner import Owner
    from onlyme.types import Enrollment, Example, Lesson, PhotoReport, Tuning
    from onlyme.vault.admin import VaultAdmin

__all__ = ["EnrolledPeople"]


class EnrolledPeople:
    """The people of one `FaceID`.

    Args:
        parts: its parts; `FaceID.open` assembles them.

    Attributes:
        admin: manages the vault: log and attempts, keys, backups, revocation.
    """

    def __init__(self, parts: Parts) -> None:
        self.admin: VaultAdmin = parts.admin
        self._parts = parts
        self._base = parts.base
        self._enrolled = parts.enrolled
        self._store = parts.admin.store
        self._gate = parts.admin.gate

    def names(self) -> list[str]:
        """Return the names of the owners in the vault, in order; see also `gallery_people`."""
        return self._store.names()

    def is_enrolled(self, name: str) -> bool:
        """Return whether a person is in the vault or the gallery; no template is read."""
        name = checked_name(name)
        return self._store.version(name) is not None or self._enrolled.get(name) is not None

    def people(self) -> list[EnrolledPerson]:
        """Return all enrolled people by name: the owners in the vault and those in the gallery."""
        from onlyme.faceid.people_list import list_people

        return list_people(self._enrolled, self._store)

    def owner(self, name: str) -> Owner:
        """Return what is known of an owner in the vault.

        Raises:
            UnknownOwner: no person of that name is in the vault.
            NeedsReenroll: another network made the template.
            VaultDamaged: it cannot be read.
        """
        return self._enrolled.owner(checked_name(name))

    def find_owner(self, name: str) -> Owner:
        """Return what is known of an owner, or of a person in the gallery as if an owner.

        Raises:
            UnknownOwner, NeedsReenroll, VaultDamaged: as for `owner`.
        """
        return self._enrolled.find_owner(checked_name(name))

    def gallery_people(self) -> list[GalleryPerson]:
        """Return the people in the gallery, by name."""
        return self._enrolled.people()

    def get_gallery_person(self, name: str) -> GalleryPerson | None:
        """Return a person in the gallery, or None."""
        return self._enrolled.get(checked_name(name))

    def gallery_certificate(self) -> GalleryCertificate:
        """Return what the gallery promises; see `onlyme.gallery.certificate`."""
        return self._enrolled.certificate()

    def enroll(
        self,
        name: str,
        me: Photo | Iterable[Photo],
        not_me: Photo | Iterable[Photo] = (),
        *,
        look_alikes: Photo | Iterable[Photo] = (),
        add: bool = False,
        replace: bool = False,
        anyway: bool = False,
        look: str = "",
        on_photo: Callable[[PhotoReport], None] | None = None,
    ) -> Enrollment:
        """Learn a person from photos.

        Args:
            name: the person's name; 1 to 64 printable characters.
            me: photos of the person; a folder stands for the pictures in it, a video for some of
                its frames. One is enough, five are advised.
            not_me: photos of others, if there are any.
            look_alikes: photos of others who look like the person, such as siblings.
            add: add to what is enrolled under this name.
            replace: replace what is enrolled under this name.
            anyway: enroll a person who is enrolled under another name as well, and from photos on
                which eyes or mouth seem covered.
            look: a name for the look that these photos of the person show, such as `glasses`; see
                `looks`.
            on_photo: called with the report on each photo as soon as it was looked at.

        Returns:
            A report on each photo, the alpha, and advice.

        Raises:
            OwnerExists: the name is taken, and neither `add` nor `replace` was given.
            SamePerson: the photos show a person who is enrolled under another name.
            EnrollmentError: no photo can be used, or they show different people.
            UsageError: this cannot be a name, or both `add` and `replace` were given.
        """
        from onlyme.faceid.learn import enroll_person

        photos = (me, not_me, look_alikes)
        how = {"add": add, "replace": replace, "anyway": anyway}
        return enroll_person(self._parts, name, photos, on_photo, **how, look=look)

    def examples(self, name: str) -> list[Example]:
        """Return what is known of each example of a person; never its pixels or embedding.

        Of people in the gallery, and of what earlier versions enrolled, that is the number alone.

        Raises:
            UnknownOwner: no person of that name is enrolled.
        """
        from onlyme.faceid.identity import list_examples

        return list_examples(self._parts, name)

    def remove_example(self, name: str, number: int) -> list[str]:
        """Remove one example of a person, and learn the person again from the others.

        What adaptation learned is dropped as well, since the example is part of it.

        Args:
            name: the owner.
            number: of the example, as `examples` gives it.

        Returns:
            Notes on what could not be erased, such as backups.

        Raises:
            UnknownOwner: no person of that name is in the vault.
            UsageError: there is no such example, it is the last one, or the person is in the
                gallery.
        """
        return self.remove_examples(name, [number])

    def remove_examples(self, name: str, numbers: Iterable[int]) -> list[str]:
        """Remove several examples of a person, all or none; see `remove_example`."""
        from onlyme.faceid.identity import remove_examples

        return remove_examples(self._parts, name, numbers)

    def looks(self, name: str) -> dict[str, int]:
        """Return the looks of a person, such as `glasses`, each with the number of its examples.

        `enroll(name, photos, look="glasses", add=True)` adds one.

        Raises:
            UnknownOwner: no person of that name is enrolled.
        """
        from onlyme.faceid.identity import list_looks

        return list_looks(self._parts, name)

    def remove_look(self, name: str, look: str) -> list[str]:
        """Remove all examples of a look; see `remove_example`.

        Raises:
            UnknownOwner: no person of that name is in the vault.
            UsageError: there is no such look, the person has no other example, or is in the
                gallery.
        """
        from onlyme.faceid.identity import remove_look

        return remove_look(self._parts, name, look)

    def enroll_folder(self, folder: str | os.PathLike[str], **options: Any) -> BulkEnrollment:
        """Enroll every person in a folder of folders into the gallery.

        Options and errors are those of `onlyme.faceid.bulk.enroll_people`.
        """
        from onlyme.faceid.bulk import enroll_people

        return enroll_people(self._parts, folder, **options)

    def not_me(self, name: str, image: Photo) -> Lesson:
        """Teach that a face, which was or might be accepted by mistake, is not this person.

        Raises:
            UnknownOwner: no person of that name is enrolled.
            EnrollmentError: the photo shows no face that can be learned, or was taught before.
            ImageError: the picture cannot be used.
        """
        from onlyme.enrollment.not_me import add_lesson, collect_lesson
        from onlyme.faceid.learn import teach_person

        refuse_gallery(name, in_gallery=self._enrolled.is_member(checked_name(name)))
        examples = self.owner(name).examples
        face = collect_lesson(
            self._parts.pipeline(), examples, image, limits=self._base.photo_limits
        )
        return teach_person(self._parts, name, lambda old: add_lesson(old, face))

    def undo_not_me(self, name: str) -> Lesson:
        """Undo the last lesson of `not_me`.

        Raises:
            UnknownOwner: no person of that name is enrolled.
            UsageError: there is no lesson to undo.
        """
        from onlyme.enrollment.not_me import remove_last_lesson
        from onlyme.faceid.learn import teach_person

        return teach_person(self._parts, name, remove_last_lesson)

    def tune(
        self,
        name: str,
        *,
        far: float | None = None,
        preset: str | None = None,
        alpha: float | None = None,
    ) -> Tuning:
        """Set the alpha of a person, by false accept rate or as a margin; or read it.

        Without a choice nothing is changed, and what is in force is returned.

        Args:
            name: the owner.
            far: accept a random stranger at most this often; above 0, below 1.
            preset: the name of such a rate; see `onlyme tune`.
            alpha: the margin that a face must reach, −2 to 2.

        Raises:
            UsageError: more than one was given, or it is out of range.
            NotCalibrated: for this network no alpha stands for a false accept rate.
            UnknownOwner: no person of that name is enrolled.
        """
        from onlyme.faceid.learn import tune_person
        from onlyme.siamese.presets import choose_far

        if far is None and preset is None and alpha is None:
            return self.find_owner(name).tuning()
        far, alpha = choose_far(far=far, preset=preset, alpha=alpha)
        return tune_person(self._parts, name, far=far, alpha=alpha)

    def certificate(self, name: str) -> OwnerCertificate:
        """Return what the alpha of a person promises, and on what ground.

        Raises:
            UnknownOwner: no person of that name is enrolled.
            NotCalibrated: nothing was counted for this network.
        """
        return self.find_owner(name).certificate()

    def rename(self, name: str, new_name: str) -> None:
        """Give a person another name. Attempts that were counted stay counted.

        Backups hold the earlier name; `forget` still finds the person in them.

        Args:
            name: the person, in the vault or in the gallery.
            new_name: 1 to 64 printable characters.

        Raises:
            UnknownOwner: no person of that name is enrolled.
            OwnerExists: the new name is taken.
            UsageError: this cannot be a name, or is the person's own.
        """
        from onlyme.faceid.events import rename_events
        from onlyme.faceid.identity import rename_person

        rename_person(self._parts, name, new_name)
        rename_events(self._parts.settings, self._store, checked_name(name), checked_name(new_name))

    def merge(self, name: str, other: str, *, anyway: bool = False) -> Tuning:
        """Make one person of two names in the vault: the first keeps the examples of both.

        Args:
            name: the name that stays.
            other: the name that is forgotten.
            anyway: merge even if the photos do not look like one person.

        Returns:
            The alpha of the person now.

        Raises:
            UnknownOwner: one of them is not in the vault.
            UsageError: the photos of the other do not look like the person.
        """
        from onlyme.faceid.events import rename_events
        from onlyme.faceid.identity import merge_people

        owner = merge_people(self._parts, name, other, anyway=anyway)
        rename_events(self._parts.settings, self._store, checked_name(other), owner.name)
        return owner.tuning()

    def forget(self, name: str) -> list[str]:
        """Erase everything that is stored of a person; return notes on what could not be erased.

        Raises:
            UnknownOwner: no person of that name is enrolled.
        """
        from onlyme.faceid.backup import forget_in_backups
        from onlyme.faceid.events import erase_events

        name, settings = checked_name(name), self._parts.settings
        notes = []
        if self.is_enrolled(name):  # first in backups: if this is interrupted, it can be repeated
            notes += forget_in_backups(settings, self.admin, self._base, name)
        was_member = self._enrolled.forget([name])  # a restore can give both the same name
        if self._store.version(name) is not None or not was_member:
            notes += self.admin.forget(name)
        return list(dict.fromkeys([*notes, *erase_events(settings, self._store, name)]))

    def unknown_people(self) -> list[UnknownGroup]:
        """Return the unknown visits that are kept (setting `unknown_days`), grouped by person.

        Raises:
            NotCalibrated: among this many people the calibration does not reach the rate.
        """
        from onlyme.faceid.events import list_unknown

        return list_unknown(self._parts)

    def name_unknown(
        self,
        group: str,
        name: str,
        *,
        visits: int | None = None,
        add: bool = False,
        anyway: bool = False,
    ) -> int:
        """Enroll the person of a group of unknown visits in the gallery, and erase the group.

        Args:
            group: its `id`.
            name: 1 to 64 printable characters.
            visits: how many visits of the group were looked at; refused where it has others now.
            add: add to a person of the gallery who has this name.
            anyway: enroll even if the person is enrolled under another name.

        Returns:
            How many embeddings were enrolled.

        Raises:
            NoSuchGroup: there is no such group, or it has changed.
            OwnerExists: the name is taken. SamePerson: the person is enrolled already.
        """
        from onlyme.faceid.identity import name_unknown

        more = {"add": add, "anyway": anyway}
        return name_unknown(self._parts, group, name, visits=visits, **more)

    def erase_unknown(self, groups: Iterable[str] | None = None) -> list[str]:
        """Erase groups of unknown visits, by default all; return notes on what stays."""
        from onlyme.faceid.events import erase_unknown

        return erase_unknown(self._parts, groups)

    def make_adaptation(self) -> Adaptation:
        """Return what adapts templates to their owners; see `onlyme.faceid.adaptation`."""
        from onlyme.faceid.adaptation import Adaptation

        return Adaptation(self._base, self.admin)
