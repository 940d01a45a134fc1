"""Pictures to send, and a gate without failed attempts."""

import io
from functools import cache

import pytest
from PIL import Image


@pytest.fixture(scope="module")
def photo(photos):
    """A function that returns a photo as a JPEG, moved by some pixels."""

    @cache
    def small(name):
        with Image.open(photos / f"{name}.jpg") as image:
            image = image.convert("RGB")
            image.thumbnail((480, 480))
            return image

    def make(name, shift=0):
        image = small(name)
        moved = image.transform(image.size, Image.Transform.AFFINE, (1, 0, shift, 0, 1, 0))
        out = io.BytesIO()
        moved.save(out, "JPEG", quality=90)
        return out.getvalue()

    return make


@pytest.fixture(autouse=True)
def afresh(running):
    """Every test begins with all its tries."""
    running.reset()
