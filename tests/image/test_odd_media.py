"""What other cameras and programs write: turned videos, other codecs, photos with a film inside."""

import io
import os
import struct
import sys
from contextlib import suppress

import cv2
import numpy as np
import pytest
from PIL import Image

from onlyme.errors import CameraError, ImageError, UsageError
from onlyme.image.capture import CameraCapture
from onlyme.image.decode import decode
from onlyme.image.sources import read_frames
from onlyme.image.video import VideoFile


def film(path, code, frames=5, size=(320, 240)):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), 10, size)
    assert writer.isOpened()
    for number in range(frames):
        picture = np.full((size[1], size[0], 3), 9 * number, np.uint8)
        picture[: size[1] // 4, : size[0] // 4] = 255
        writer.write(picture)
    writer.release()
    return path


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        *(("mp4v", "mp4"), ("MJPG", "avi"), ("XVID", "avi"), ("VP80", "webm"), ("FFV1", "mkv")),
        *(("VP90", "webm"), ("mp4v", "ts"), ("MJPG", "mov"), ("mp4v", "3g2"), ("FLV1", "flv")),
        *(("HFYU", "avi"), ("WMV2", "wmv"), ("I420", "avi"), ("mp4v", "nut"), ("MP42", "avi")),
    ],
)
def test_frames_of_other_codecs_have_their_times(tmp_path, code, ending):
    frames = list(read_frames(film(tmp_path / f"clip.{ending}", code)))
    assert [round(frame.at, 2) for frame in frames] == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert {frame.pixels.shape for frame in frames} == {(240, 320, 3)}


TURNS = {
    "upside down": ((-1, 0, 0, -1), (240, 320), (-1, -1)),
    "to the right": ((0, 1, -1, 0), (320, 240), (0, -1)),
    "to the left": ((0, -1, 1, 0), (320, 240), (-1, 0)),
}


@pytest.mark.parametrize("turn", TURNS)
def test_a_phones_video_is_upright(tmp_path, turn):
    """Phones film with the sensor as it is, and write into the file how it was held."""
    (a, b, c, d), shape, corner = TURNS[turn]
    path = film(tmp_path / "clip.mp4", "mp4v")
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44  # the matrix, after flags, times, numbers and layers
    one = 1 << 16
    data[at : at + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    pixels = next(iter(read_frames(path))).pixels
    assert pixels.shape[:2] == shape
    rows = slice(0, 40) if corner[0] == 0 else slice(-40, None)
    columns = slice(0, 40) if corner[1] == 0 else slice(-40, None)
    assert pixels[rows, columns].mean() > 200
    assert pixels.mean() < 60


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.9])
def test_a_video_that_is_cut_off_gives_what_it_has_or_says_so(tmp_path, cut):
    path = film(tmp_path / "clip.avi", "MJPG", frames=20)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * cut)])
    frames = []
    with suppress(CameraError):  # the words for it are tested elsewhere
        frames += read_frames(path)
    assert len(frames) < 20


def jpeg(mode="RGB", **options):
    file = io.BytesIO()
    Image.new(mode, (64, 48), 200 if mode == "L" else (9, 80, 200, 0)[: len(mode)]).save(
        file, "JPEG", **options
    )
    return file.getvalue()


PHOTOS = {
    "a film after the picture, as motion photos have": jpeg() + b"\0\0\0\x18ftypmp42" + bytes(9999),
    "zeros after the picture, as card readers leave": jpeg() + bytes(5000),
    "for printing (CMYK)": jpeg("CMYK"),
    "grey": jpeg("L"),
    "progressive": jpeg(progressive=True),
    "no subsampling": jpeg(subsampling=0),
    "with a gain map behind (Ultra HDR)": jpeg() + jpeg("L"),
}


@pytest.mark.parametrize("what", PHOTOS)
def test_photos_with_more_in_them_are_read(what):
    assert decode(PHOTOS[what]).pixels.shape == (48, 64, 3)


@pytest.mark.parametrize("ending", [".jpg", ".JPG", ".heic", ".txt", ""])
def test_the_ending_of_a_name_does_not_decide(tmp_path, ending):
    """Programs rename: a JPEG that is called .heic is a JPEG."""
    path = tmp_path / f"photo{ending}"
    path.write_bytes(jpeg())
    assert decode(path).pixels.shape == (48, 64, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "JPEG2000"])
@pytest.mark.parametrize("missing", [0.03, 0.3])
def test_a_picture_whose_last_rows_are_missing_is_refused(kind, missing):
    """Also where a viewer shows the rest: it may still be on its way."""
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (96, 128, 3)).astype(np.uint8)
    Image.fromarray(noise).save(file, kind)
    data = file.getvalue()
    with pytest.raises(ImageError, match=r"cut off|broken|not a picture") as caught:
        decode(data[: int(len(data) * (1 - missing))])
    if kind == "JPEG":
        assert "copy or download it again" in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each file name is text")
@pytest.mark.parametrize("name", [b"\xff\xfe.avi", b"\xc3\xa9\xff"])
def test_a_video_whose_name_is_no_text_is_read(tmp_path, name):
    """OpenCV ends the whole process on such a name."""
    path = film(tmp_path / "me.avi", "MJPG").rename(tmp_path / os.fsdecode(name))
    assert len(list(read_frames(path))) == 5
    assert len(list(read_frames(str(path)))) == 5


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each file name is text")
def test_a_video_is_not_written_under_a_name_that_is_no_text(tmp_path):
    """OpenCV ends the whole process on such a name."""
    with pytest.raises(UsageError, match="must be text in UTF-8"):
        VideoFile(tmp_path / os.fsdecode(b"\xff.avi"))
    with VideoFile(tmp_path / "é.avi") as video:
        video.write(np.zeros((48, 64, 3), np.uint8))
    assert [file.name for file in tmp_path.iterdir()] == ["é.avi"]


@pytest.mark.parametrize("name", ["a\0b", "\udcff\0", "camera\0"])
def test_a_camera_whose_name_is_none_is_one_error(name):
    with pytest.raises(CameraError, match="is not a valid path"), CameraCapture(name):
        pass
