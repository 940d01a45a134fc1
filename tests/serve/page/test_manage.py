"""What one does with people, photos and the service on the page."""

import csv
import io
import sqlite3

import numpy as np
import pytest
from PIL import Image

from onlyme import FaceID
from onlyme.events.event import DoorEvent
from onlyme.serve.access.tokens import Scope
from onlyme.serve.app import PAGE
from onlyme.settings import Settings
from tests.serve.browsing import visit
from tests.serve.conftest import serving


@pytest.fixture
def biden(served, photos):
    """Somebody beside the owner; gone afterwards, under any name."""
    with FaceID.open(served.settings.vault) as face_id:
        face_id.enroll("biden", photos / "biden_1.jpg", anyway=True)
    yield "biden"
    with FaceID.open(served.settings.vault) as face_id:
        for name in set(face_id.names()) - {"obama"}:
            face_id.forget(name)


def test_a_person_is_renamed_and_a_bad_name_is_explained(window, served, biden):
    with visit(window, served) as shown:
        page = shown.page
        shown.see("people")
        for wanted, words in (("obama", "enrolled already"), ("a\u202eb", "U+202E")):
            page.click(f"[aria-label='Rename: {biden}']")
            page.fill("#ask-text", wanted)
            assert not shown.violations()
            page.keyboard.press("Enter")
            page.wait_for_selector(f"#ask-words:has-text('{words}')")
            page.keyboard.press("Escape")
            page.wait_for_selector("dialog", state="detached")
        page.click(f"[aria-label='Rename: {biden}']")
        page.fill("#ask-text", "Joe / 2")
        page.keyboard.press("Enter")
        page.wait_for_selector("#told:has-text('is called Joe / 2 now')")
        page.wait_for_selector("h2:text-is('Joe / 2')")
        assert not page.locator("h2:text-is('biden')").count()
    with FaceID.open(served.settings.vault) as face_id:
        assert face_id.names() == ["Joe / 2", "obama"]


def test_two_names_are_merged_after_a_question_where_they_differ(window, served, biden):
    photos = served.client().get("/v1/people").json()
    before = {one["name"]: one["photos"] for one in photos}
    with visit(window, served, expected=["400"]) as shown:
        page = shown.page
        shown.see("people")
        page.click("[aria-label='Merge: biden']")
        page.fill("#ask-text", "obama")
        page.keyboard.press("Enter")
        page.wait_for_selector("dialog:has-text('do not look like biden')")
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")
    after = {one["name"]: one["photos"] for one in served.client().get("/v1/people").json()}
    assert after == before, "nothing was merged without an answer"


def test_the_certificate_is_saved_as_a_picture(window, served):
    with visit(window, served) as shown:
        page = shown.page
        shown.see("people")
        page.wait_for_selector(".odds:has-text('(estimate); proven: at most 1 in ')")
        page.click("[aria-label='Certificate: obama']")
        with page.expect_download() as saved:
            page.click("text=Save as a picture")
        picture = Image.open(saved.value.path())
        assert picture.format == "PNG"
        assert picture.width >= 1000
        shades = np.unique(np.asarray(picture.convert("L").resize((200, 100))))
        assert len(shades) > 20, "it says something"


def test_photos_are_added_dropped_and_told_apart(window, served, photos, biden):
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 64
    with visit(window, served, expected=["422"]) as shown:
        page = shown.page
        shown.see(f"more/{biden}")
        page.click("text=Use photos instead")
        named = {"name": "holiday.jpg", "mimeType": "image/jpeg", "buffer": heic}
        page.set_input_files("#photos", [named])
        page.wait_for_selector(".problems:has-text('holiday.jpg is a HEIC picture')")
        assert not shown.violations()
        data = page.evaluate_handle(
            """(bytes) => { const data = new DataTransfer();
              data.items.add(new File([new Uint8Array(bytes)], "mine.jpg", { type: "image/jpeg" }));
              return data; }""",
            list(_rotate(photos / "biden_1.jpg")),
        )
        page.dispatch_event(".drop", "drop", {"dataTransfer": data})
        page.wait_for_selector("h2:text-is('biden is enrolled')")
        shown.keep("photos-added")


def _rotate(path):
    """Return a photo, turned a little, so that it is not the same picture."""
    out = io.BytesIO()
    Image.open(path).convert("RGB").rotate(4).save(out, "JPEG", quality=92)
    return out.getvalue()


@pytest.mark.parametrize(("photo", "answer"), [("obama_3", "obama"), ("biden_1", "Nobody who is")])
def test_who_is_in_a_picture(window, served, photos, photo, answer):
    with visit(window, served) as shown:
        shown.see("who")
        shown.page.set_input_files("#photos", photos / f"{photo}.jpg")
        shown.page.wait_for_selector(f".outcome h2:has-text('{answer}')")
        shown.keep(f"who-{photo}")
        assert not shown.violations()


def test_who_is_before_the_camera(window, served):
    with visit(window, served) as shown:
        shown.see("who")
        shown.page.click("text=Start the camera")
        shown.page.click("button:has(span:text-is('Look'))")
        shown.page.wait_for_selector(".outcome h2:text-is('obama')")
        assert not shown.violations()


