"""Turn answers into JSON documents: the same on the command line and over the network."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from json import dumps
from typing import TYPE_CHECKING, Any

from onlyme.errors import NeedsReenroll, UnknownOwner, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from onlyme.gallery.gallery import GalleryPerson
    from onlyme.gate.audit import AuditEntry
    from onlyme.siamese.owner import Owner
    from onlyme.types import Decision, Enrollment, Example, Face
    from onlyme.verification.visits import Presence

__all__ = [
    "defuse_formulas",
    "dump_json",
    "read_stored_examples",
    "serialize_decision",
    "serialize_enrollment",
    "serialize_entry",
    "serialize_example",
    "serialize_found",
    "serialize_owner",
    "serialize_owners",
    "serialize_person",
    "serialize_presence",
]


_FORMULA_SIGNS = frozenset("=+-@\t\r\n＝＋－＠")  # some programs take wide signs, too


def dump_json(document: Any, indent: int | None = 2) -> str:
    """Write a document as JSON: times in ISO 8601, names in their own letters."""
    return dumps(
        document, indent=indent, ensure_ascii=False, allow_nan=False, default=_convert_value
    )


def defuse_formulas(values: dict[str, Any]) -> dict[str, Any]:
    """Keep spreadsheet programs from running a text as a formula, as OWASP advises for CSV.

    >>> defuse_formulas({"name": "=1+1", "photos": 2})
    {'name': "'=1+1", 'photos': 2}
    """
    return {
        key: f"'{value}" if isinstance(value, str) and value[:1] in _FORMULA_SIGNS else value
        for key, value in values.items()
    }


def serialize_decision(decision: Decision) -> dict[str, Any]:
    """Return a decision as the JSON document of `verify --json`."""
    document = asdict(decision)
    if decision.candidates is None:
        del document["candidates"]  # it was not asked for
    document["timings_ms"] = {k: round(v, 3) for k, v in decision.timings_ms.items()}
    return document


def serialize_found(face: Face, decision: Decision) -> dict[str, Any]:
    """Return one face as an entry of `identify --all --json`."""
    box = [round(float(value), 1) for value in face.box]
    return {"box": box, "score": round(face.score, 3)} | serialize_decision(decision)


def serialize_presence(presence: Presence) -> dict[str, Any]:
    """Return a person in view as one line of `watch --everybody --json`."""
    about = {
        "event": presence.event,
        "camera": presence.camera,
        "track": presence.id,
        "since": presence.since,
        "at": presence.at,
        "verdict": presence.verdict,
        "names": list(presence.names),
    }
    return about | serialize_found(presence.face, presence.decision)


def serialize_enrollment(enrollment: Enrollment) -> dict[str, Any]:
    """Return an enrollment as the JSON document of `enroll --json`."""
    return asdict(enrollment) | {"taken": enrollment.taken}


def serialize_owner(owner: Owner) -> dict[str, Any]:
    """Return an owner as one entry of `list --json`, without any embedding."""
    return {
        "name": owner.name,
        "where": "vault",
        "needs_reenroll": False,
        "photos": len(owner.examples.me),
        "not_me": len(owner.examples.not_me),
        "look_alikes": len(owner.examples.look_alikes),
        "alpha": owner.alpha,
        "far": owner.far,
        "created": owner.created,
    }


def serialize_person(person: GalleryPerson) -> dict[str, Any]:
    """Return a person in the gallery as one entry of `list --json`."""
    return {
        "name": person.name,
        "where": "gallery",
        "needs_reenroll": False,
        "photos": len(person.me),
        "created": person.created,
    }


def read_stored_examples(values: Mapping[str, Any]) -> tuple[Example, ...]:
    """Return what a template's values say of its examples; empty where they make no sense."""
    from onlyme.siamese.examples import read_notes

    try:
        return read_notes(values)[0]
    except (ValueError, TypeError, KeyError, UsageError):
        return ()


def serialize_example(example: Example) -> dict[str, Any]:
    """Return one example as an entry of `examples --json`, without any embedding."""
    checks = example.quality.checks if example.quality else ()
    return {
        "number": example.number,
        "added": example.added.isoformat() if example.added else None,
        "kind": example.kind,
        "look": example.look,
        "quality": [
            {"name": check.name, "value": check.value, "unit": check.unit} for check in checks
        ],
    }


def serialize_owners(
    names: Iterable[str], find_owner: Callable[[str], Owner]
) -> list[dict[str, Any]]:
    """Return the document of `list --json`; one outdated template does not hide the others."""
    documents = []
    for name in names:
        try:
            documents.append(serialize_owner(find_owner(name)))
        except NeedsReenroll:
            documents.append({"name": name, "where": "vault", "needs_reenroll": True})
        except UnknownOwner:  # forgotten after the names were read
            continue
    return documents


def serialize_entry(entry: AuditEntry) -> dict[str, Any]:
    """Return one line of the log as an entry of `audit --json`."""
    return entry._asdict()


def _convert_value(value: object) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
