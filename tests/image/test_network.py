"""Network cameras: real servers that are killed, stall, ask for passwords and lie."""

import base64
import logging
import os
import subprocess
import sys
import threading
import time

import cv2
import numpy as np
import pytest

from onlyme.errors import CameraError, UsageError, VaultError
from onlyme.image import feeds as feeds_module
from onlyme.image.capture import CameraCapture
from onlyme.image.feeds import CameraFeeds
from onlyme.image.network import CameraAddress, NetworkCapture
from tests.image.network_cameras import (
    RTSP,
    MjpegServer,
    RtspServer,
    find_free_port,
    paint,
)

DEADLINE_SECONDS = 60.0
SECRET = "Tr0ub4dor"  # noqa: S105 - of no real camera

needs_rtsp = pytest.mark.skipif(
    not RTSP.exists() and not os.environ.get("CI"),
    reason="Debian's gir1.2-gst-rtsp-server-1.0 is not installed",
)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(feeds_module, "FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(feeds_module, "MAX_PAUSE_SECONDS", 0.4)
    yield
    until = time.monotonic() + DEADLINE_SECONDS
    while camera_threads() and time.monotonic() < until:
        time.sleep(0.05)
    assert not camera_threads()


def camera_threads():
    return [t for t in threading.enumerate() if t.name.startswith(("onlyme-cam", "onlyme-capt"))]


def read(address):
    return CameraAddress.parse(address)


# ------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (f"rtsp://ada:{SECRET}@cam.example/live", "rtsp://cam.example"),
        (f"RTSP://ada:{SECRET}@cam.example:8554/live", "rtsp://cam.example:8554"),
        (f"http://[fe80::1]:80/video?key={SECRET}", "http://[fe80::1]:80"),
        (f"rtsp://10.0.0.7/user=ada&password={SECRET}&channel=1", "rtsp://10.0.0.7"),
        (f"https://cam.example/{SECRET}/video#{SECRET}", "https://cam.example"),
        (f"front door=rtsps://ada:{SECRET}@cam.example/", "front door"),
    ],
)
def test_a_name_holds_no_secret(text, label):
    address = read(text)
    assert address.label == label
    assert SECRET in address.url
    assert SECRET not in f"{address!r} {address} {NetworkCapture(address).name}"


@pytest.mark.parametrize(
    "text", ["/dev/video0", "0", "clip.mp4", "a=b.mp4", "file:///etc/passwd", "udp://1.2.3.4:5", ""]
)
def test_what_is_no_address_of_a_camera(text):
    assert read(text) is None


@pytest.mark.parametrize(
    "text",
    [
        f"rtsp://ada:{SECRET}@",
        f"rtsp://ada:{SECRET}@cam.example:99999/",
        f"rtsp://ada:{SECRET}@cam.example/a b",
        f"rtsp://ada:{SECRET}@cam.example/\n",
        f"rtsp://ada:{SECRET}@cam.example/é",
        f"http://ada:{SECRET}@[::1/",
        f"http://ada:{SECRET}@cam/" + "x" * 3000,
    ],
)
def test_a_broken_address_is_refused_without_its_secret(text):
    with pytest.raises(CameraError) as caught:
        read(text)
    assert SECRET not in str(caught.value)


def test_an_address_may_stand_in_a_private_file(tmp_path):
    file = tmp_path / "front"
    file.write_text(f"front=rtsp://ada:{SECRET}@cam.example/live\n")
    file.chmod(0o600)
    assert read(f"@{file}") == CameraAddress("front", f"rtsp://ada:{SECRET}@cam.example/live")
    assert read(f"back=@{file}").label == "back"
    file.chmod(0o640)
    with pytest.raises(CameraError, match="other users may read"):
        read(f"@{file}")
    file.chmod(0o600)
    for content in ("", f"@{file}", "/dev/video0", "\xff\n"):
        file.write_bytes(content.encode("latin-1"))
        with pytest.raises(CameraError):
            read(f"@{file}")
    with pytest.raises(CameraError, match="cannot be read"):
        read(f"@{tmp_path}/none")


@pytest.mark.parametrize("address", ["rtsp://127.0.0.1/live", "http://127.0.0.1:1/video"])
def test_no_camera_of_the_login_is_on_a_network(address):
    """The daemon, enrolment and `watch NAME` open by text, and text is never an address there."""
    with pytest.raises(CameraError, match="an address on a network"), CameraCapture(address):
        pass


# ------------------------------------------------------------------------------ MJPEG