def test_everybody_before_the_camera_is_followed_and_the_visit_is_an_event(
    window, photos, tmp_path
):
    with FaceID.open(tmp_path / "vault") as face_id:
        face_id.enroll("obama", [photos / f"obama_{number}.jpg" for number in (1, 2, 4)])
    settings = Settings.load(vault=tmp_path / "vault", liveness="off")
    with (
        serving(settings, doorbell=True) as running,
        visit(window, running) as shown,
    ):
        page = shown.page
        shown.see("who")
        page.click("text=Watch everybody")
        page.wait_for_selector(".visits li.yes:has-text('obama')")
        page.wait_for_selector(".faces .yes text:text-is('obama')", state="attached")
        assert "opens nothing" in page.inner_text(".outcome")
        shown.keep("who-followed")
        assert not shown.violations()
        page.click("text=Stop")
        assert not page.locator(".faces rect").count()
        shown.see("events")
        page.wait_for_selector(".log tr.in:has-text('obama')")
        page.select_option("#kind", "unknown")
        page.wait_for_selector(".chain:has-text('0 events')")
        assert not page.is_visible("text=Save as a table")
        page.select_option("#kind", "known")
        page.select_option("#event-person", "obama")
        page.wait_for_selector(".log tr.in:has-text('obama')")
        with page.expect_download() as saved:
            page.click("text=Save as a table")
        rows = list(csv.DictReader(saved.value.path().read_text("utf-8").splitlines()))
        assert {row["name"] for row in rows} == {"obama"}
        assert rows[-1]["event"] == "known"


def test_older_events_follow_and_a_changed_one_is_said(window, photos, tmp_path):
    with FaceID.open(tmp_path / "vault") as face_id:
        face_id.enroll("obama", photos / "obama_1.jpg")
        with face_id.open_events() as events:
            for number in range(120):
                events.add(DoorEvent("known", f"door {number}", name="obama"))
    with (
        serving(Settings.load(vault=tmp_path / "vault")) as running,
        visit(window, running, expected=["500"]) as shown,
    ):
        page = shown.page
        shown.see("events")
        rows = page.locator(".log tbody tr")
        assert rows.count() == 50
        page.click("text=Older events")
        page.wait_for_selector(".chain:has-text('100 events')")
        page.click("text=Older events")
        page.wait_for_selector(".chain:has-text('120 events')")
        assert not page.is_visible("text=Older events")
        cameras = rows.locator("td[data-label=Where]").all_inner_texts()
        assert cameras == [f"door {number}" for number in range(119, -1, -1)]
        database = sqlite3.connect(tmp_path / "vault" / "events.sqlite")
        database.execute("UPDATE event SET at = at + 1 WHERE id = 110")
        database.commit()
        database.close()
        page.reload()
        page.wait_for_selector(".chain.broken")
        assert rows.count() == 0


def test_a_token_is_made_shown_once_and_ended(window, served):
    with visit(window, served) as shown:
        page = shown.page
        page.route("**/v1/service/tokens", lambda route: route.fulfill(json=[]), times=1)
        shown.see("tokens")
        assert page.is_visible("text=No token yet")
        page.fill("#token-name", "door of mine")
        page.click("text=Make a token")
        secret = page.inner_text(".secret code")
        assert not page.is_visible("text=No token yet")
        assert secret.startswith("onlyme_")
        assert not shown.violations()
        shown.see("settings")
        shown.see("tokens")
        assert secret not in page.inner_text("main")
        page.click("[aria-label='End the token door of mine']")
        page.click("dialog .button.danger")
        page.wait_for_selector("#told:has-text('has ended')")
        assert "door of mine" not in page.inner_text("main")


def test_the_view_of_tokens_knows_every_scope():
    text = (PAGE / "views/tokens.js").read_text("utf-8")
    for scope in Scope:
        assert f'  {scope}: "' in text, "a token of this scope would break the view"


def test_a_token_for_admin_is_asked_about(window, served):
    with visit(window, served) as shown:
        shown.see("tokens")
        shown.page.fill("#token-name", "all of it")
        shown.page.select_option("#scope", "admin")
        shown.page.click("text=Make a token")
        shown.page.wait_for_selector("dialog[open]:has-text('admin')")
        shown.page.keyboard.press("Escape")
        shown.page.wait_for_selector("dialog", state="detached")
        assert not shown.page.locator(".tokens li:has-text('all of it')").count()


@pytest.mark.parametrize("path", ["settings", "tokens", "doctor"])
@pytest.mark.parametrize("scope", ["verify", "enroll", "admin", "metrics", None])
def test_only_the_page_asks_for_the_service_itself(served, path, scope):
    answer = served.client(scope).get(f"/v1/service/{path}")
    assert answer.status_code == (401 if scope is None else 403)


def test_settings_and_doctor_say_what_is_so(window, served):
    with visit(window, served) as shown:
        shown.see("settings")
        words = shown.page.inner_text("main")
        assert "liveness = off" in words
        assert str(served.settings.vault) in words
        shown.see("doctor")
        findings = shown.page.locator(".findings li")
        assert findings.count() > 5
        assert shown.page.locator(".findings .ok:has-text('vault')").count()


def test_people_are_listed_renamed_and_merged_over_rest(served, biden, photos):
    client = served.client()
    listed = {one["name"]: one for one in client.get("/v1/people").json()}
    assert listed[biden]["where"] == "vault"
    assert listed[biden]["photos"] == 1
    renamed = client.post("/v1/names/biden/rename", params={"to": "Joe"})
    assert renamed.json() == {"name": "Joe", "was": "biden"}
    assert client.post("/v1/names/Joe/rename", params={"to": "obama"}).status_code == 409
    assert client.post("/v1/names/Joe/merge", params={"other": "obama"}).status_code == 400
    client.post("/v1/names/twin?anyway=true", files={"me": (photos / "biden_1.jpg").read_bytes()})
    merged = client.post("/v1/names/Joe/merge", params={"other": "twin"})
    assert merged.status_code == 200, merged.text
    assert merged.json()["name"] == "Joe"
    assert "twin" not in {one["name"] for one in client.get("/v1/people").json()}
