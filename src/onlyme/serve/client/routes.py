"""The routes of the REST service, as methods.

Written by tools/rest_client.py from the service's OpenAPI document; do not edit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onlyme.serve.client.transport import Transport, encode_part

if TYPE_CHECKING:
    from onlyme.serve.client import documents, other_documents
    from onlyme.serve.client.transport import Pictures

__all__ = ["Client"]


class Client(Transport):
    """A service; each method is one of its routes, and may raise `RefusedError`.

    Which token a method needs is in docs/reference/rest.md; a token that may see less gets the
    shorter of the documents that a method can return.
    """

    def check_health(
        self,
    ) -> documents.HealthDocument:
        """Report that the service runs, and nothing else."""
        answer: documents.HealthDocument = self.ask("GET", "/v1/health")
        return answer

    def verify(
        self, name: str, frame: Pictures, *, audience: str | None = None, nonce: str | None = None
    ) -> documents.VerdictsDocument | documents.DecidedDocument:
        """Decide whether a picture, or the frames of one capture, show this person.

        Counts as an attempt: after five failures within five minutes the answer is `locked_out`.
        Each of several frames may have 1920×1080 pixels. A token for `verify` that asks for five
        names that are not enrolled must wait as long (429).
        """
        answer: documents.VerdictsDocument | documents.DecidedDocument = self.ask(
            "POST",
            f"/v1/names/{encode_part(name)}/verify",
            {"audience": audience, "nonce": nonce},
            {"frame": frame},
        )
        return answer

    def identify(
        self, frame: Pictures, *, candidates: int | None = None
    ) -> documents.VerdictsDocument | documents.DecidedDocument:
        """Find out which of the enrolled people a picture shows, if any.

        Counts as an attempt to be anybody. With `all=true` every face is decided by itself, the
        largest first, and each counts as an attempt: of a picture of ten strangers, the sixth is
        `locked_out`.
        """
        answer: documents.VerdictsDocument | documents.DecidedDocument = self.ask(
            "POST", "/v1/identify", {"candidates": candidates}, {"frame": frame}
        )
        return answer

    def identify_faces(
        self, frame: Pictures, *, candidates: int | None = None
    ) -> other_documents.FoundFacesDocument | other_documents.FoundFacesInFullDocument:
        """Find out which of the enrolled people a picture shows, if any.

        Counts as an attempt to be anybody. With `all=true` every face is decided by itself, the
        largest first, and each counts as an attempt: of a picture of ten strangers, the sixth is
        `locked_out`.
        """
        answer: other_documents.FoundFacesDocument | other_documents.FoundFacesInFullDocument = (
            self.ask(
                "POST", "/v1/identify", {"candidates": candidates, "all": True}, {"frame": frame}
            )
        )
        return answer

    def detect(self, frame: Pictures) -> other_documents.DetectionsDocument:
        """Find the faces of a picture, the largest first, with landmarks and quality.

        No face is compared with any person, so nothing is counted as an attempt.
        """
        answer: other_documents.DetectionsDocument = self.ask(
            "POST", "/v1/detect", {}, {"frame": frame}
        )
        return answer

    def compare(
        self, first: Pictures, second: Pictures
    ) -> other_documents.ComparedDocument | other_documents.ComparedInFullDocument:
        """Decide whether two pictures show one person, at the rate `far` of the settings.

        Only a token for `scores` or `admin` is told how near they are: with that, a picture could
        be changed until it passes.
        """
        answer: other_documents.ComparedDocument | other_documents.ComparedInFullDocument = (
            self.ask("POST", "/v1/compare", {}, {"first": first, "second": second})
        )
        return answer

    def list_names(
        self,
        *,
        where: str | None = None,
        contains: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[
        documents.PersonDocument | documents.GalleryMemberDocument | documents.OutdatedDocument
    ]:
        """List who is enrolled: the owners in the vault, then the people in the gallery.

        With `limit` or `after`, a page of both together, by name.
        """
        answer: list[
            documents.PersonDocument | documents.GalleryMemberDocument | documents.OutdatedDocument
        ] = self.ask(
            "GET",
            "/v1/names",
            {"where": where, "contains": contains, "after": after, "limit": limit},
        )
        return answer

    def show_name(
        self, name: str
    ) -> documents.PersonDocument | documents.GalleryMemberDocument | documents.OutdatedDocument:
        """Show what is stored of one person, in the vault or in the gallery."""
        answer: (
            documents.PersonDocument | documents.GalleryMemberDocument | documents.OutdatedDocument
        ) = self.ask("GET", f"/v1/names/{encode_part(name)}")
        return answer

    def enroll(
        self,
        name: str,
        me: Pictures,
        not_me: Pictures | None = None,
        look_alikes: Pictures | None = None,
        *,
        add: bool = False,
        look: str | None = None,
        anyway: bool = False,
    ) -> documents.LearnedDocument:
        """Learn a person from photos: one is enough, five are advised."""
        answer: documents.LearnedDocument = self.ask(
            "POST",
            f"/v1/names/{encode_part(name)}",
            {"add": add, "look": look, "anyway": anyway},
            {"me": me, "not_me": not_me, "look_alikes": look_alikes},
        )
        return answer

    def replace(
        self,
        name: str,
        me: Pictures,
        not_me: Pictures | None = None,
        look_alikes: Pictures | None = None,
        *,
        look: str | None = None,
        anyway: bool = False,
    ) -> documents.LearnedDocument:
        """Learn a person from photos, and replace the person of this name."""
        answer: documents.LearnedDocument = self.ask(
            "PUT",
            f"/v1/names/{encode_part(name)}",
            {"look": look, "anyway": anyway},
            {"me": me, "not_me": not_me, "look_alikes": look_alikes},
        )
        return answer

    def forget(self, name: str) -> documents.ForgottenDocument:
        """Erase everything that is stored of a person."""
        answer: documents.ForgottenDocument = self.ask("DELETE", f"/v1/names/{encode_part(name)}")
        return answer

    def rename(self, name: str, to: str) -> documents.RenamedDocument:
        """Give a person another name. Attempts that were counted stay counted."""
        answer: documents.RenamedDocument = self.ask(
            "POST", f"/v1/names/{encode_part(name)}/rename", {"to": to}
        )
        return answer

    def merge(self, name: str, other: str, *, anyway: bool = False) -> documents.TunedDocument:
        """Make one person of two names: the first keeps the examples of both."""
        answer: documents.TunedDocument = self.ask(
            "POST", f"/v1/names/{encode_part(name)}/merge", {"other": other, "anyway": anyway}
        )
        return answer

    def show_tuning(self, name: str) -> documents.TunedDocument:
        """Show a person's alpha, and what it is expected to cost."""
        answer: documents.TunedDocument = self.ask("GET", f"/v1/names/{encode_part(name)}/tune")
        return answer

    def tune(
        self,
        name: str,
        *,
        far: float | None = None,
        alpha: float | None = None,
        preset: str | None = None,
        yes: bool = False,
    ) -> documents.TunedDocument:
        """Set how strictly a person is recognised; send one of `far`, `alpha` and `preset`."""
        answer: documents.TunedDocument = self.ask(
            "POST",
            f"/v1/names/{encode_part(name)}/tune",
            {"far": far, "alpha": alpha, "preset": preset, "yes": yes},
        )
        return answer

    def show_certificate(self, name: str) -> documents.CertificateDocument:
        """Show how often a stranger would be accepted, with the evidence for it."""
        answer: documents.CertificateDocument = self.ask(
            "GET", f"/v1/names/{encode_part(name)}/certificate"
        )
        return answer

    def not_me(
        self, name: str, frame: Pictures, *, yes: bool = False
    ) -> documents.NotMeResultDocument:
        """Teach the face of another person: from now on it is not taken for this one.

        A face that is accepted as this person now may be the person's own, and learning it would
        spoil their recognition: that is refused (409, `looks-like-owner`) unless `yes` is set.
        """
        answer: documents.NotMeResultDocument = self.ask(
            "POST", f"/v1/names/{encode_part(name)}/not-me", {"yes": yes}, {"frame": frame}
        )
        return answer

    def undo_not_me(self, name: str) -> documents.NotMeResultDocument:
        """Take back the last lesson of `not-me`."""
        answer: documents.NotMeResultDocument = self.ask(
            "DELETE", f"/v1/names/{encode_part(name)}/not-me"
        )
        return answer

    def list_people(
        self,
    ) -> list[documents.ListedDocument]:
        """List everybody by name: the owners in the vault and the people in the gallery."""
        answer: list[documents.ListedDocument] = self.ask("GET", "/v1/people")
        return answer

    def list_examples(self, name: str) -> list[documents.StoredExampleDocument]:
        """List what a person was learned from: when, from what, and how good it was."""
        answer: list[documents.StoredExampleDocument] = self.ask(
            "GET", f"/v1/names/{encode_part(name)}/examples"
        )
        return answer

    def remove_example(self, name: str, number: int) -> documents.RemovedDocument:
        """Remove one example, and learn the person again from the others."""
        answer: documents.RemovedDocument = self.ask(
            "DELETE", f"/v1/names/{encode_part(name)}/examples/{encode_part(number)}"
        )
        return answer

    def remove_look(self, name: str, look: str) -> documents.RemovedDocument:
        """Remove all examples of a look, and learn the person again from the others."""
        answer: documents.RemovedDocument = self.ask(
            "DELETE", f"/v1/names/{encode_part(name)}/looks/{encode_part(look)}"
        )
        return answer

    def list_audit(
        self,
        *,
        owner: str | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
    ) -> list[documents.EntryDocument]:
        """List the log, the oldest entry first: attempts, enrollments, changes, erasures."""
        answer: list[documents.EntryDocument] = self.ask(
            "GET", "/v1/audit", {"owner": owner, "since": since, "until": until, "limit": limit}
        )
        return answer

    def show_metrics(
        self,
    ) -> str:
        """Show counts of requests, decisions and waiting jobs; no data about any person."""
        answer: str = self.ask("GET", "/v1/metrics")
        return answer

    def list_keys(
        self,
    ) -> other_documents.JwksDocument:
        """Return the public keys that check assertions, as a JSON Web Key Set."""
        answer: other_documents.JwksDocument = self.ask("GET", "/v1/keys")
        return answer

    def list_events(
        self,
        *,
        before: str | None = None,
        limit: int | None = None,
        since: str | None = None,
        until: str | None = None,
        person: str | None = None,
        camera: str | None = None,
        kind: str | None = None,
    ) -> other_documents.EventPageDocument:
        """List what happened at the doors, the newest event first.

        Events are stored for as long as the setting `events_days` says. No picture is stored.
        """
        answer: other_documents.EventPageDocument = self.ask(
            "GET",
            "/v1/events",
            {
                "before": before,
                "limit": limit,
                "since": since,
                "until": until,
                "person": person,
                "camera": camera,
                "kind": kind,
            },
        )
        return answer

    def export_events(
        self,
        *,
        since: str | None = None,
        until: str | None = None,
        person: str | None = None,
        camera: str | None = None,
        kind: str | None = None,
    ) -> str:
        """Return the events as a table (CSV), the oldest first; at most the newest 100,000."""
        answer: str = self.ask(
            "GET",
            "/v1/events/table",
            {"since": since, "until": until, "person": person, "camera": camera, "kind": kind},
        )
        return answer

    def list_unknown(
        self,
    ) -> other_documents.UnknownListDocument:
        """List the unknown visits that are kept, grouped by person, the largest group first.

        Nothing is kept unless the setting `unknown_days` says for how long.
        """
        answer: other_documents.UnknownListDocument = self.ask("GET", "/v1/unknown")
        return answer

    def show_unknown(self, visit: str) -> bytes:
        """Return the picture of one visit. A browser or proxy may not store it."""
        answer: bytes = self.ask("GET", f"/v1/unknown/pictures/{encode_part(visit)}")
        return answer

    def name_unknown(
        self,
        group: str,
        name: str,
        *,
        yes: bool = False,
        visits: int | None = None,
        add: bool = False,
        anyway: bool = False,
    ) -> other_documents.UnknownNamedDocument:
        """Enroll the person of a group in the gallery under a name, and erase the group."""
        answer: other_documents.UnknownNamedDocument = self.ask(
            "POST",
            f"/v1/unknown/{encode_part(group)}/name",
            {"name": name, "yes": yes, "visits": visits, "add": add, "anyway": anyway},
        )
        return answer

    def erase_unknown(self, group: str) -> other_documents.UnknownErasedDocument:
        """Erase all that is kept of a group, also in backups."""
        answer: other_documents.UnknownErasedDocument = self.ask(
            "DELETE", f"/v1/unknown/{encode_part(group)}"
        )
        return answer

    def embed(self, frame: Pictures) -> other_documents.EmbeddedDocument:
        """Return the embedding of every face of a picture, if the service gives embeddings.

        No face is compared with any person, and none of an enrolled person is given. An embedding
        is biometric data: with it, the person can be found in other collections.
        """
        answer: other_documents.EmbeddedDocument = self.ask(
            "POST", "/v1/embeddings", {}, {"frame": frame}
        )
        return answer
