"""A small request that holds thousands of megapixels must not keep others waiting."""

import io
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from onlyme.errors import ImageError
from onlyme.serve.problems import ProblemError
from onlyme.serve.uploads.pictures import Abandonment, decode_capture, label_photos
from onlyme.types import Frame
from tests.serve.pictures import as_frame

WIDTH, HEIGHT = 8300, 6000  # 49.8 megapixels, below the limit for one picture
MEGABYTES_ALLOWED = 700


def make_png(width=WIDTH, height=HEIGHT):
    """Return a grey picture that takes a thousandth of its pixels."""
    out = io.BytesIO()
    Image.new("L", (width, height), 90).save(out, "PNG", compress_level=9)
    return out.getvalue()


def read_megabytes(field):
    """Return a size of this process in megabytes, as the kernel counts it."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def capture(picture, count):
    return [("frame", (f"{number}.png", picture, "image/png")) for number in range(count)]


def test_two_requests_of_thirty_large_pictures_stall_no_one(running, photos):
    bomb = make_png()
    assert 30 * len(bomb) < 2e6
    honest = {"frame": as_frame(photos / "obama_3.jpg")}
    running.client("verify").post("/v1/identify", files=honest)  # loads the networks
    Path("/proc/self/clear_refs").write_text("5", "ascii")  # the peak starts from here
    before = read_megabytes("VmRSS")
    with ThreadPoolExecutor(2) as attackers:
        token = {"Authorization": f"Bearer {running.secrets['verify']}"}

        def attack():
            files = capture(bomb, 30)
            return running.browser().post("/v1/names/biden/verify", files=files, headers=token)

        start = time.monotonic()
        answers = [attackers.submit(attack) for _ in range(2)]
        time.sleep(0.3)
        answer = running.client("admin").post("/v1/names/obama/verify", files=honest)
        assert answer.json()["accepted"]
        assert time.monotonic() - start < 15
        assert [one.result().status_code for one in answers] == [422, 422]
    assert time.monotonic() - start < 20
    assert read_megabytes("VmHWM") - before < MEGABYTES_ALLOWED


def test_a_refused_bomb_costs_no_try(running):
    for _ in range(6):
        files = capture(make_png(), 2)
        answer = running.client("verify").post("/v1/names/obama/verify", files=files)
        assert answer.status_code == 422


def test_the_largest_frames_of_a_capture_are_decided_in_time(running):
    files = capture(make_png(1920, 1080), 30)
    answer = running.client("verify").post("/v1/names/obama/verify", files=files)
    assert answer.json()["reason"] == "no_face"


def test_a_capture_and_a_large_photo_are_read_as_before(running, photos, photo):
    files = capture(photo("obama_3"), 3)
    answer = running.client("verify").post("/v1/names/obama/verify", files=files)
    assert answer.status_code == 200
    with Image.open(photos / "obama_3.jpg") as image:
        out = io.BytesIO()
        image.resize((4000, 3000)).save(out, "JPEG")
    answer = running.client().post(
        "/v1/names/obama/verify", files={"frame": ("x.jpg", out.getvalue())}
    )
    assert answer.status_code == 200, answer.text


def test_frames_are_not_read_once_nobody_waits_for_them():
    abandonment = Abandonment()
    frames = decode_capture([make_png(64, 64)] * 3, abandonment)
    assert next(frames).pixels.shape == (64, 64, 3)
    abandonment.set()
    with pytest.raises(ImageError):
        next(frames)


def test_a_request_that_takes_too_long_ends_between_its_frames(served, monkeypatch):
    """Its thread is free for others soon after the 504."""
    read, entered = [], threading.Event()

    def decode_slowly(data, **limits):
        entered.set()
        time.sleep(0.4)
        read.append(1)
        return Frame(make_grey(), "slow")

    monkeypatch.setattr("onlyme.serve.uploads.pictures.decode", decode_slowly)
    with served(seconds=1.0, workers=1) as running:
        running.client("verify").get("/v1/keys")
        files = capture(make_png(64, 64), 30)
        answer = running.client("verify").post("/v1/names/obama/verify", files=files)
        assert answer.status_code == 504
        assert entered.is_set()
        time.sleep(2)
        count = len(read)
        time.sleep(1)
        assert len(read) == count < 15
        with running.open_admin() as admin:
            assert all(each.tries == 5 for each in admin.gate.allowances().values())


def make_grey():
    import numpy as np

    return np.full((64, 64, 3), 90, np.uint8)


def test_photos_to_enroll_share_one_budget(running):
    bomb = make_png()
    files = [("me", (f"{number}.png", bomb, "image/png")) for number in range(60)]
    answer = running.client("enroll").post("/v1/names/new", files=files)
    assert answer.status_code == 413, answer.text
    assert answer.json()["type"].endswith(":too-many-pixels")


def test_what_cannot_be_read_counts_in_the_budget():
    broken = b"\x89PNG\r\n\x1a\n" + zlib.compress(bytes(2**20))

    def refuse(data):
        raise ImageError("bytes", "is broken")

    photos = label_photos(refuse, {"me": [broken] * 50}, Abandonment(), 5_000_000)
    with pytest.raises(ProblemError):
        list(photos["me"])
