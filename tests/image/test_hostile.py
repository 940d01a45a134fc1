"""Test `decode` against harmful files: it takes at most a second and little memory."""

import io
import re
import struct
import subprocess
import sys
import time
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from onlyme.errors import ImageError
from onlyme.image.decode import decode
from onlyme.types import Frame

# file: width × height, or what the cause of its ImageError says
MOST_SECONDS = 3
"""Of computing, for any file, where coverage is measured and other programs run beside: a bomb that
is unpacked takes minutes."""

NASTY: dict[str, tuple[int, int] | str] = {
    "16_bit_binary.pgm": (20, 100),
    "apng_mode_palette_alpha.png": (128, 64),
    "avif_hopper.avif": (128, 128),
    "avif_hopper.heif": (128, 128),
    "avif_rot3mir1.avif": (640, 427),
    "broken.png": "not a picture that onlyme reads",
    "broken_exif_dpi.jpg": (100, 100),
    "crash-0c7e0e8e11ce787078f00b5b0ca409a167f070e0.tif": "broken or cut off",
    "crash-2020-10-test.tif": "broken or cut off",
    "crash-4fb027452e6988530aa5dabee76eecacb3b79f8a.j2k": "broken or cut off",
    "decompression_bomb.gif": "too many pixels",
    "exif-dpi-zerodivision.jpg": (200, 200),
    "exif_gps_typeerror.jpg": (800, 531),
    "frozenpond.mpo": (640, 480),
    "hopper.jpg": (128, 128),
    "hopper.webp": (128, 128),
    "hopper_bad_exif.jpg": (500, 500),
    "hopper_gray.jpg": (128, 128),
    "hopper_orientation_3.jpg": (128, 128),
    "hopper_orientation_5.jpg": (128, 128),
    "hopper_orientation_6.jpg": (128, 128),
    "hopper_orientation_6.webp": (128, 128),
    "hopper_orientation_8.jpg": (128, 128),
    "hopper_zero_comment_subblocks.gif": (128, 128),
    "icc_profile_big.jpg": (425, 250),
    "invalid-exif.jpg": (200, 200),
    "iss634.apng": (245, 245),
    "multiple_exif.jpg": (1, 1),
    "png_decompression_dos.png": "too large",
    "sugarshack_bad_mpo_header.jpg": (640, 480),
    "tiff_16bit_RGB.tiff": (100, 40),
    "tiff_strip_cmyk_jpeg.tif": (100, 100),
    "total-pages-zero.tif": (1728, 2156),
    "zero_height.j2k": "not a picture that onlyme reads",
}
HARD: dict[str, tuple[int, int] | str] = {
    "imageio_bricks.jpg": (512, 512),
    "imageio_coffee.png": (600, 400),
    "imageio_hubble_deep_field.png": (1000, 872),
    "imageio_meadow_cube.jpg": (2048, 12288),
    "liveportrait_alpaca_s38.jpg": (975, 1300),
    "liveportrait_cartoon_s7.jpg": (852, 852),
    "liveportrait_dog_s30.jpg": (256, 256),
    "liveportrait_dog_s31.jpg": (256, 256),
    "liveportrait_dog_s32.jpg": (256, 256),
    "liveportrait_painting_s3.jpg": (564, 729),
    "liveportrait_painting_s8.jpg": (562, 1000),
    "liveportrait_photoofphoto_s11.jpg": (708, 648),
    "liveportrait_statue_s6.jpg": (725, 725),
}
FILES = [("nasty", *item) for item in NASTY.items()] + [("hard", *item) for item in HARD.items()]


@pytest.mark.data
@pytest.mark.parametrize(("folder", "name", "expected"), FILES)
def test_file_by_file(data: Path, folder: str, name: str, expected: tuple[int, int] | str) -> None:
    file = data / folder / name
    began = time.process_time()
    if isinstance(expected, str):
        with pytest.raises(ImageError, match=re.escape(expected)) as caught:
            decode(file)
        assert caught.value.source == str(file)
    else:
        width, height = expected
        assert decode(file).pixels.shape == (height, width, 3)
    assert time.process_time() - began < MOST_SECONDS


@pytest.mark.data
@pytest.mark.parametrize(("folder", "table"), [("nasty", NASTY), ("hard", HARD)])
def test_the_tables_leave_no_file_out(data: Path, folder: str, table: dict[str, object]) -> None:
    assert {file.name for file in (data / folder).iterdir()} == set(table)


@pytest.mark.data
def test_the_same_picture_in_every_orientation(data: Path) -> None:
    upright = decode(data / "nasty" / "hopper.jpg").pixels.astype(float)
    for file in sorted((data / "nasty").glob("hopper_orientation_*")):
        turned = decode(file).pixels.astype(float)
        assert np.abs(turned - upright).mean() < 12, file.name  # two losses by compression
        assert np.abs(turned[::-1] - upright).mean() > 30, file.name  # and not by chance