def test_a_camera_over_http():
    with MjpegServer([paint(40), paint(200)], password=f"ada:{SECRET}") as camera:
        secret = camera.address.replace("http://", f"http://ada:{SECRET}@")
        with NetworkCapture(read(secret)) as capture:
            frames = [frame for frame, _ in zip(capture, range(6), strict=False)]
        with pytest.raises(CameraError, match="user name and password"):
            NetworkCapture(read(camera.address)).__enter__()
    levels = {round(float(frame.pixels.mean()), -1) for frame in frames}
    assert levels <= {40, 200}
    assert all(SECRET not in frame.source for frame in frames)
    assert [frame.at for frame in frames] == sorted(frame.at for frame in frames)


def test_a_stall_is_an_error_and_not_a_hang():
    with (
        MjpegServer() as camera,
        NetworkCapture(read(camera.address), frame_seconds=0.5) as capture,
    ):
        frames = iter(capture)
        next(frames)
        camera.stalled.set()
        with pytest.raises(CameraError):
            list(frames)


@pytest.mark.parametrize("target", ["file:///etc/hostname", "concat:/etc/hostname", "rtsp://x/"])
def test_a_server_cannot_send_the_program_elsewhere(target):
    with MjpegServer() as camera:
        there = base64.b64encode(target.encode()).decode()
        capture = NetworkCapture(read(f"http://127.0.0.1:{camera.port}/to/{there}"))
        with pytest.raises(CameraError), capture:
            pass


TALK = """
import sys
from onlyme.errors import CameraError
from onlyme.image.network import CameraAddress, NetworkCapture
for address in sys.argv[1:]:
    try:
        with NetworkCapture(CameraAddress.parse(address), open_seconds=3) as capture:
            pass
    except CameraError as error:
        print(error)
"""


def test_no_output_of_the_process_holds_a_password():
    """FFmpeg writes addresses to stderr itself, below Python; here with its log turned on."""
    with MjpegServer(password=f"other:{SECRET[::-1]}") as camera:
        addresses = [
            camera.address.replace("http://", f"http://ada:{SECRET}@"),
            f"http://ada:{SECRET}@127.0.0.1:{find_free_port()}/{SECRET}?k={SECRET}",
            f"rtsp://ada:{SECRET}@127.0.0.1:{camera.port}/{SECRET}",
            f"rtsp://ada:{SECRET}@no-such-host.invalid/live",
        ]
        environment = {**os.environ, "OPENCV_FFMPEG_DEBUG": "1", "OPENCV_FFMPEG_LOGLEVEL": "56"}
        environment |= {"OPENCV_LOG_LEVEL": "DEBUG", "OPENCV_VIDEOIO_DEBUG": "1"}
        done = subprocess.run(
            [sys.executable, "-c", TALK, *addresses],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    assert done.stdout.count("gives no video") == len(addresses)
    assert SECRET not in done.stdout + done.stderr


# ------------------------------------------------------------------- several at once


def take(feeds, until):
    """Take frames until a condition holds; return how many each camera gave."""
    counts = {}
    end = time.monotonic() + DEADLINE_SECONDS
    for number, frame in feeds:
        counts.setdefault(number, []).append(frame)
        if until(counts):
            return counts
        assert time.monotonic() < end, "nothing came in time"
    return counts


def test_a_camera_that_stalls_delays_no_other(caplog):
    caplog.set_level(logging.DEBUG)
    told = []
    with MjpegServer() as one, MjpegServer() as other:
        sources = [read(f"one={one.address}"), read(f"other={other.address}")]
        with CameraFeeds(sources, told.append) as feeds:
            take(feeds, lambda counts: {0, 1} <= set(counts))
            one.stalled.set()
            # A stall of the first is found after three seconds; until then the other goes on.
            seen = take(feeds, lambda counts: None in counts.get(0, ()))
            assert len(seen[1]) > 10 * len(seen[0])
            one.stalled.clear()
            take(feeds, lambda counts: any(frame is not None for frame in counts.get(0, ())))
    changes = [(status.camera, status.is_up) for status in told]
    assert changes.count(("camera one", True)) == 2
    assert changes.count(("camera one", False)) == 1
    assert ("camera other", False) not in changes


def test_the_newest_frame_wins_where_the_reader_is_slow():
    with MjpegServer(seconds=0.01) as camera, CameraFeeds([read(camera.address)]) as feeds:
        frames = iter(feeds)
        next(frames)
        for _ in range(3):
            before = camera.count
            while camera.count < before + 30:
                time.sleep(0.01)
            # One frame waits at most: of the thirty that were sent, two are looked at.
            next(frames)
            next(frames)
            assert len(feeds._feeds[0].waiting) <= 1


def test_a_camera_that_is_killed_again_and_again_comes_back():
    port = find_free_port()
    told = []
    with CameraFeeds([read(f"http://127.0.0.1:{port}/video")], told.append) as feeds:
        for _ in range(5):
            with MjpegServer(port=port):
                take(feeds, lambda counts: sum(f is not None for f in counts.get(0, ())) >= 3)
            take(feeds, lambda counts: None in counts.get(0, ()))
            assert len(camera_threads()) <= 2
    assert [status.is_up for status in told if status.is_up] == [True] * 5
    assert all("127.0.0.1" in status.why for status in told if not status.is_up)


@pytest.mark.parametrize("what", ["the events", "reading"])
def test_no_camera_is_given_up_silently(monkeypatch, what):
    """Where its events cannot be written, or reading fails unforeseen, the program is told."""

    def fail(*_):
        raise VaultError("the disk is full")

    if what == "reading":
        monkeypatch.setattr(CameraFeeds, "_read", fail)
    with MjpegServer() as one, MjpegServer() as other:
        sources = [read(f"one={one.address}"), read(f"other={other.address}")]
        with CameraFeeds(sources, fail) as feeds, pytest.raises(VaultError, match="full"):
            take(feeds, lambda _: False)
    assert not camera_threads()


def test_videos_give_each_frame_and_end(tmp_path):
    paths = []
    for name, count in (("a", 7), ("b", 12)):
        path = tmp_path / f"{name}.avi"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (160, 120))
        for level in range(count):
            writer.write(paint(20 * level))
        writer.release()
        paths.append(path)
    with CameraFeeds(paths) as feeds:
        counts = take(feeds, lambda _: False)
    assert {number: len(frames) for number, frames in counts.items()} == {0: 7, 1: 12}
    levels = [round(float(frame.pixels.mean()) / 20) for frame in counts[1]]
    assert levels == list(range(12))


