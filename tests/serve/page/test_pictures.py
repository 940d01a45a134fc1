"""The pictures that a person was learned from, their looks, and the certificate in German."""

import pytest

from onlyme import FaceID
from onlyme.errors import NotCalibrated
from onlyme.serve.live.enroll import describe_promise
from tests.serve.browsing import visit


@pytest.fixture
def ardern(served, photos):
    """Somebody with two pictures and one of a look; gone afterwards."""
    with FaceID.open(served.settings.vault) as face_id:
        pictures = [photos / "obama_1.jpg", photos / "obama_2.jpg"]
        face_id.enroll("ardern", pictures, anyway=True)
        more = {"add": True, "anyway": True, "look": "glasses"}
        face_id.enroll("ardern", photos / "obama_4.jpg", **more)
    yield "ardern"
    with FaceID.open(served.settings.vault) as face_id:
        face_id.forget("ardern")


def read_examples(served, name):
    return served.client().get(f"/v1/names/{name}/examples").json()


def open_pictures(shown, name):
    shown.see("people")
    shown.page.click(f"[aria-label='Pictures: {name}']")
    shown.page.wait_for_selector(".examples h3:has-text('Learned from')")


def test_single_pictures_are_listed_by_date_and_removed_after_a_question(window, served, ardern):
    before = read_examples(served, ardern)
    assert len(before) == 3
    with visit(window, served) as shown:
        page = shown.page
        open_pictures(shown, ardern)
        lines = page.locator(".examples li")
        assert lines.count() == 3
        assert "look: glasses" in lines.nth(2).inner_text()
        shown.keep("people-pictures")
        assert not shown.violations()
        button = f"[aria-label='Remove picture {before[0]['number']} of {ardern}']"
        page.click(button)
        assert page.evaluate("document.activeElement.textContent") == "Cancel"
        page.keyboard.press("Enter")
        page.wait_for_selector("dialog", state="detached")
        assert read_examples(served, ardern) == before
        page.click(button)
        page.click("dialog .danger")
        shown.hears("known by 2 pictures now")
        assert read_examples(served, ardern) == before[1:]
        open_pictures(shown, ardern)
        page.click("text=Remove the look glasses")
        page.click("dialog .danger")
        shown.hears("known by 1 picture now")
        open_pictures(shown, ardern)
        assert page.is_disabled(".examples li button"), "without any, the person would be unknown"
        page.click(f"[aria-label='Pictures: {ardern}']")
        assert not page.locator(".examples").count(), "the same button closes it"


@pytest.fixture
def obama(served):
    """The owner; looks that a test added are gone afterwards."""
    yield "obama"
    for look in {one["look"] for one in read_examples(served, "obama")} - {""}:
        assert served.client().delete(f"/v1/names/obama/looks/{look}").status_code == 200


def test_photos_are_added_with_a_look(window, served, photos, obama):
    before = len(read_examples(served, obama))
    with visit(window, served) as shown:
        page = shown.page
        shown.see(f"more/{obama}")
        page.fill("#look", "hat\u202e")
        page.click("text=Use photos instead")
        page.set_input_files("#photos", photos / "obama_3.jpg")
        page.wait_for_selector("dialog[open]:has-text('U+202E')")
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")
        assert len(read_examples(served, obama)) == before
        page.fill("#look", "hat")
        page.set_input_files("#photos", [])
        page.set_input_files("#photos", photos / "obama_3.jpg")
        page.wait_for_selector(f"h2:text-is('{obama} is enrolled')")
    looks = [one["look"] for one in read_examples(served, obama)]
    assert looks == [""] * before + ["hat"]


def test_the_camera_enrolls_a_look(window, served, obama):
    with visit(window, served) as shown:
        page = shown.page
        shown.see(f"more/{obama}")
        page.fill("#look", "beard")
        page.click("button:has(span:text-is('Start'))")
        page.wait_for_selector(".arc.filled")
        page.click("text=That is enough")
        page.wait_for_selector(f"h2:text-is('{obama} is enrolled')")
    assert "beard" in {one["look"] for one in read_examples(served, obama)}


def list_sentences(face_id):
    """Every kind of sentence that a certificate of this network has."""
    found = []
    for far in (0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-9):
        try:
            face_id.tune("ardern", far=far)
        except NotCalibrated:
            continue
        found += describe_promise(face_id, "ardern")
        found += describe_promise(face_id, "obama")
    return found


def test_certificates_speak_german_with_german_numbers(window, served, ardern):
    with FaceID.open(served.settings.vault) as face_id:
        sentences = list_sentences(face_id)
    assert len(sentences) > 40
    with visit(window, served, locale="de-DE") as shown:
        script = "list => import('/i18n.js').then(i18n => list.map(i18n.translate))"
        said = shown.page.evaluate(script, sentences)
    for english, german in zip(sentences, said, strict=True):
        assert german != english
        assert not set(german.split()) & {"the", "of", "is", "are", "strangers", "owner"}, german
        for number in [word for word in english.split() if word.count(",") and word[0].isdigit()]:
            assert number.strip(".,;:)").replace(",", ".") in german, (number, german)


def test_the_certificate_of_a_gallery_speaks_german(window, served):
    from onlyme.gallery.certificate import GalleryCertificate

    numbers = {"comparisons": 1_160_384, "owners": 97, "strangers": 2900, "lead": 0.05}
    fixed = {"people": 3000, "fpir": 1e-3, "far": 3e-7, "photos": 1} | numbers
    made = [
        GalleryCertificate(**_fit(GalleryCertificate, fixed | bound))
        for bound in (
            {"counted": 0.002, "modelled": None},
            {"counted": None, "modelled": 0.01},
            {"counted": None, "modelled": None},
        )
    ]
    sentences = [sentence for one in made for sentence in one.sentences()]
    with visit(window, served, locale="de-DE") as shown:
        script = "list => import('/i18n.js').then(i18n => list.map(i18n.translate))"
        said = shown.page.evaluate(script, sentences)
    assert not [one for one, other in zip(sentences, said, strict=True) if one == other]


def _fit(kind, values):
    from dataclasses import MISSING, fields

    needed = {one.name for one in fields(kind) if one.default is MISSING}
    assert needed <= set(values), needed - set(values)
    return {one.name: values[one.name] for one in fields(kind) if one.name in values}