def attempt(data: bytes) -> Frame | ImageError:
    """Decode within seconds of computing; any other exception fails the test."""
    began = time.process_time()  # not the clock: other programs may be busy
    try:
        outcome: Frame | ImageError = decode(data)
    except ImageError as error:
        outcome = error
    assert time.process_time() - began < MOST_SECONDS
    return outcome


# --- bombs: small files that claim, or unpack to, much more ------------------------------


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *chunks: bytes, pixels: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(pixels))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), *chunks, body, chunk(b"IEND", b"")]
    )


@cache
def sample(kind: str, **options: object) -> bytes:
    noise = np.random.default_rng(3).integers(0, 256, (24, 36, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize((144, 96))
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def jpeg_of(width: int, height: int, *, scans: int = 1) -> bytes:
    """Return a progressive JPEG that claims a size, and that repeats its last pass."""
    data = bytearray(sample("JPEG", progressive=True))
    start = data.index(b"\xff\xc2")
    data[start + 5 : start + 9] = struct.pack(">HH", height, width)
    last = bytes(data).rindex(b"\xff\xda")
    return bytes(data[:-2]) + bytes(data[last:-2]) * (scans - 1) + b"\xff\xd9"


def webp_canvas(width: int, height: int) -> bytes:
    body = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0"
    body += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body += b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def tiff_of(width: int, height: int) -> bytes:
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1)]
    tags += [(273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, 16)]
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + body + b"\0\0\0\0"


def j2k_of(width: int, height: int) -> bytes:
    data = bytearray(sample("JPEG2000"))
    at = bytes(data).index(b"\xff\x51") + 6
    data[at : at + 8] = struct.pack(">II", width, height)
    data[at + 16 : at + 24] = struct.pack(">II", width, height)  # one tile
    return bytes(data)


def gif_of(width: int, height: int) -> bytes:
    head = b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + bytes(6)
    return head + b"," + struct.pack("<HHHH", 0, 0, width, height) + b"\0\x02\x02\x4c\x01\0;"


BOMBS = {
    "png, claims 49 megapixels": png(7000, 7000, pixels=b"\0" * 50),
    "png, claims 4 gigapixels": png(65535, 65535),
    "png, negative": png(2**31, 2**31),
    "png, text of 80 MB": png(1, 1, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(80 << 20)))),
    "png, colour profile of 80 MB": png(
        1, 1, chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(80 << 20))), pixels=b"\0\0\0\0"
    ),
    "png, many texts": png(1, 1, *[chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 20)))] * 300),
    "jpeg, claims 49 megapixels": jpeg_of(7000, 7000),
    "jpeg, many passes over 9 megapixels": jpeg_of(3000, 3000, scans=4000),
    "jpeg, many passes over 1 megapixel": jpeg_of(1000, 1000, scans=4000),
    "webp, canvas of 268 megapixels": webp_canvas(16384, 16384),
    "webp, canvas of 49 megapixels": webp_canvas(7000, 7000),
    "tiff, claims 49 megapixels": tiff_of(7000, 7000),
    "tiff, claims 4 gigapixels": tiff_of(65535, 65535),
    "j2k, claims 49 megapixels": j2k_of(7000, 7000),
    "gif, claims 49 megapixels": gif_of(7000, 7000),
    "gif, claims 4 gigapixels": gif_of(65535, 65535),
    "bmp, claims 49 megapixels": b"BM"
    + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, 7000, 7000, 1, 24, 0, 0, 0, 0, 0, 0),
    "ppm, claims 49 megapixels": b"P6 7000 7000 255\n" + bytes(99),
    "png, a million chunks": png(1, 1, *[chunk(b"aaAa", b"")] * 1_000_000, pixels=b"\0\0\0\0"),
    "jpeg, five million segments": b"\xff\xd8" + b"\xff\xe9\0\2" * 5_000_000,
    "jpeg, no marker for 60 MB": b"\xff\xd8" + bytes(60 << 20),
    "jpeg, 30 million filling bytes": b"\xff\xd8" + b"\xff" * 30_000_000,
    "gif, ten million comments": gif_of(9, 9)[:19] + b"!\xfe\0" * 10_000_000,
    "gif, a comment of ten million pieces": gif_of(9, 9)[:19] + b"!\xfe" + b"\1a" * 10_000_000,
    "png, cut off in 49 megapixels": png(7000, 7000, pixels=bytes(7000 * 21001))[:-100],
    "jp2, five million empty boxes": b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\x08free" * 5_000_000,
    "jp2, a header of five million empty boxes": b"\0\0\0\x0cjP  \r\n\x87\n"
    + struct.pack(">I4s", 40_000_008, b"jp2h")
    + b"\0\0\0\x08free" * 5_000_000,
    "icns, five million empty parts": b"icns"
    + struct.pack(">I", 40_000_000)
    + b"abcd\0\0\0\x08" * 5_000_000,
    "ppm, twenty million comments": b"P6 " + b"#\n" * 20_000_000,
    "ppm, endless number": b"P6 " + b"9" * 100_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_soon(name: str) -> None:
    outcome = attempt(BOMBS[name])
    if isinstance(outcome, ImageError):
        assert outcome.source == "bytes"
        assert len(str(outcome)) < 250
    else:  # what unpacks to much may still hold a small picture
        assert outcome.pixels.size <= 3