def test_a_video_that_is_none_is_an_error_at_once(tmp_path):
    (tmp_path / "x.mp4").write_bytes(b"no video")
    sources = [read("http://127.0.0.1:9/video"), tmp_path / "x.mp4"]
    with CameraFeeds(sources) as feeds, pytest.raises(CameraError, match=r"x\.mp4"):
        list(feeds)
    with pytest.raises(CameraError, match="no such camera"), CameraFeeds([7, 8]):
        pass


def test_what_cannot_be_told_apart_is_refused():
    host = "rtsp://cam.example"
    with pytest.raises(UsageError, match="given twice"):
        CameraFeeds([read(f"{host}/1"), read(f"{host}/2")])
    with pytest.raises(UsageError, match="given twice"):
        CameraFeeds(["/dev/video0", 0])
    assert CameraFeeds([read(f"a={host}/1"), read(f"b={host}/2")]).labels == [
        "camera a",
        "camera b",
    ]
    with pytest.raises(UsageError, match="at most 16"):
        CameraFeeds(list(range(17)))


# ------------------------------------------------------------------------------- RTSP


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(30):
        cv2.imwrite(
            str(folder / f"{number:04d}.jpg"), np.full((240, 320, 3), 30 + 7 * number, np.uint8)
        )
    return folder


@needs_rtsp
def test_a_camera_over_rtsp_asks_for_its_password(pictures):
    with RtspServer(pictures, user="ada", password=SECRET) as camera:
        secret = camera.address.replace("rtsp://", f"rtsp://ada:{SECRET}@")
        with NetworkCapture(read(secret)) as capture:
            frames = [frame for frame, _ in zip(capture, range(5), strict=False)]
        for wrong in (camera.address, camera.address.replace("rtsp://", "rtsp://ada:no@")):
            with pytest.raises(CameraError, match="user name and password") as caught:
                NetworkCapture(read(wrong)).__enter__()
            assert "ada" not in str(caught.value)
    assert {frame.pixels.shape for frame in frames} == {(240, 320, 3)}


@needs_rtsp
def test_an_rtsp_server_is_killed_and_stalls(pictures):
    port, told = find_free_port(), []
    with CameraFeeds([read(f"rtsp://127.0.0.1:{port}/live")], told.append) as feeds:
        for harm in ("kill", "pause", "kill"):
            with RtspServer(pictures, port=port) as camera:
                take(feeds, lambda counts: sum(f is not None for f in counts.get(0, ())) >= 3)
                getattr(camera, harm)()
                take(feeds, lambda counts: None in counts.get(0, ()))
                assert len(camera_threads()) <= 2
    assert sum(status.is_up for status in told) == 3
