"""The page in German: every message has its words, and every view is seen with them."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from onlyme.enrollment.advice import SECOND_LOOK_ADVICE
from onlyme.enrollment.guided import _ASK, _NO_SUBJECT
from onlyme.evaluate.score_card import ATTACKS
from onlyme.face.enrollment_quality import assess_for_enrollment
from onlyme.liveness.gestures import Gesture, make_gesture_prompt
from onlyme.serve.problems import _INTERNAL_DETAIL, _OWN_DETAILS, convert_status
from tests.serve.browsing import DESK, PHONE, visit
from tests.serve.page.catalogue import find_messages, find_service_sentences, read_german

VIEWS = (
    *("unlock", "who", "enroll", "more/obama", "sensitivity", "people", "audit", "not-me"),
    *("events", "fool", "lab", "settings", "tokens", "doctor", "unlock/Nobody", "nonsense"),
)

LANDMARKS = np.array([[55, 60], [85, 58], [80, 75], [60, 88], [84, 86]], np.float32)
"""Of a face that is small and looks away."""

NO_WORDS = {"30d", "90d", "365d"}
"""Keys in the tables of the views, which are never shown."""


def encode_png(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_every_message_is_said_in_german():
    german = read_german()
    assert not find_messages() - set(german) - NO_WORDS
    for english, words in german.items():
        assert words, english
        places = [re.findall(r"\{\w+\}", text) for text in (english, words)]
        assert set(places[0]) == set(places[1]), english


def test_what_the_service_asks_for_is_said_in_german():
    german = read_german()
    said = [
        *_ASK.values(),
        *_NO_SUBJECT.values(),
        *(words for attack in ATTACKS for words in (attack.title, attack.words)),
        *(make_gesture_prompt(one)[1] for one in Gesture),
    ]
    assert not [one for one in said if one not in german]


def translate(shown, sentences):
    """Say sentences of the service as the page does."""
    ask = "list => import('/i18n.js').then((i18n) => list.map(i18n.translate))"
    return shown.page.evaluate(ask, sentences)


def test_every_sentence_of_the_service_is_said_in_german(window, served):
    sentences = sorted(
        {*find_service_sentences(), *_OWN_DETAILS.values(), _INTERNAL_DETAIL, SECOND_LOOK_ADVICE}
        | {convert_status(500).detail}
    )
    assert len(sentences) > 60
    with visit(window, served, locale="de-DE") as shown:
        said = translate(shown, sentences)
    assert not [one for one, german in zip(sentences, said, strict=True) if one == german]


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_every_view_is_german_accessible_and_fits(window, served, size):
    english = {one for one in find_messages() if " " in one and "{" not in one}
    same = {one for one in english if read_german().get(one) == one}
    with visit(window, served, viewport=size, locale="de-DE") as shown:
        for view in VIEWS:
            shown.see(view)
            page = shown.page
            assert page.get_attribute("html", "lang") == "de"
            words = page.inner_text("body")
            assert not [one for one in english - same if one in words], view
            shown.keep(f"german-{view.replace('/', '-')}-{size['width']}")
            assert shown.fits(), view
            assert not shown.violations(), view


def test_another_language_reads_english_with_its_own_dates(window, served):
    with visit(window, served, locale="fr-FR") as shown:
        shown.see("sensitivity", "obama")
        assert shown.page.get_attribute("html", "lang") == "en"
        assert shown.page.inner_text("h1") == "Sensitivity"
        assert re.match(r"\+0,\d{3}", shown.page.inner_text(".alpha-value"))


def test_what_the_service_says_of_photos_and_of_its_parts_is_german(window, served, photos):
    client = served.client()
    wall = np.full((200, 200, 3), 90, np.uint8)
    files = [("me", ("wall of mine.png", encode_png(wall))), ("me", ("cut.jpg", b"no picture"))]
    refused = client.post("/v1/names/Newcomer", files=files)
    assert refused.status_code == 422
    files = [("me", ("obama.jpg", (photos / "obama_3.jpg").read_bytes()))]
    made = client.post("/v1/names/Audit", files=files, params={"anyway": "true"}).json()
    client.post("/v1/names/Audit/rename", params={"to": "Tokens"})
    details = [one["detail"] for one in client.get("/v1/audit").json()]
    assert client.delete("/v1/names/Tokens").is_success
    checks = assess_for_enrollment(wall, np.array([40, 40, 60, 60.0]), LANDMARKS).checks
    with visit(window, served, locale="de-DE") as shown:
        findings = shown.page.evaluate(
            "import('/api.js').then((api) => api.get('/v1/service/doctor'))"
        )
        said = translate(
            shown,
            english := [
                *(refused.json()["detail"], *made["advice"]),
                *(one for one in details if one and "/" not in one),
                *(one.advice for one in checks if one.advice),
                *(one["detail"] for one in findings if not one["part"].startswith("model")),
            ],
        )
    assert len(english) > 15
    for before, after in zip(english, said, strict=True):
        words = set(re.findall(r"\w+", re.sub(r"/\S+|wall of mine.png", "", after)))
        assert not words & {"the", "of", "is", "to", "are", "photos", "with"}, before
    assert "wall of mine.png: kein Gesicht gefunden" in said[0]
    assert "vorher Audit" in said, "a name that is also a word of the page stays a name"
