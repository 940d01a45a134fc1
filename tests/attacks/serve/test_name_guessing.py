"""Who is enrolled must not be found out by asking for names."""

import pytest
from websockets.exceptions import InvalidStatus

from tests.serve.live.streaming import open_stream, read_to_end, wait_for
from tests.serve.pictures import as_frame


def verify(running, name, data, scope="verify"):
    files = [("frame", ("x.jpg", each)) for each in data]
    return running.client(scope).post(f"/v1/names/{name}/verify", files=files)


@pytest.mark.parametrize(
    "data", [[b"junk"], [b""], [b"junk", b"junk"]], ids=["junk", "empty", "two"]
)
def test_what_cannot_be_read_is_answered_alike(running, data):
    known, unknown = (verify(running, name, data) for name in ("obama", "unknown"))
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)
    assert known.status_code == 422


def test_a_token_may_be_wrong_about_five_names(running, photos):
    """With a picture without a face, known names cost no try: then unknown ones must."""
    face = [as_frame(photos / "obama_3.jpg")]
    statuses = [verify(running, f"guess-{number}", face).status_code for number in range(7)]
    assert statuses == [404] * 5 + [429] * 2
    refused = verify(running, "obama", face)
    assert refused.status_code == 429, "a known name would be told by its answer"
    assert refused.json()["type"].endswith(":too-many-names")
    assert int(refused.headers["Retry-After"]) > 200
    with pytest.raises(InvalidStatus) as stream, open_stream(running, "obama/watch", "verify"):
        pass
    assert stream.value.response.status_code == 429


def test_streams_are_counted_with_it(running):
    for number in range(5):
        with open_stream(running, f"guess-{number}/watch", scope="verify") as socket:
            assert read_to_end(socket)[-1]["status"] == 404
    with pytest.raises(InvalidStatus), open_stream(running, "guess/watch", scope="verify"):
        pass


def test_other_tokens_and_known_names_are_not_touched(running, photos):
    face = [as_frame(photos / "obama_3.jpg")]
    for number in range(5):
        verify(running, f"guess-{number}", face)
    assert verify(running, "obama", face, "enroll").json()["accepted"]
    with open_stream(running, "obama/watch", scope="admin") as socket:
        wait_for(socket, "ready")


def test_who_may_list_the_names_may_be_wrong_about_them(running, photos):
    face = [as_frame(photos / "obama_3.jpg")]
    statuses = {verify(running, "unknown", face, "admin").status_code for _ in range(8)}
    assert statuses == {404}
