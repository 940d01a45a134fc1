"""What loosens is asked about, and can be undone."""

import pytest

from tests.serve.browsing import visit
from tests.serve.page.readings import read_alpha


@pytest.mark.parametrize("how", ["slider", "keyboard", "preset"])
def test_a_lower_alpha_is_asked_about_and_can_be_undone(window, served, alpha, how):
    with visit(window, served) as shown:
        page = shown.page
        shown.see("sensitivity", "obama")
        if how == "slider":
            page.fill("#alpha", "0")
        elif how == "keyboard":
            page.focus("#alpha")
            page.keyboard.press("ArrowLeft")
        else:
            page.click(".chip >> nth=0")
        page.click("text=Set this alpha")
        page.wait_for_selector("dialog[open]:has-text('more strangers')")
        assert not shown.violations()
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")
        assert read_alpha(served) == alpha, "a question that is not answered changes nothing"
        page.click("text=Set this alpha")
        page.click("dialog .button.danger")
        page.wait_for_selector("#told:has-text('Alpha is')")
        assert read_alpha(served) < alpha
        page.click("#told >> text=Undo")
        page.wait_for_selector("#told:has-text('again')")
    assert read_alpha(served) == pytest.approx(alpha)


def test_a_higher_alpha_is_not_asked_about_and_its_success_is_shown(window, served, alpha):
    with visit(window, served) as shown:
        shown.see("sensitivity", "obama")
        shown.page.focus("#alpha")
        shown.page.keyboard.press("ArrowRight")
        shown.page.click("text=Set this alpha")
        shown.page.wait_for_selector("#told:visible:has-text('Alpha is')")
        assert not shown.page.locator("dialog").count()
        assert not shown.violations()
    assert read_alpha(served) > alpha


@pytest.mark.parametrize("photo", ["obama_3", "obama_1"])
def test_ones_own_face_is_not_unlearned_without_a_question(window, served, photos, photo):
    before = served.client().get("/v1/names/obama/attempts").json()["own"]
    with visit(window, served) as shown:
        page = shown.page
        shown.see("not-me", "obama")
        page.set_input_files("#photo", photos / f"{photo}.jpg")
        page.click("text=This is not obama")
        page.wait_for_selector("dialog[open]:has-text('really not obama')")
        assert not shown.violations()
        page.click("dialog >> text=Cancel")
        page.wait_for_selector("dialog", state="detached")
    assert served.client().get("/v1/names/obama/attempts").json()["own"] == before
    answer = served.client().post(
        "/v1/names/obama/not-me", files={"frame": (photos / f"{photo}.jpg").read_bytes()}
    )
    assert answer.status_code == 409, "nor by a program"
    assert answer.json()["type"].endswith("looks-like-owner")
