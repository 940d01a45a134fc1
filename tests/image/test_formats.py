"""Formats that cannot be read are named, with what to do; what another plug-in opened is used."""

import io
import re
import sys

import numpy as np
import pytest
from PIL import Image, ImageFile

from onlyme.errors import ImageError
from onlyme.image import decode as decoding
from onlyme.image.decode import decode
from onlyme.image.sources import list_photos


def box(brand, *compatible):
    body = b"ftyp" + brand + b"\0\0\0\0" + b"".join(compatible)
    return (len(body) + 4).to_bytes(4, "big") + body + bytes(400)


FILES = {
    "jxl": (b"\xff\x0a" + bytes(90), "JPEG XL", "JPEG"),
    "jxl in a box": (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(90), "JPEG XL", "JPEG"),
    "Canon CR3": (box(b"crx ", b"isom"), "RAW", "export"),
    "Fujifilm RAF": (b"FUJIFILMCCD-RAW 0201" + bytes(90), "RAW", "export"),
    "Panasonic RW2": (b"IIU\0" + bytes(90), "RAW", "export"),
    "Olympus ORF": (b"IIRO\x08\0\0\0" + bytes(90), "RAW", "export"),
    "Sigma X3F": (b"FOVb" + bytes(90), "RAW", "export"),
    "mp4": (box(b"isom", b"mp42"), "video", "watch"),
    "mkv": (b"\x1aE\xdf\xa3" + bytes(90), "video", "watch"),
    "pdf": (b"%PDF-1.7\n" + bytes(90), "PDF", "JPEG"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_format_that_cannot_be_read_is_named(name):
    data, format_, advice = FILES[name]
    with pytest.raises(ImageError, match=re.escape(format_)) as caught:
        decode(data)
    assert advice in str(caught.value)


HEIC_FILES = {
    "heic": box(b"heic", b"mif1", b"heic"),
    "heic sequence": box(b"hevc", b"msf1"),
    "heif of another camera": box(b"mif1", b"mif1", b"heix"),
}


@pytest.mark.parametrize("name", HEIC_FILES)
def test_without_its_library_heic_is_named_with_what_to_do(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImageError, match="HEIC") as caught:
        decode(HEIC_FILES[name])
    assert "Most Compatible" in str(caught.value)
    assert "heic" in str(caught.value), "the extra, or its package"


@pytest.mark.parametrize("name", HEIC_FILES)
def test_a_broken_heic_is_broken(name):
    import pillow_heif  # noqa: F401 - it must be installed for tests

    with pytest.raises(ImageError, match="broken or cut off"):
        decode(HEIC_FILES[name])


def write_heic(picture, **options):
    import pillow_heif as heif

    file = io.BytesIO()
    heif.from_pillow(picture).save(file, **options)
    return file.getvalue()


def make_picture(width=96, height=64):
    across = np.tile(np.linspace(0, 255, width, dtype=np.uint8), (height, 1))
    return Image.fromarray(np.stack([across, across[:, ::-1], np.full_like(across, 90)], axis=2))


@pytest.mark.parametrize("size", [(96, 64), (97, 65), (64, 200)])
def test_photos_of_phones_are_read(size):
    made = make_picture(*size)
    pixels = decode(write_heic(made, quality=95)).pixels
    assert pixels.shape == (size[1], size[0], 3)
    assert np.abs(pixels.astype(int) - np.asarray(made)).mean() < 8


@pytest.mark.parametrize("mode", ["RGBA", "L"])
def test_modes_of_heic(mode):
    assert decode(write_heic(make_picture().convert(mode))).pixels.shape == (64, 96, 3)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_turned_heic_is_upright(orientation):
    """As a JPEG with the same EXIF is."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    made = make_picture()
    jpeg = io.BytesIO()
    made.save(jpeg, "JPEG", exif=exif, quality=95)
    wanted = decode(jpeg.getvalue()).pixels
    found = decode(write_heic(made, exif=exif.tobytes(), quality=95)).pixels
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).mean() < 8


def test_a_heic_that_is_too_large_is_refused_before_its_pixels_are_decoded(monkeypatch):
    data = write_heic(make_picture(400, 300))
    import pillow_heif as heif

    def decoded(*_):
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr(heif.HeifImageFile, "load", decoded)
    with pytest.raises(ImageError, match="400×300"):
        decode(data, max_pixels=100_000)


def test_a_cut_off_heic_is_refused():
    data = write_heic(make_picture(400, 300))
    for share in (0.2, 0.5, 0.9):
        with pytest.raises(ImageError):
            decode(data[: int(share * len(data))])


def test_pillow_itself_learns_nothing():
    """Its formats belong to the whole process, and so to the program that uses onlyme."""
    decode(write_heic(make_picture()))
    assert "HEIF" not in Image.OPEN


@pytest.mark.parametrize("suffix", ["NEF", "dng", "arw", "cr2"])
def test_the_thumbnail_of_a_raw_file_is_no_photo(tmp_path, suffix):
    """Nikon's and others are a kind of TIFF, in which Pillow sees a picture of 160×120."""
    path = tmp_path / f"DSC_1.{suffix}"
    Image.new("RGB", (160, 120)).save(path, "TIFF")
    with pytest.raises(ImageError, match="RAW"):
        decode(path)


def test_raw_files_are_refused_with_a_message_but_not_beside_their_jpeg(tmp_path):
    for name in ("a.NEF", "a.JPG", "b.CR3", "c.jxl", "d.heic", "d.jpg"):
        (tmp_path / name).touch()
    found = [path.name for path in list_photos(tmp_path)]
    assert found == ["a.JPG", "b.CR3", "c.jxl", "d.heic", "d.jpg"]


def test_other_formats_of_that_family_are_read():
    for kind in ("AVIF", "TIFF", "JPEG2000"):
        file = io.BytesIO()
        Image.new("RGB", (64, 48)).save(file, kind)
        assert decode(file.getvalue()).pixels.shape == (48, 64, 3)


class PluggedIn(ImageFile.ImageFile):
    """A picture as a plug-in of another package opens it."""

    format = "HEIF"

    def __init__(self):
        Image.Image.__init__(self)
        made = Image.new("RGB", (6, 4), (9, 8, 7))
        self.im, self._mode, self._size = made.im, "RGB", made.size
        self.tile, self.fp = [], None

    def _open(self):
        """Opened already."""

    def load(self):
        return self.im


def test_a_picture_that_another_plug_in_opened_is_used():
    pixels = decode(PluggedIn()).pixels
    assert pixels.shape == (4, 6, 3)
    assert np.all(pixels == (9, 8, 7))


def test_a_format_that_pillow_itself_decodes_but_we_do_not_is_still_refused():
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, "EPS")
    with pytest.raises(ImageError, match="format EPS"):
        decode(Image.open(file))


def test_an_older_pillow_without_avif_still_knows_what_is_no_picture(monkeypatch):
    real = decoding._list_formats()
    assert "AVIF" in real
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert decoding._list_formats.__wrapped__() == tuple(f for f in real if f != "AVIF")
    with pytest.raises(ImageError, match="not a picture that onlyme reads"):
        decode(b"no picture")
