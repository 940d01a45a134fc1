"""Debian's Chromium before the page, with a video for a camera."""

import io
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

CHROMIUM = "/usr/bin/chromium"

FLAGS = (
    *("--no-sandbox", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-default-apps", "--no-first-run", "--disable-gpu"),
    *("--disable-domain-reliability", "--disable-client-side-phishing-detection"),
    *("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"),
)
"""What keeps a browser from calling home, and gives it a camera that nobody must allow."""


def film(path, frames, longest=640):
    """Write frames, uint8[h, w, 3] RGB, as the MJPEG that Chromium plays at 30 a second."""
    with path.open("wb") as file:
        for pixels in frames:
            image = Image.fromarray(pixels)
            image.thumbnail((longest, longest))
            # Chromium wants an even number of rows and columns.
            image = image.crop((0, 0, image.width & ~1, image.height & ~1))
            out = io.BytesIO()
            image.save(out, "JPEG", quality=95)
            file.write(out.getvalue())
    return path


def clip(data, name, *spans):
    """Return frames of a clip between seconds, one span after the other."""
    from onlyme.image.source import frames

    spans = spans or ((0.0, 1e9),)
    taken = list(frames(data / "clips" / f"{name}.mp4"))
    return [f.pixels for low, high in spans for f in taken if low <= f.at < high]


def artefacts():
    """The folder that screenshots are kept in: outside of the project, since they show people."""
    import platformdirs

    named = os.environ.get("ONLYME_ARTEFACTS")
    folder = platformdirs.user_cache_path("onlyme", appauthor=False) / "page"
    folder = Path(named) if named else folder
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def needs_chromium():
    """Leave a test out where there is no browser; in CI that is a failure."""
    if shutil.which(CHROMIUM):
        return
    message = f"no {CHROMIUM}; install Debian's package chromium"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@contextmanager
def browser(playwright, video=None, *flags):
    """A browser whose camera plays a video, or shows a test picture."""
    plays = [f"--use-file-for-fake-video-capture={video}"] if video else []
    opened = playwright.chromium.launch(
        executable_path=CHROMIUM, args=[*FLAGS, *plays, *flags], timeout=60_000
    )
    try:
        yield opened
    finally:
        opened.close()
