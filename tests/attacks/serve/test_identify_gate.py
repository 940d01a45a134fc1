"""A known face must not clear the count of the strangers who try beside it."""

from onlyme.faceid.face_id import ANY_OWNER
from onlyme.gate.admission import AttemptSource
from tests.serve.pictures import as_frame


def ask(running, photos, picture):
    frame = {"frame": as_frame(photos / f"{picture}.jpg")}
    return running.client("verify").post("/v1/identify", files=frame).json()["reason"]


def test_a_known_face_does_not_clear_the_count_of_strangers(running, photos):
    """Four strange faces, one that is known, and so on: this went on without an end."""
    pattern = ["sunak_1"] * 4 + ["obama_3"]
    reasons = [ask(running, photos, picture) for picture in pattern + pattern]
    assert reasons[:5] == ["no_match"] * 4 + ["match"]
    assert reasons[5:7] == ["no_match", "locked_out"]


def test_a_known_face_costs_no_try(running, photos):
    assert [ask(running, photos, "obama_3") for _ in range(7)] == ["match"] * 7
    with running.open_admin() as admin:
        assert admin.gate.allowances()[AttemptSource(ANY_OWNER, "service")].tries == 5


def test_under_a_name_the_owner_starts_again(running, photos):
    app = running.client("verify")
    for picture in ["sunak_1"] * 4 + ["obama_3"] + ["sunak_1"] * 4:
        frame = {"frame": as_frame(photos / f"{picture}.jpg")}
        answer = app.post("/v1/names/obama/verify", files=frame).json()
        assert answer["reason"] != "locked_out"
