"""The page in a real browser: every view, the keyboard, and the views without a camera."""

import sqlite3

import pytest

from onlyme import FaceID
from onlyme.charts import describe_set_rate, format_odds
from onlyme.settings import Settings
from onlyme.siamese.presets import estimate_far_alike
from tests.serve.browsing import DESK, PHONE, visit
from tests.serve.conftest import serving

VIEWS = ("unlock", "who", "enroll", "more/obama", "sensitivity", "people", "audit", "not-me")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_every_view_is_accessible_and_fits(window, served, size, scheme):
    with visit(window, served, viewport=size, color_scheme=scheme) as shown:
        for view in VIEWS:
            shown.see(view)
            shown.keep(f"{view.replace('/', '-')}-{size['width']}-{scheme}")
            assert shown.fits(), view
            assert not shown.violations(), view


def test_the_keyboard_alone_goes_everywhere(window, served):
    with visit(window, served) as shown:
        page = shown.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.keyboard.press("Shift+Tab")
        for _ in range(4):  # Sign out, Audit, People, Sensitivity, Enroll
            page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("h1:text-is('Enroll')")
        shown.ready()
        assert page.evaluate("document.activeElement.tagName") == "H1"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "name"
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", "what has the focus shows it"


def test_a_picture_teaches_who_it_was_not(window, served, photos):
    with visit(window, served) as shown:
        page = shown.page
        shown.see("not-me", "obama")
        page.set_input_files("#photo", photos / "biden_1.jpg")
        page.wait_for_selector(".mistaken:visible")
        page.click("text=This is not obama")
        page.wait_for_selector("text=kept apart")
        shown.keep("not-me-taught")
        assert not shown.violations()
        page.click("text=Take the last one back")
        page.wait_for_selector("text=taken back")


def test_the_slider_shows_who_would_come_in_and_sets_alpha(window, served, photos):
    with visit(window, served) as shown:
        page = shown.page
        picture = (photos / "obama_3.jpg").read_bytes()
        headers = {"Content-Type": "image/jpeg"}
        answer = served.client().post("/v1/names/obama/verify", content=picture, headers=headers)
        assert answer.json()["accepted"]
        shown.see("sensitivity", "obama")
        before = page.inner_text(".alpha-value")
        assert page.locator(".attempts li.in").count() >= 1
        assert page.is_disabled("text=Set this alpha")
        page.focus("#alpha")
        page.keyboard.press("ArrowRight")
        assert page.inner_text(".alpha-value") != before
        page.keyboard.press("End")
        assert page.locator(".attempts li.in").count() == 0
        assert page.inner_text("#summary").startswith("0 of the last")
        assert "less than 1 in 10,000,000" in page.inner_text("#promise")
        shown.keep("sensitivity-moved")
        assert not shown.violations()
        page.click("text=hello")
        assert "1 in 100,000 strangers" in page.inner_text("#promise")
        alpha = page.inner_text(".alpha-value").replace("−", "-")
        page.click("text=Set this alpha")
        shown.hears("Alpha is")
    with FaceID.open(served.settings.vault) as face_id:
        assert face_id.owner("obama").alpha == pytest.approx(float(alpha), abs=1e-3)


