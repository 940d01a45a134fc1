"""Draw the pictures of the page for the documentation. Nobody is in them.

    python tools/draw_page.py        # needs Debian's chromium

The camera shows a drawing, and the person who is enrolled is drawn as well: random vectors about
a random one. So no picture of anybody, and nothing made from one, gets into the repository.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402 - needs the path above
from PIL import Image, ImageDraw, ImageFilter  # noqa: E402 - needs the path above
from playwright.sync_api import Page, sync_playwright  # noqa: E402 - needs the path above

from onlyme import Embedding, FaceID  # noqa: E402 - needs the path above
from onlyme.settings import Settings  # noqa: E402 - needs the path above
from tests.serve.browsing import browser, film, visit  # noqa: E402 - needs the path above
from tests.serve.conftest import serving  # noqa: E402 - needs the path above

PICTURES = ROOT / "docs" / "pictures"
WINDOW = {"width": 1040, "height": 700}


def figure(turn: float) -> np.ndarray:
    """A drawn head before a wall, turned a little: uint8[480, 640, 3]."""
    image = Image.new("RGB", (640, 480), (186, 201, 196))
    pen = ImageDraw.Draw(image)
    x, skin, line = 320, (226, 178, 148), (88, 58, 44)
    pen.ellipse((x - 175, 385, x + 175, 700), fill=(52, 96, 104))
    pen.rectangle((x - 38, 330, x + 38, 420), fill=(205, 156, 128))
    pen.ellipse((x - 108, 78, x + 108, 340), fill=(66, 44, 34))
    pen.ellipse((x - 96, 96, x + 96, 366), fill=skin)
    pen.pieslice((x - 102, 70, x + 102, 270), 182, 358, fill=(66, 44, 34))
    nose = x + turn * 26
    for eye in (x - 40 + turn * 14, x + 40 + turn * 14):
        pen.arc((eye - 26, 176, eye + 26, 216), 200, 340, fill=line, width=6)
        pen.ellipse((eye - 17, 205, eye + 17, 223), fill=(250, 250, 248), outline=line, width=2)
        pen.ellipse((eye - 8, 205, eye + 8, 222), fill=(54, 38, 30))
    pen.line((nose - 4, 222, nose - 12, 268, nose + 10, 270), fill=(190, 138, 110), width=5)
    pen.arc(
        (x - 36 + turn * 14, 280, x + 36 + turn * 14, 322), 20, 160, fill=(168, 84, 78), width=9
    )
    return np.asarray(image.filter(ImageFilter.GaussianBlur(1.2)))


def enroll(face_id: FaceID, name: str, rng: np.random.Generator) -> None:
    """Enroll somebody who never was, and let others try."""
    model = face_id.pipeline.embedder.model
    centre = unit(rng.normal(size=face_id.pipeline.embedder.dimension))

    def drawn(spread: float) -> Embedding:
        noise = unit(rng.normal(size=len(centre)))
        return Embedding(unit(centre + spread * noise).astype(np.float32), model)

    face_id.enroll(name, [drawn(0.55) for _ in range(7)])
    for spread in (0.6, 0.7, 3.5, 4.5, 0.65, 3.0, 0.8):
        face_id.verify(name, drawn(spread), gate=True)


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def take(page: Page, name: str) -> None:
    """Take a picture without the note that a computer is busy, which this one may be."""
    page.evaluate("document.querySelectorAll('.note').forEach((note) => (note.hidden = true))")
    page.screenshot(path=PICTURES / f"{name}.png")


def main() -> None:
    frames = [figure(float(np.sin(at / 9))) for at in range(57)]
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load(vault=Path(folder) / "vault")
        with FaceID.open(settings.vault) as face_id:
            enroll(face_id, "Ada", np.random.default_rng(4))
        video = film(Path(folder) / "camera.mjpeg", frames)
        with (
            serving(settings) as running,
            sync_playwright() as playwright,
            browser(playwright, video) as opened,
            visit(opened, running, viewport=WINDOW) as shown,
        ):
            shown.see("enroll")
            shown.page.fill("#name", "Grace")
            shown.page.keyboard.press("Enter")
            shown.page.wait_for_selector(".arc.filled")
            shown.page.wait_for_timeout(1500)
            take(shown.page, "page-enroll")
            shown.page.click("text=That is enough")
            shown.page.click("text=Try it")
            shown.ready()
            shown.page.click("text=Start the camera")
            shown.page.wait_for_selector(".pill:visible")
            shown.page.set_viewport_size({"width": 1040, "height": 860})
            shown.page.wait_for_selector(".pill:visible")
            take(shown.page, "page-unlock")
            shown.see("sensitivity", "Ada")
            shown.page.set_viewport_size({"width": 1040, "height": 900})
            take(shown.page, "page-sensitivity")
            shown.see("people")
            shown.page.wait_for_selector(".odds:has-text('tries') >> nth=1")
            take(shown.page, "page-people")


if __name__ == "__main__":
    main()