def test_bombs_take_no_memory(tmp_path: Path) -> None:
    """All of them, one after the other, add less than 100 MB to the peak of a process."""
    for number, bomb in enumerate(BOMBS.values()):
        (tmp_path / f"{number}").write_bytes(bomb)
    code = """
import sys
from pathlib import Path
from onlyme.errors import ImageError
from onlyme.image.decode import decode
from PIL import Image
Image.init()
def kilobytes():
    # Not ru_maxrss: a process inherits that from the one that started it.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])
before = kilobytes()
for path in Path(sys.argv[1]).iterdir():
    try:
        decode(path)
    except ImageError as error:
        assert "computer's memory" not in error.cause, error
    print((kilobytes() - before) // 1024, path.name)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    grown = [int(line.split()[0]) for line in done.stdout.splitlines()]
    assert len(grown) == len(BOMBS)
    assert max(grown) < 100, done.stdout


def test_fifty_megapixels_fit_into_500_megabytes(tmp_path: Path) -> None:
    Image.new("RGB", (8000, 6250), (9, 80, 200)).save(tmp_path / "large.jpg", exif=b"")
    code = """
import sys
from pathlib import Path
from onlyme.image.decode import decode
assert decode(sys.argv[1]).pixels.shape == (6250, 8000, 3)
print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "large.jpg"],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    assert int(done.stdout) < 500


# --- mutations: real pictures with bytes changed, cut, doubled or moved --------------------

ORIGINALS: dict[str, dict[str, object]] = {
    "JPEG": {},
    "PNG": {},
    "WEBP": {},
    "GIF": {},
    "TIFF": {"compression": "tiff_lzw"},
    "BMP": {},
    "JPEG2000": {},
    "AVIF": {},
    "ICO": {},
    "PPM": {},
}

edits = st.lists(
    st.tuples(
        st.sampled_from(["byte", "cut", "drop", "double", "insert", "word"]),
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 255),
        st.binary(max_size=6),
    ),
    min_size=1,
    max_size=8,
)


def mutated(data: bytes, changes: list[tuple[str, float, int, bytes]]) -> bytes:
    out = bytearray(data)
    for kind, where, value, extra in changes:
        # Half of the edits fall into the header, where they hurt most.
        at = (
            int((where - 0.5) * 2 * len(out))
            if where >= 0.5
            else int(where * 2 * min(len(out), 64))
        )
        if kind == "byte" and out:
            out[at] = value
        elif kind == "cut":
            del out[at:]
        elif kind == "drop":
            del out[at : at + value]
        elif kind == "double":
            out[at:at] = out[at : at + value]
        elif kind == "insert":
            out[at:at] = extra
        elif kind == "word":
            out[at : at + 4] = b"\xff\xff\xff\xff"
    return bytes(out)


@pytest.mark.parametrize("kind", ORIGINALS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes=edits)
def test_a_mutated_picture_is_a_frame_or_an_image_error(
    kind: str, changes: list[tuple[str, float, int, bytes]]
) -> None:
    data = mutated(sample(kind, **ORIGINALS[kind]), changes)
    outcome = attempt(data)
    if isinstance(outcome, ImageError):
        assert outcome.source == "bytes"
        assert outcome.cause
    else:
        assert outcome.pixels.dtype == np.uint8
        assert outcome.pixels.ndim == 3
        assert outcome.pixels.shape[2] == 3
        assert outcome.pixels.flags.c_contiguous


@settings(max_examples=200, deadline=None)
@given(
    data=st.binary(max_size=400),
    prefix=st.sampled_from([b"", *(sample(k)[:16] for k in ORIGINALS)]),
)
def test_noise_is_an_image_error_or_a_frame(data: bytes, prefix: bytes) -> None:
    assert isinstance(attempt(prefix + data), (Frame, ImageError))


@pytest.mark.parametrize("kind", ORIGINALS)
def test_cut_anywhere(kind: str) -> None:
    data = sample(kind, **ORIGINALS[kind])
    for end in np.linspace(0, len(data) * 0.9, 40).astype(int):
        with pytest.raises(ImageError):
            decode(data[:end])
