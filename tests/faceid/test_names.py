"""Names of all scripts: what people type is taken, what deceives is refused with the reason."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlyme import UsageError
from onlyme.types import checked_name, find_similar_name

TAKEN = {
    "full-width space": ("山田\u3000太郎", "山田 太郎"),
    "no-break space": ("Jean\u00a0Luc", "Jean Luc"),
    "thin and em spaces": ("a\u2009\u2003b", "a b"),
    "narrow no-break space": ("a\u202fb", "a b"),
    "spaces at the ends": ("\u3000 Ada \u2003", "Ada"),
    "Persian": ("علی\u200cرضا", "علی\u200cرضا"),
    "Sinhala": ("ශ්\u200dරී", "ශ්\u200dරී"),
    "Malayalam": ("ന്\u200dറ", "ന്\u200dറ"),
    "a family": ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
    "a woman with a tone of skin": ("👩🏽\u200d🚀", "👩🏽\u200d🚀"),
    "decomposed": ("Jose\u0301", "José"),
    "Hangul": (unicodedata.normalize("NFD", "한글"), "한글"),
    "Thai": ("นภา", "นภา"),
    "Hebrew and Arabic": ("אדה علی", "אדה علی"),
    "Tibetan": ("བསོད་ནམས", "བསོད་ནམས"),
    "Khmer": ("សុខា", "សុខា"),
    "Ethiopic": ("አበበ", "አበበ"),
    "Adlam, beyond 16 bits": ("𞤀𞤣𞤢", "𞤀𞤣𞤢"),
    "a variant of an ideograph": ("葛\U000e0100城", "葛\U000e0100城"),
    "a Mongolian variant": ("ᠣ\u180bᠯ", "ᠣ\u180bᠯ"),
    "Vietnamese, decomposed": ("Nguye\u0302\u0303n", "Nguyễn"),
    "an apostrophe": ("O’Brien-Łukasz", "O’Brien-Łukasz"),
}


@pytest.mark.parametrize("what", TAKEN)
def test_what_people_are_called_is_taken(what):
    typed, stored = TAKEN[what]
    assert checked_name(typed) == stored
    assert checked_name(stored) == stored


REFUSED = {
    "right-to-left override": ("ada\u202ebob", "U\\+202E, which turns the direction"),
    "isolate": ("\u2067ada\u2069", "U\\+2067, which turns"),
    "mark": ("ada\u200f", "U\\+200F, which turns"),
    "a joiner at the end": ("ada\u200d", "U\\+200D"),
    "a joiner at the start": ("\u200cada", "U\\+200C"),
    "two joiners": ("علی\u200c\u200cرضا", "U\\+200C"),
    "a joiner beside a space": ("a\u200d b", "U\\+200D"),
    "a joiner between digits": ("1\u200d2", "U\\+200D"),
    "zero-width space": ("a\u200bb", "U\\+200B"),
    "soft hyphen": ("a\u00adb", "U\\+00AD"),
    "byte order mark": ("\ufeffada", "U\\+FEFF"),
    "a tag": ("a\U000e0041", "U\\+E0041"),
    "a line": ("a\nb", "U\\+000A"),
    "a line separator": ("a\u2028b", "U\\+2028"),
    "next line": ("a\u0085b", "U\\+0085"),
    "only spaces": (" \u3000\u00a0", "empty"),
    "too long": ("ж" * 65, "has 65"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_deceives_is_refused_with_the_reason(what):
    name, says = REFUSED[what]
    with pytest.raises(UsageError, match=says) as caught:
        checked_name(name)
    assert str(caught.value).isprintable()


@given(st.text(alphabet=st.characters(exclude_categories=["C"]), max_size=70))
def test_a_name_as_older_versions_stored_it_is_itself(text):
    """They took NFC without spaces at the ends, all printable; two spaces stayed two."""
    stored = unicodedata.normalize("NFC", text).strip()
    if stored.isprintable() and 0 < len(stored) <= 64:
        assert checked_name(stored) == stored


@given(st.text(max_size=70))
def test_the_canonical_form_is_one(text):
    try:
        name = checked_name(text)
    except UsageError:
        return
    assert checked_name(name) == name
    assert checked_name(unicodedata.normalize("NFD", name)) == name


@pytest.mark.parametrize(
    ("name", "other", "similar"),
    [
        ("Ada", "ada", True),
        ("STRASSE", "straße", True),
        ("ａｄａ", "ada", True),
        ("علی\u200cرضا", "علیرضا", True),
        ("ada lovelace", "Ada  Lovelace", True),
        ("ada\ufe0f", "ada", True),  # a choice of a variant that the letter does not have
        ("ada\u3164", "ada", True),  # the filler of Hangul
        ("a\u034fda", "ada", True),
        ("ada\u2800", "ada", True),  # Braille without a dot
        ("葛\U000e0100城", "葛城", True),
        ("ᠣ\u180bᠯ", "ᠣᠯ", True),
        ("\u3164", "\u2800", True),  # both show nothing
        ("ada", "adam", False),
        ("ada", "ada", False),
    ],
)
def test_names_that_are_easily_confused(name, other, similar):
    assert (find_similar_name(name, [other]) == other) is similar


def test_a_name_is_found_however_its_spaces_are_typed(face_id, photos):
    face_id.enroll("山田\u3000太郎", photos / "obama_1.jpg")
    assert face_id.names() == ["山田 太郎"]
    for typed in ("山田 太郎", "山田\u3000太郎", "山田\u2003太郎"):
        assert face_id.verify(typed, photos / "obama_2.jpg").accepted


def test_a_name_that_differs_in_case_is_told(face_id, photos):
    face_id.enroll("ada", photos / "obama_1.jpg")
    notes = face_id.enroll("Ada", photos / "biden_1.jpg").notes
    assert any("'ada' is enrolled as well" in note for note in notes)


def test_a_folder_of_people_shows_names_as_they_are(face_id, photos, tmp_path):
    for name in ("علی\u200cرضا", "山田\u3000太郎", "bad\u202eone"):
        (tmp_path / "people" / name).mkdir(parents=True)
        photo = (photos / "obama_1.jpg").read_bytes()
        (tmp_path / "people" / name / "1.jpg").write_bytes(photo)
    done = face_id.enroll_folder(tmp_path / "people", workers=1, look_for_duplicates=False)
    assert {person.name for person in face_id.gallery_people()} == {"علی\u200cرضا", "山田 太郎"}
    (refused,) = (one for one in done.refused if not one.file)
    assert refused.name == "bad�one"
    assert "turns the direction" in refused.why
