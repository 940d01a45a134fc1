"""Test reading from folders, videos and cameras, and that it never blocks."""

import itertools
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from onlyme.errors import CameraError, ImageError
from onlyme.image import capture as capture_room
from onlyme.image.holder import describe_holder
from onlyme.image.sources import CameraCapture, list_photos, read_frames


def film(path: Path, levels: list[int], size: tuple[int, int] = (64, 48), fps: float = 25) -> Path:
    """A video whose n-th frame is plain, with red = levels[n]."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), fps, size)
    assert writer.isOpened()
    for level in levels:
        writer.write(np.full((size[1], size[0], 3), (0, 0, level), np.uint8))
    writer.release()
    return path


def capture_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "onlyme-capture"]


class Stuck:
    """A driver that blocks, as one does that waits for a busy or faulty camera."""

    def __init__(self, frames_before: int) -> None:
        self.left = frames_before
        self.let_go = threading.Event()
        self.is_released = threading.Event()

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def get(self, _: int) -> float:
        return 1.0

    def read(self) -> tuple[bool, np.ndarray]:
        if not self.left:
            self.let_go.wait(30)
        self.left -= 1
        return True, np.full((4, 4, 3), 90, np.uint8)

    def release(self) -> None:
        self.is_released.set()


def test_folders_come_in_natural_order_and_without_the_rest(tmp_path: Path) -> None:
    names = [
        "me10.jpg",
        "me2.jpg",
        "ME1.JPG",
        "b.png",
        ".hidden.jpg",
        "notes.txt",
        "x.webp",
        "y.heic",
    ]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "folder.jpg" / "deep.jpg").touch()
    found = [photo.name for photo in list_photos(tmp_path)]
    assert found == ["b.png", "ME1.JPG", "me2.jpg", "me10.jpg", "x.webp", "y.heic"]
    alone = tmp_path / "notes.txt"
    assert next(list_photos([alone, str(tmp_path)])) == alone
    assert list(list_photos(str(alone))) == [alone]
    assert list(list_photos([])) == []


def test_a_path_that_does_not_exist_is_handed_on(tmp_path: Path) -> None:
    for path in (str(tmp_path / "none.jpg"), "x" * 5000, "a\0b"):
        assert list(list_photos(path)) == [Path(path)]


def test_a_folder_without_photos_says_so(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="holds no image file"):
        list(list_photos(tmp_path))


def test_a_video_gives_every_frame_in_colour_and_time(tmp_path: Path) -> None:
    video = film(tmp_path / "v.avi", [60, 120, 180, 240], fps=20)
    got = list(read_frames(video))
    assert len(got) == 4
    for frame, level in zip(got, [60, 120, 180, 240], strict=True):
        assert frame.pixels.shape == (48, 64, 3)
        assert frame.pixels.flags.c_contiguous
        assert np.abs(frame.pixels.mean(axis=(0, 1)) - (level, 0, 0)).max() < 8  # RGB
        assert frame.source == str(video)
    assert [frame.at for frame in got] == pytest.approx([0, 0.05, 0.10, 0.15], abs=0.002)
    assert not capture_threads()


def test_dark_frames_are_skipped_only_while_waking_up(tmp_path: Path) -> None:
    video = film(tmp_path / "v.avi", [0] * 5 + [200] * 3 + [0] * 2)
    assert len(list(read_frames(video))) == 10  # a video is taken as it is
    woken = list(read_frames(video, warm_up=True))
    assert [frame.pixels[..., 0].mean() > 100 for frame in woken] == [True] * 3 + [False] * 2
    night = film(tmp_path / "n.avi", [0] * 75)  # three seconds of darkness
    assert next(read_frames(night, warm_up=True)).at == pytest.approx(2.0, abs=0.05)


def test_pacing_keeps_the_time_of_the_film(tmp_path: Path) -> None:
    video = film(tmp_path / "v.avi", [100] * 11, fps=25)
    began = time.monotonic()
    assert len(list(read_frames(video))) == 11
    unpaced = time.monotonic() - began
    began = time.monotonic()
    assert len(list(read_frames(video, paced=True))) == 11
    assert time.monotonic() - began > max(0.38, unpaced)


def test_every_way_out_releases(tmp_path: Path) -> None:
    video = film(tmp_path / "v.avi", [100] * 50)
    taken = list(itertools.islice(read_frames(video), 3))
    assert len(taken) == 3
    walk = read_frames(video)
    next(walk)
    walk.close()
    with CameraCapture(video) as capture:
        next(iter(capture))
    capture.close()  # once more does no harm
    deadline = time.monotonic() + 20
    while capture_threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not capture_threads()
    with pytest.raises(CameraError, match="only once"), capture:
        pass
    with pytest.raises(CameraError, match="in a `with` statement"):
        next(iter(CameraCapture(video)))


def test_what_is_no_video_or_camera_says_so(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    empty = tmp_path / "empty.mp4"
    empty.touch()
    junk = tmp_path / "junk.mp4"
    junk.write_bytes(os.urandom(20_000))
    for source, says in [
        (97, "camera 97: there is no such camera"),
        ("97", "camera 97: there is no such camera"),
        ("/dev/video97", "is not there"),
        (tmp_path / "none.mp4", "is not there"),
        ("rtsp://127.0.0.1/stream", "is an address on a network"),
        ("", "is not there"),
        ("a\0b", "is not a valid path"),
        ("/dev/null", "is a device, but not a camera"),
        (tmp_path, "is neither a video file nor a camera"),
        (pipe, "is neither a video file nor a camera"),
        (empty, "is empty"),
        (junk, "is not a video that can be read"),
    ]:
        began = time.monotonic()
        with pytest.raises(CameraError, match=says):
            list(read_frames(source))
        assert time.monotonic() - began < 10, source


def test_a_cut_off_video_gives_what_it_has_or_says_so(tmp_path: Path) -> None:
    whole = film(tmp_path / "v.avi", [100] * 30).read_bytes()
    for share in (0.01, 0.1, 0.5, 0.9):
        cut = tmp_path / "cut.avi"
        cut.write_bytes(whole[: int(len(whole) * share)])
        try:
            assert 0 < len(list(read_frames(cut))) <= 30
        except CameraError:
            assert share < 0.5


def test_a_reader_that_blocks_is_left_at_the_deadline(tmp_path: Path) -> None:
    video = film(tmp_path / "v.avi", [100])
    for before, says in [(0, "gives no frames within 0.2 s"), (2, "gives no frames within 0.2 s")]:
        stuck = Stuck(before)
        capture = CameraCapture(video, frame_seconds=0.2, _opener=lambda *_, s=stuck: s)
        began = time.monotonic()
        with pytest.raises(CameraError, match=says), capture:
            assert before >= len(list(capture))
        assert time.monotonic() - began < 15
        stuck.let_go.set()  # the driver comes back: the thread must release it by itself
        assert stuck.is_released.wait(20)


def test_opening_that_blocks_is_left_at_the_deadline(tmp_path: Path) -> None:
    # FFmpeg itself, waiting for a pipe without a writer.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    video = film(tmp_path / "v.avi", [100])
    capture = CameraCapture(
        video, open_seconds=0.3, _opener=lambda *_: capture_room._open(str(pipe), False)
    )
    began = time.monotonic()
    with pytest.raises(CameraError, match=r"does not answer within 0\.3 s"):
        capture.__enter__()
    assert time.monotonic() - began < 15
    with pipe.open("wb"):  # let FFmpeg go
        pass


def test_a_backend_that_raises_is_a_camera_error(tmp_path: Path) -> None:
    def explode(*_: object) -> None:
        raise MemoryError

    video = film(tmp_path / "v.avi", [100])
    with (
        pytest.raises(CameraError, match="cannot be opened"),
        CameraCapture(video, _opener=explode),
    ):
        pass


def test_a_camera_gives_its_newest_frame(tmp_path: Path, monkeypatch) -> None:
    # No camera is at hand: a reader that never ends stands in, and the check of the device is met.
    monkeypatch.setattr(capture_room, "check_source", lambda *_: True)
    stuck = Stuck(10**9)
    with CameraCapture("/dev/video0", _opener=lambda *_: stuck) as capture:
        walk = iter(capture)
        first = next(walk).at
        time.sleep(0.3)
        later = next(walk).at
    assert later - first > 0.2  # what came meanwhile was dropped
    assert stuck.is_released.wait(20)


def test_what_was_filmed_before_is_not_given(tmp_path: Path) -> None:
    """Of a video: the frame that waits, and the one that the thread holds in its hands."""
    video = film(tmp_path / "v.avi", [100] * 30)
    with CameraCapture(video) as capture:
        time.sleep(0.5)  # the thread has read as far as it can
        capture.skip_to_now()
        times = [frame.at for frame in capture]
    assert 27 <= len(times) <= 29
    assert times[0] > 0


def test_what_a_camera_filmed_before_is_not_given(tmp_path: Path, monkeypatch) -> None:
    """Its driver may hold frames, too: those that are read at once afterwards are dropped."""
    monkeypatch.setattr(capture_room, "check_source", lambda *_: True)
    stuck = Stuck(10**9)
    with CameraCapture("/dev/video0", _opener=lambda *_: stuck) as capture:
        began = time.monotonic()
        walk = iter(capture)
        before = next(walk).at
        asked = time.monotonic() - began
        capture.skip_to_now()
        after = next(walk).at
    assert after - before >= 0.2
    assert after >= asked


def test_an_end_is_told_also_where_frames_are_dropped(tmp_path: Path) -> None:
    with CameraCapture(film(tmp_path / "v.avi", [100])) as capture:
        time.sleep(0.3)
        capture.skip_to_now()
        assert list(capture) == []


def test_the_program_that_holds_a_device_is_named(tmp_path: Path) -> None:
    device = tmp_path / "video0"
    device.touch()
    assert describe_holder(str(device)) == ""
    code = f"import time; f = open({str(device)!r}); print('held', flush=True); time.sleep(30)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        hint = describe_holder(str(device))
        holder.kill()
    assert hint.startswith("; it is in use by ")
    assert f"(process {holder.pid})" in hint


def test_nothing_is_printed(tmp_path: Path) -> None:
    junk = tmp_path / "junk.mp4"
    junk.write_bytes(b"\0\0\0\x18ftypmp42" + os.urandom(5000))
    cut = tmp_path / "cut.avi"
    whole = film(tmp_path / "v.avi", [100] * 30).read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    code = (
        "import sys\n"
        "from onlyme.image.sources import read_frames\n"
        "from onlyme.errors import CameraError\n"
        "for path in sys.argv[1:]:\n"
        "    try: list(read_frames(path))\n"
        "    except CameraError: pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, junk, cut, "0"], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.data
def test_the_clips(data: Path) -> None:
    for clip in sorted((data / "clips").glob("*.mp4")):
        with CameraCapture(clip) as capture:
            got = list(itertools.islice(capture, 30))
        assert len(got) == 30
        times = [frame.at for frame in got]
        assert times == sorted(times)
        assert 0.4 < times[-1] < 1.6
        assert got[0].pixels.mean() > 10
