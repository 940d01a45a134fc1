"""The stored examples of a person are listed and removed one by one, or by look."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread

import numpy as np
import pytest

from onlyme import ExampleKind, Frame, OnlymeError, Reason, UnknownOwner, UsageError, VaultDamaged
from onlyme.faceid.adaptation import AdaptationOutcome
from onlyme.gate.audit import Event
from onlyme.siamese.examples import Examples
from onlyme.siamese.owner import Owner
from onlyme.testing import draw_face, open_face_id
from tests.faceid.test_identity import enroll_in_gallery, photos_of


@pytest.fixture
def face_id(tmp_path):
    with open_face_id(tmp_path / "vault") as opened:
        opened.enroll("ada", photos_of("ada"))
        opened.enroll("ada", photos_of("ada", 10), look="glasses", add=True)
        opened.enroll("bob", photos_of("bob"))
        yield opened


def numbers(face_id, name="ada"):
    return [one.number for one in face_id.examples(name)]


def test_examples_say_when_from_what_and_how_good(face_id):
    first, *_, last = face_id.examples("ada")
    assert numbers(face_id) == [1, 2, 3, 4, 5, 6]
    assert abs(first.added - datetime.now(UTC)) < timedelta(hours=1)
    assert (first.kind, first.look, last.look) == (ExampleKind.PHOTO, "", "glasses")
    assert first.quality.ok
    assert {"size", "sharpness"} < {check.name for check in first.quality.checks}
    assert face_id.looks("ada") == {"glasses": 3}
    assert face_id.looks("bob") == {}


def test_no_pixel_and_no_embedding_is_in_them(face_id):
    owner = face_id.owner("ada")
    told = repr(face_id.examples("ada"))
    for vector in owner.examples.me:
        assert not any(repr(float(number))[:8] in told for number in vector)


def test_kinds_are_told_apart(face_id):
    pixels = [draw_face("cem", number) for number in range(4)]
    embedding = face_id.pipeline.look(pixels[3]).embedding
    frames = [
        pixels[0],
        Frame(pixels[1], "camera 0", 0.5),
        Frame(pixels[2], "clip.mp4", 0.5),
        embedding,
    ]
    face_id.enroll("cem", frames)
    kinds = [str(one.kind) for one in face_id.examples("cem")]
    assert kinds == ["photo", "camera", "video", "embedding"]
    assert face_id.examples("cem")[3].quality is None


def test_removing_one_learns_again_from_the_others(face_id):
    before = face_id.owner("ada")
    assert face_id.remove_example("ada", 2) == []
    assert numbers(face_id) == [1, 3, 4, 5, 6]
    after = face_id.owner("ada")
    expected = before.examples.me[[0, 2, 3, 4, 5]]
    np.testing.assert_allclose(after.examples.me, expected, atol=1e-6)
    fresh = Owner.learn(
        face_id._base, "ada", replace(before.examples, me=expected, notes=()), far=before.promised
    )
    np.testing.assert_allclose(after.learned.template, fresh.learned.template, atol=1e-5)
    assert after.far == pytest.approx(before.far)
    assert face_id.verify("ada", draw_face("ada", 20)).accepted
    last = list(face_id.admin.gate.audit.entries())[-1]
    assert (last.event, last.owner, last.detail) == (Event.REMOVE, "ada", "example 2")
    face_id.admin.gate.audit.verify()


def test_a_number_is_not_given_again(face_id):
    face_id.remove_example("ada", 6)
    face_id.enroll("ada", draw_face("ada", 30), add=True)
    assert numbers(face_id) == [1, 2, 3, 4, 5, 7]


def test_a_look_is_removed_whole(face_id):
    face_id.enroll("ada", photos_of("ada", 20), look="hat", add=True)
    assert face_id.looks("ada") == {"glasses": 3, "hat": 3}
    face_id.remove_look("ada", "glasses")
    assert face_id.looks("ada") == {"hat": 3}
    assert numbers(face_id) == [1, 2, 3, 7, 8, 9]
    details = [line.detail for line in face_id.admin.gate.audit.entries("ada")]
    assert details[-1] == "look glasses, 3 of 9 examples"
    assert "look hat" in details[-2]


def test_several_go_at_once_or_none(face_id):
    with pytest.raises(UsageError, match="no example 99"):
        face_id.remove_examples("ada", [1, 99])
    assert numbers(face_id) == [1, 2, 3, 4, 5, 6]
    face_id.remove_examples("ada", [1, 5])
    assert numbers(face_id) == [2, 3, 4, 6]


@pytest.mark.parametrize(
    "remove",
    [
        lambda it: it.remove_examples("bob", [1, 2, 3]),
        lambda it: it.remove_look("eve", "hat"),
    ],
)
def test_the_last_example_stays_and_the_message_says_forget(face_id, remove):
    face_id.enroll("eve", photos_of("eve"), look="hat")
    with pytest.raises(UsageError, match="onlyme forget"):
        remove(face_id)
    assert len(face_id.examples("bob")) == len(face_id.examples("eve")) == 3


@pytest.mark.parametrize(
    "call",
    [
        lambda it: it.examples("nobody"),
        lambda it: it.looks("nobody"),
        lambda it: it.remove_example("nobody", 1),
        lambda it: it.remove_look("nobody", "hat"),
    ],
)
def test_a_person_who_is_not_enrolled(face_id, call):
    with pytest.raises(UnknownOwner):
        call(face_id)


@pytest.mark.parametrize(
    "call",
    [
        lambda it: it.remove_example("ada", 0),
        lambda it: it.remove_example("ada", -1),
        lambda it: it.remove_example("ada", True),
        lambda it: it.remove_examples("ada", []),
        lambda it: it.remove_look("ada", ""),
        lambda it: it.remove_look("ada", "hat"),
        lambda it: it.remove_look("ada", 5),
        lambda it: it.enroll("ada", photos_of("ada", 30), look="a\x1b[2J", add=True),
        lambda it: it.enroll("ada", photos_of("ada", 30), look="x" * 65, add=True),
    ],
)
def test_what_makes_no_sense_changes_nothing(face_id, call):
    before = face_id.examples("ada")
    with pytest.raises(OnlymeError):
        call(face_id)
    assert face_id.examples("ada") == before


def test_people_of_the_gallery_are_listed_and_their_message_says_what_to_do(face_id):
    enroll_in_gallery(face_id, "cem", "dia")
    assert numbers(face_id, "cem") == [1, 2, 3]
    with pytest.raises(UsageError, match="gallery"):
        face_id.remove_example("cem", 1)


def test_other_examples_and_the_tuning_stay(face_id):
    face_id.not_me("ada", draw_face("cem"))
    face_id.tune("ada", alpha=0.4)
    face_id.remove_example("ada", 1)
    owner = face_id.owner("ada")
    assert (len(owner.examples.lessons), owner.alpha, owner.promised) == (1, 0.4, None)


def test_revoking_and_merging_keep_the_list(face_id):
    before = face_id.examples("ada")
    face_id.admin.revoke("ada")
    assert face_id.examples("ada") == before
    face_id.enroll("eve", photos_of("ada", 40), look="hat", anyway=True)
    face_id.merge("ada", "eve")
    assert numbers(face_id) == list(range(1, 10))
    assert face_id.looks("ada") == {"glasses": 3, "hat": 3}
    face_id.rename("ada", "ava")
    assert face_id.looks("ava") == {"glasses": 3, "hat": 3}


def test_the_measures_of_eyes_go_with_their_example(face_id):
    owner = face_id.owner("ada")
    assert all(note.has_eyes for note in owner.examples.notes)
    assert len(owner.eyes) == 6
    marked = replace(owner, eyes=np.arange(12, dtype=np.float32).reshape(6, 2))
    after = marked.remove_examples(face_id._base, {2, 6})
    np.testing.assert_array_equal(after.eyes, marked.eyes[[0, 2, 3, 4]])
    older = replace(owner, eyes=np.arange(16, dtype=np.float32).reshape(8, 2))
    after = older.remove_examples(face_id._base, {1})
    np.testing.assert_array_equal(after.eyes, older.eyes[[0, 1, 3, 4, 5, 6, 7]])
    full = replace(owner, eyes=owner.eyes[:2])  # the newest two
    assert len(full.remove_examples(face_id._base, {1, 6}).eyes) == 1
    none = replace(owner, eyes=owner.eyes[:0])
    assert len(none.remove_examples(face_id._base, {1}).eyes) == 0


def test_what_adaptation_learned_goes_too(face_id):
    """The mean that it learned was drawn towards the removed photo, and judged by it."""
    adaptation, now = face_id.make_adaptation(), datetime.now(UTC)
    adaptation.set_consent("ada", consent=True)
    outcomes = [
        adaptation.confirm(
            "ada", face_id.owner("ada").examples.me[number % 3], now + timedelta(days=number)
        )
        for number in range(7)
    ]
    assert AdaptationOutcome.LEARNED in outcomes
    assert adaptation.read_status("ada").waiting
    assert len(face_id.owner("ada").examples.learned) == 1
    face_id.remove_example("ada", 1)
    assert len(face_id.owner("ada").examples.learned) == 0
    status = adaptation.read_status("ada")
    assert (status.consent, status.waiting, status.learned) == (True, 0, None)


def test_backups_that_hold_it_are_told(face_id):
    face_id.admin.backup()
    (note,) = face_id.remove_example("ada", 1)
    assert "backup" in note


def test_two_programs_that_remove_at_once_leave_one(tmp_path):
    with open_face_id(tmp_path) as one, open_face_id(tmp_path) as two:
        one.enroll("ada", photos_of("ada"))
        refused = []

        def remove(face_id, choice):
            try:
                face_id.remove_examples("ada", choice)
            except UsageError as error:
                refused.append(str(error))

        threads = [Thread(target=remove, args=pair) for pair in ((one, [1, 2]), (two, [2, 3]))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(refused) == 1
        assert len(one.examples("ada")) == len(two.examples("ada")) == 1


# ------------------------------------------------------------------ templates of other versions


def change(face_id, **values):
    """Write the template of ada with other values; None removes one."""
    with face_id.admin.store.edit() as edit:
        template = edit.get("ada")
        changed = {**template.values, **values}
        changed = {key: value for key, value in changed.items() if value is not None}
        edit.put(replace(template, values=changed))


def test_a_template_of_an_earlier_version_is_read_and_changed(face_id):
    change(face_id, notes=None, numbered=None)
    assert numbers(face_id) == [1, 2, 3, 4, 5, 6]
    old = face_id.examples("ada")[0]
    assert (old.added, old.kind, old.quality, old.look) == (None, "unknown", None, "")
    face_id.enroll("ada", draw_face("ada", 30), look="hat", add=True)
    face_id.remove_example("ada", 6)
    assert numbers(face_id) == [1, 2, 3, 4, 5, 7]
    assert face_id.looks("ada") == {"hat": 1}
    assert face_id.verify("ada", draw_face("ada", 31)).reason is Reason.MATCH


GOOD = {"number": 1, "added": None, "kind": "photo", "quality": [], "look": "", "eyes": False}


@pytest.mark.parametrize(
    "notes",
    [
        [json.dumps(GOOD)],  # fewer than the examples
        [json.dumps(GOOD)] * 6,  # one number twice
        [json.dumps({**GOOD, "number": n, "look": "\x1b[2J"}) for n in range(1, 7)],
        [json.dumps({**GOOD, "number": n, "look": []}) for n in range(1, 7)],
        [json.dumps({**GOOD, "number": n, "added": "0001-01-01T00:00+23:00"}) for n in range(1, 7)],
        [json.dumps({**GOOD, "number": n, "added": 5}) for n in range(1, 7)],
        [json.dumps({**GOOD, "number": n, "kind": "film"}) for n in range(1, 7)],
        [json.dumps({**GOOD, "number": n, "quality": [["a", float("nan"), ""]]}) for n in range(6)],
        [json.dumps({**GOOD, "number": n, "quality": [["a", 1, "\n"]]}) for n in range(1, 7)],
        [json.dumps({**GOOD, "number": n, "quality": [["a", True, ""]]}) for n in range(1, 7)],
        [json.dumps({**GOOD, "number": n, "eyes": 1}) for n in range(1, 7)],
        [json.dumps({**GOOD, "number": 2**40 + n}) for n in range(1, 7)],
        [json.dumps({**GOOD, "number": -n}) for n in range(1, 7)],
        ["[" * 100_000] * 6,
        ["{}"] * 6,
        ["[]"] * 6,
        [None] * 6,
        "text",
        5,
    ],
)
def test_notes_that_nobody_wrote_are_damage(face_id, notes):
    """An import brings what another computer wrote."""
    change(face_id, notes=notes)
    with pytest.raises(VaultDamaged):
        face_id.examples("ada")


@pytest.mark.parametrize("numbered", [-1, True, 2**40, "6", 1.5])
def test_a_highest_number_that_nobody_wrote_is_damage(face_id, numbered):
    change(face_id, numbered=numbered)
    with pytest.raises(VaultDamaged):
        face_id.examples("ada")


def test_notes_are_as_many_as_examples():
    none = np.empty((0, 4), np.float32)
    with pytest.raises(ValueError, match="notes"):
        Examples(
            np.eye(4, dtype=np.float32),
            *(none, none, none, none),
            notes=Examples.make_empty(4).notes + Examples(np.eye(4), *[none] * 4).notes[:2],
        )
