"""Pictures as an app's camera gives them."""

import io
from pathlib import Path

from PIL import Image


def as_frame(path: Path) -> bytes:
    """Return a photo in the size and with the compression of a camera's frame.

    Passive liveness takes a photo as the registries have it for what it is: too clean for a camera.
    """
    with Image.open(path) as photo:
        picture = photo.convert("RGB")
    picture.thumbnail((640, 640))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=80)
    return file.getvalue()