def test_people_are_renewed_and_forgotten_after_a_question(window, served, photos):
    with FaceID.open(served.settings.vault) as face_id:
        face_id.enroll("biden", photos / "biden_1.jpg", anyway=True)
        version = face_id.admin.store.version("biden")
    with visit(window, served) as shown:
        page = shown.page
        shown.see("people")
        page.click("[aria-label='Certificate: biden']")
        page.wait_for_selector("text=Not covered")
        shown.keep("people-certificate")
        assert not shown.violations()
        page.click("[aria-label='Make stolen copies worthless: biden']")
        page.click("dialog >> text=Make worthless >> nth=-1")
        shown.hears("worthless now")
        page.click("[aria-label='Forget: biden']")
        assert page.evaluate("document.activeElement.textContent") == "Cancel"
        shown.keep("people-forget")
        assert not shown.violations()
        page.keyboard.press("Enter")  # Cancel
        page.wait_for_selector("dialog", state="detached")
        with FaceID.open(served.settings.vault) as face_id:
            assert face_id.admin.store.version("biden") not in {None, version}
        page.click("[aria-label='Forget: biden']")
        page.click("dialog >> text=Forget >> nth=-1")
        shown.hears("biden is forgotten")
        assert not page.locator("[aria-label='Forget: biden']").count()
    with FaceID.open(served.settings.vault) as face_id:
        assert "biden" not in face_id.names()


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "../v1/%2e%2e?#/ 'Zoë\" 🦊"])
def test_a_name_is_a_name_whatever_it_looks_like(window, served, photos, name):
    with FaceID.open(served.settings.vault) as face_id:
        face_id.enroll(name, photos / "biden_1.jpg", anyway=True)
    with visit(window, served, viewport=PHONE) as shown:
        page = shown.page
        for view in ("unlock", "sensitivity", "not-me", "audit"):
            shown.see(view, name)
            assert page.locator("option", has_text=name).count() == 1
        shown.see("people")
        assert name in page.locator("h2").all_inner_texts()
        assert shown.fits()
        assert not page.locator("main img").count()
        page.locator("li.person", has_text=name).get_by_text("Forget").click()
        page.click("dialog >> text=Forget >> nth=-1")
        page.wait_for_selector("#announcer:has-text('is forgotten')", state="attached")
    with FaceID.open(served.settings.vault) as face_id:
        assert name not in face_id.names()


def test_the_log_is_read_by_person(window, served):
    with visit(window, served) as shown:
        page = shown.page
        shown.see("audit")
        assert "The chain is whole" in page.inner_text(".chain")
        everything = page.locator(".log tbody tr").count()
        page.select_option("#owner", "obama")
        page.wait_for_selector(".chain:has-text('fit')")
        some = page.locator(".log tbody tr")
        assert 0 < some.count() < everything
        assert set(some.locator("td[data-label=Person]").all_inner_texts()) == {"obama"}
        page.fill("#from", "2000-01-01")
        page.fill("#to", "2000-01-02")
        page.wait_for_selector(".chain:has-text('0 lines')")


def test_a_broken_chain_is_said(window, photos, tmp_path):
    with FaceID.open(tmp_path / "vault") as face_id:
        face_id.enroll("obama", photos / "obama_1.jpg")
    with (
        serving(Settings.load(vault=tmp_path / "vault")) as running,
        visit(window, running, expected=["500"]) as shown,
    ):
        database = sqlite3.connect(tmp_path / "vault" / "vault.sqlite")
        database.execute("UPDATE log SET body = zeroblob(60) WHERE seq = 3")
        database.commit()
        database.close()
        shown.see("audit")
        assert "The chain is broken" in shown.page.inner_text(".chain")
        shown.keep("audit-broken")
        assert not shown.violations()


def test_rates_are_said_as_the_command_line_says_them(window, served):
    rates = (None, 0.6, 0.2, 0.023, 1e-3, 1e-4, 2.1e-5, 1e-8)
    with visit(window, served) as shown:
        script = "rates => import('/words.js').then(words => rates.map(words.describeOdds))"
        said = shown.page.evaluate(script, rates)
    assert said == [describe_set_rate(rate) for rate in rates]


def test_the_second_promise_is_said_as_the_certificate_says_it(window, served):
    rates = (0.023, 1e-3, 1e-4, 2.1e-5)
    with visit(window, served) as shown:
        script = "rates => import('/words.js').then(words => rates.map(words.describeAlike))"
        said = shown.page.evaluate(script, [None, 0.3, *rates])
        shown.see("sensitivity", "obama")
        before = shown.page.inner_text("#alike")
        shown.page.fill("#alpha", "0")
        assert "looks like the owner" in before
        assert shown.page.inner_text("#alike") != before
    assert said[0] == ""
    assert "at every try" in said[1]
    for rate, words in zip(rates, said[2:], strict=True):
        odds = format_odds(estimate_far_alike(rate)).removeprefix("1 in ")
        assert f"about once in {odds} tries" in words
