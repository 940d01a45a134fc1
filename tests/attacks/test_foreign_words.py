"""Broken files and wrong use never show the words of the libraries beneath."""

import io
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from onlyme import FaceID, ImageError, OnlymeError
from onlyme.image.decode import decode


@pytest.mark.parametrize("compression", ["jpeg", "tiff_lzw", "tiff_adobe_deflate"])
def test_a_broken_tiff_writes_nothing_on_stderr(capfd, compression):
    generator, file = np.random.default_rng(0), io.BytesIO()
    pixels = generator.integers(0, 255, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "TIFF", compression=compression)
    whole = file.getvalue()
    for _ in range(20):
        broken = bytearray(whole)
        for place in generator.integers(8, len(whole) - 900, 200):
            broken[place] ^= 255
        with suppress(ImageError):
            decode(bytes(broken))
    captured = capfd.readouterr()
    assert captured.err + captured.out == ""
    assert decode(whole).pixels.shape == (200, 200, 3)


def use(face_id):
    return [
        face_id.names,
        lambda: face_id.owner("ada"),
        lambda: face_id.forget("ada"),
        lambda: face_id.verify("ada", "me.jpg"),
        lambda: face_id.admin.gate.allowances(),
        face_id.admin.backup,
        face_id.admin.gate.audit.verify,
        face_id.gallery_people,
    ]


def test_a_closed_face_id_says_that_it_is_closed(folder):
    face_id = FaceID.open(folder)
    face_id.close()
    for call in use(face_id):
        with pytest.raises(OnlymeError, match="was closed; open it again"):
            call()
    face_id.close()
