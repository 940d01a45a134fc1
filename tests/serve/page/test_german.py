"""The page in German: every message has its words, and every view is seen with them."""

import re

import pytest

from onlyme.enrollment.guided import _ASK, _NO_SUBJECT
from onlyme.evaluate.score_card import ATTACKS
from onlyme.liveness.gestures import Gesture, make_gesture_prompt
from tests.serve.browsing import DESK, PHONE, visit
from tests.serve.page.catalogue import find_messages, read_german

VIEWS = (
    *("unlock", "who", "enroll", "more/obama", "sensitivity", "people", "audit", "not-me"),
    *("events", "fool", "lab", "settings", "tokens", "doctor", "unlock/Nobody", "nonsense"),
)

NO_WORDS = {"30d", "90d", "365d"}
"""Keys in the tables of the views, which are never shown."""


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
