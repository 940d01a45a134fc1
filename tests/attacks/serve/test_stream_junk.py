"""What cannot be read is no attempt, so that junk does not close an owner's gate."""

import io

import pytest
from PIL import Image

from tests.serve.live.streaming import (
    count_tries,
    open_stream,
    read_log,
    read_to_end,
    sway,
    wait_for,
)


def make_large_jpeg():
    out = io.BytesIO()
    Image.new("RGB", (4000, 3000), (90, 90, 90)).save(out, "JPEG", quality=5)
    return out.getvalue()


@pytest.mark.parametrize("junk", [b"junk", make_large_jpeg()], ids=["junk", "large"])
def test_junk_costs_no_try_and_leaves_no_line(running, junk):
    before = len(read_log(running))
    for _ in range(6):
        with open_stream(running, "obama/watch", scope="verify") as socket:
            wait_for(socket, "ready")
            socket.send(junk)
            assert read_to_end(socket)[-1]["type"] == "urn:onlyme:problem:image-error"
    assert count_tries(running) == 5
    assert len(read_log(running)) == before


def test_junk_after_a_wrong_face_takes_no_failure_back(running, photo):
    with open_stream(running, "obama/watch", scope="verify") as socket:
        wait_for(socket, "attempt", pictures=sway(photo, "biden_1"))
        socket.send(b"junk")
        read_to_end(socket)
    assert count_tries(running) == 4
