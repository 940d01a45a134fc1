"""A person is enrolled from a video by its plain path."""

import pytest

from onlyme import EnrollmentError, ExampleKind, FaceID
from onlyme.enrollment.camera import MAX_CAMERA_PHOTOS
from onlyme.enrollment.expand import expand_photos, find_kind, is_video
from onlyme.types import Embedding, Frame
from tests.cli.conftest import Shell


@pytest.mark.data
@pytest.mark.parametrize("as_text", [True, False])
def test_a_video_is_enrolled_and_another_video_of_the_person_is_accepted(data, tmp_path, as_text):
    video = data / "clips/tranvan_live.mp4"
    with FaceID.open(tmp_path / "vault") as face_id:
        done = face_id.enroll("ada", str(video) if as_text else video)
        assert 2 <= done.taken <= MAX_CAMERA_PHOTOS
        examples = face_id.examples("ada")
        assert {one.kind for one in examples} == {ExampleKind.VIDEO}
        assert next(face_id.watch("ada", video, liveness="off")).accepted
        assert not next(face_id.watch("ada", data / "clips/lestari_live.mp4", liveness="off"))


@pytest.mark.data
def test_the_command_line_takes_it_among_photos(data, photos, tmp_path):
    onlyme, video = Shell(tmp_path), data / "clips/lestari_live.mp4"
    done = onlyme("enroll", "ada", video)
    assert done.returncode == 0, done.stderr
    assert f"✓ {video}" in done.stderr
    mixed = onlyme("enroll", "ada", video, photos / "obama_1.jpg", "--add")
    assert "does not show the person" in mixed.stderr


@pytest.mark.data
def test_a_video_that_cannot_be_read_wastes_nothing_beside_it(data, photos, tmp_path):
    broken = tmp_path / "cut off.mp4"
    broken.write_bytes((data / "clips/tranvan_live.mp4").read_bytes()[:5000])
    with FaceID.open(tmp_path / "vault") as face_id:
        mine = photos / "obama_1.jpg"
        done = face_id.enroll("ada", [broken, tmp_path / "absent.mov", mine])
        assert [report.taken for report in done.me] == [False, False, True]
        assert "is not there" in done.me[1].note
        assert str(tmp_path / "absent.mov") == done.me[1].source
        with pytest.raises(EnrollmentError, match=r"cut off\.mp4"):
            face_id.enroll("bob", broken)


@pytest.mark.parametrize("name", ["a.mp4", "A.MOV", "b.webm", "c.mkv", "d.avi", "e.3gp"])
def test_videos_by_their_names(name, tmp_path):
    assert is_video(name)
    assert is_video(tmp_path / name)
    assert list(expand_photos(name)) == [name]


@pytest.mark.parametrize("image", ["a.jpg", "mp4", "", b"a.mp4", 5, None, "a.mp4/b", "\0.gif"])
def test_other_things_are_no_videos(image):
    assert not is_video(image)


def test_a_path_that_raises_is_no_video():
    class Broken:
        def __fspath__(self):
            raise RuntimeError

    import os

    os.PathLike.register(Broken)
    assert not is_video(Broken())


def test_kinds():
    import numpy as np

    pixels = np.zeros((2, 2, 3), np.uint8)
    kinds = {
        "camera": Frame(pixels, "camera 0"),
        "video": Frame(pixels, "me.mp4"),
        "photo": Frame(pixels, "me 1"),
        "embedding": Embedding(np.eye(4, dtype=np.float32)[0], "m"),
    }
    for kind, image in kinds.items():
        assert find_kind(image) == kind
    assert find_kind(Frame(pixels, "the browser's camera", 1.0)) == "camera"
    assert find_kind(Frame(pixels, "stream", 1.0)) == "video"
    assert find_kind("me.jpg") == "photo"


def test_what_took_a_frame_does_not_depend_on_names(tmp_path, monkeypatch):
    """A folder may be called like a camera, and a camera on a network like anything."""
    import cv2
    import numpy as np

    from onlyme.image.sources import CameraCapture

    folder = tmp_path / "camera 0"
    folder.mkdir()
    film = folder / "film.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for _ in range(3):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    monkeypatch.chdir(tmp_path)
    with CameraCapture("camera 0/film.avi") as capture:
        assert {find_kind(frame) for frame in capture} == {ExampleKind.VIDEO}
    porch = Frame(np.zeros((2, 2, 3), np.uint8), "porch", 1.0, kind=ExampleKind.CAMERA)
    assert find_kind(porch) == "camera"
