"""People without a name in the page: seen in *Events*, named with a yes, forgotten."""

import pytest

from onlyme import FaceID
from onlyme.gallery.gallery import GalleryPerson
from onlyme.settings import Settings
from tests.events.visits import make_faces, make_visit
from tests.serve.browsing import DESK, PHONE, visit
from tests.serve.conftest import serving
from tests.serve.page.answers import draw_head

DIALOG = "dialog button:not(:text-is('Cancel')):not(:text-is('Abbrechen'))"


@pytest.fixture
def door(tmp_path, photos, monkeypatch):
    """A service that keeps visits of three people: three, two and one."""
    monkeypatch.setenv("ONLYME_UNKNOWN_DAYS", "30")
    with FaceID.open(tmp_path / "vault") as face_id:
        face_id.enroll("obama", photos / "obama_1.jpg")
        model = face_id._parts.base.model
        with face_id.open_events() as events:
            for seed, part in ((1, 0), (2, 0), (1, 1), (3, 0), (2, 1), (1, 2)):
                seen = make_visit(seed, 9 - part, draw_head(), model, part=part)
                assert events.add_unknown(seen)
    with serving(Settings.load(vault=tmp_path / "vault")) as running:
        yield running


def list_gallery(running):
    with FaceID.open(running.settings.vault) as face_id:
        return {person.name: len(person.me) for person in face_id.gallery_people()}


def give_name(shown, number, name):
    shown.page.click(f"[aria-label='Give a name: Person {number}']")
    shown.page.fill("#ask-text", name)
    shown.page.keyboard.press("Enter")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
def test_they_are_seen_with_times_and_cameras(window, door, size, locale):
    with visit(window, door, viewport=size, locale=locale) as shown:
        shown.see("events")
        people = shown.page.locator(".unknown-people li")
        assert people.count() == 3
        assert [each.locator("img").count() for each in people.all()] == [3, 2, 1]
        for image in shown.page.locator(".unknown img").all():
            image.scroll_into_view_if_needed()
            shown.page.wait_for_function(
                "image => image.complete && image.naturalWidth === 96", arg=image.element_handle()
            )
        assert "front" in people.first.inner_text()
        assert ("3 visits" if locale == "en-GB" else "3 Besuche") in people.first.inner_text()
        shown.keep(f"unknown-{size['width']}-{locale}")
        assert shown.fits()
        assert not shown.violations()


def test_a_person_is_enrolled_only_after_the_operators_yes(window, door):
    with visit(window, door) as shown:
        page = shown.page
        shown.see("events")
        page.click("[aria-label='Give a name: Person 1']")
        shown.keep("unknown-name")
        assert not shown.violations()
        page.click("text=Cancel")
        page.wait_for_selector("dialog", state="detached")
        assert list_gallery(door) == {}
        give_name(shown, 1, "Zoë <b>")
        shown.hears("Zoë <b> is enrolled")
        assert page.locator(".unknown-people li").count() == 2
        assert not page.locator("b").count()
    assert list_gallery(door) == {"Zoë <b>": 12}


def test_what_is_doubtful_is_asked_and_a_no_changes_nothing(window, door):
    with FaceID.open(door.settings.vault) as face_id:
        face_id._enrolled.ensure_gallery().put([GalleryPerson("ada", make_faces(1, 4))])
    with visit(window, door, expected=["409", "400"]) as shown:
        page = shown.page
        shown.see("events")
        for number, name, question in (
            (2, "ada", "Add to ada?"),
            (1, "zoe", "Enroll all the same?"),
            (1, "\u202e", "Not enrolled"),
        ):
            give_name(shown, number, name)
            page.wait_for_selector(f"dialog h2:has-text('{question}')")
            assert not shown.violations()
            page.click("text=Cancel")
            page.wait_for_selector("dialog", state="detached")
            assert list_gallery(door) == {"ada": 4}
        give_name(shown, 2, "obama")  # in the vault: nothing can be added to it here
        page.click(f"{DIALOG}:text-is('Add')")
        page.wait_for_selector("dialog h2:has-text('Not enrolled')")
        page.click(f"{DIALOG}:text-is('Understood')")
        give_name(shown, 1, "ada")
        page.click(f"{DIALOG}:text-is('Add')")
        shown.hears("ada is enrolled")
        assert list_gallery(door) == {"ada": 12}
        give_name(shown, 1, "ada")  # now the second person; their face is not ada's
        page.click(f"{DIALOG}:text-is('Add')")
        page.wait_for_selector(".unknown-people li >> nth=0")
        shown.hears("ada is enrolled")


def test_a_group_that_grew_meanwhile_is_shown_anew(window, door):
    with visit(window, door, expected=["404"]) as shown:
        page = shown.page
        shown.see("events")
        with FaceID.open(door.settings.vault) as face_id, face_id.open_events() as events:
            more = make_visit(1, 1, draw_head(), face_id._parts.base.model, part=3)
            assert events.add_unknown(more)
        give_name(shown, 1, "zoe")
        page.wait_for_selector("dialog h2:has-text('Not enrolled')")
        page.click(f"{DIALOG}:text-is('Understood')")
        page.wait_for_selector(".unknown-people li:first-child img >> nth=3")
        assert list_gallery(door) == {}
        give_name(shown, 1, "zoe")
        shown.hears("zoe is enrolled")


def test_a_person_is_forgotten_after_a_question(window, door):
    with visit(window, door) as shown:
        page = shown.page
        shown.see("events")
        page.click("[aria-label='Forget: Person 2']")
        assert page.evaluate("document.activeElement.textContent") == "Cancel"
        assert "2 visits" in page.inner_text("#ask-words")
        assert not shown.violations()
        page.keyboard.press("Enter")
        page.wait_for_selector("dialog", state="detached")
        assert page.locator(".unknown-people li").count() == 3
        page.click("[aria-label='Forget: Person 2']")
        page.click("dialog .danger")
        shown.hears("Person 2 is forgotten")
        assert page.locator(".unknown-people li").count() == 2
    assert [group["visits"] for group in door.client().get("/v1/unknown").json()["groups"]] == [
        3,
        1,
    ]


def test_it_is_said_where_none_is_kept(window, served):
    with visit(window, served) as shown:
        shown.see("events")
        assert "no picture is kept" in shown.page.inner_text(".unknown")
        assert not shown.page.locator(".unknown img").count()
