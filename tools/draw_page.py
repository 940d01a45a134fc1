"""Draw the pictures of the page for the documentation. Nobody is in them.

    python tools/draw_page.py        # all; needs Debian's chromium
    python tools/draw_page.py story  # only the animated one of the README

The camera shows a drawing, and the person who is enrolled is drawn as well: random vectors about
a random one. So no picture of anybody, and nothing made from one, gets into the repository.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402 - needs the path above
from PIL import Image, ImageDraw, ImageFilter, ImageFont  # noqa: E402 - needs the path above
from playwright.sync_api import Page, sync_playwright  # noqa: E402 - needs the path above

from onlyme import Embedding, FaceID  # noqa: E402 - needs the path above
from onlyme.runtime.drawn_faces import draw_test_faces  # noqa: E402 - needs the path above
from onlyme.settings import Settings  # noqa: E402 - needs the path above
from tests.serve.browsing import Visit, browser, film, visit  # noqa: E402 - needs the path above
from tests.serve.conftest import serving  # noqa: E402 - needs the path above

PICTURES = ROOT / "docs" / "pictures"
WINDOW = {"width": 1040, "height": 700}
STORY = {"width": 1000, "height": 760}
STORY_SIZE = (800, 608)
STORY_WORDS = "simulated: drawn faces, which are nobody's; alpha set by hand, liveness off"
STORY_ALPHA = 0.5


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


class Story:
    """Collects what the page shows, as the frames of an animated picture."""

    def __init__(self) -> None:
        self.frames: list[Image.Image] = []
        self.milliseconds: list[int] = []

    def take(self, page: Page, milliseconds: int = 300) -> None:
        """Take what is shown now; it stays for this time."""
        page.evaluate("document.querySelectorAll('.note').forEach((note) => (note.hidden = true))")
        shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        shot = shot.resize(STORY_SIZE, Image.Resampling.LANCZOS)
        pen = ImageDraw.Draw(shot)
        width, height = STORY_SIZE
        pen.rectangle((0, height - 30, width, height), fill=(20, 32, 29))
        pen.text((14, height - 24), STORY_WORDS, (255, 227, 166), font=ImageFont.load_default(16))
        self.frames.append(shot)
        self.milliseconds.append(milliseconds)

    def watch(self, page: Page, until: str) -> None:
        """Take frames until something is shown."""
        page.wait_for_selector(".prompt:visible:has-text('Loading')", state="detached")
        for _ in range(200):
            self.take(page)
            if page.locator(until).count():
                return
        raise SystemExit(f"{until} was not shown")

    def save(self, path: Path) -> None:
        """Write the animated picture; frames that are the same are one."""
        first, *others = self.frames
        first.save(
            path,
            save_all=True,
            append_images=others,
            duration=self.milliseconds,
            loop=0,
            quality=60,
            method=6,
        )


def draw_story() -> None:
    """Enroll a drawn head, accept it, and refuse another one.

    Drawings are more alike than people are, so alpha is set between the two by hand; and nobody
    lives there, so liveness is off. The picture says both.
    """
    story = Story()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load(vault=Path(folder) / "vault", liveness="off", attention="off")
        stranger = draw_test_faces()[1][0]
        heads = [figure(float(np.sin(at / 9))) for at in range(57)]
        others = [np.roll(stranger, int(12 * np.sin(at / 9)), axis=1) for at in range(57)]
        videos = [
            film(Path(folder) / f"{number}.mjpeg", frames)
            for number, frames in enumerate((heads, others))
        ]
        with serving(settings) as running, sync_playwright() as playwright:
            with (
                browser(playwright, videos[0]) as opened,
                visit(opened, running, viewport=STORY) as shown,
            ):
                _show_enrolling(shown, story)
                with FaceID.open(settings.vault) as face_id:
                    face_id.tune("Grace", alpha=STORY_ALPHA)
                _show_unlocking(shown, story, "yes")
            with (
                browser(playwright, videos[1]) as opened,
                visit(opened, running, viewport=STORY) as shown,
            ):
                _show_unlocking(shown, story, "no")
    story.save(PICTURES / "story.webp")


def _show_enrolling(shown: Visit, story: Story) -> None:
    page = shown.page
    shown.see("enroll")
    page.fill("#name", "Grace")
    story.take(page, 1200)
    page.keyboard.press("Enter")
    page.wait_for_selector(".stage.on")
    story.watch(page, ".arc.filled")
    for _ in range(6):
        story.take(page)
    if page.is_visible("text=That is enough"):
        page.click("text=That is enough")
    page.wait_for_selector("h2:text-is('Grace is enrolled')")
    story.take(page, 2200)


def _show_unlocking(shown: Visit, story: Story, verdict: str) -> None:
    shown.see("unlock", "Grace")
    shown.page.click("text=Start the camera")
    shown.page.wait_for_selector(".stage.on")
    story.watch(shown.page, f".stage[data-verdict={verdict}]")
    story.take(shown.page, 2600)


def main() -> None:
    draw_story()
    if sys.argv[1:] == ["story"]:
        return
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
            shown.page.wait_for_selector(".odds:has-text('strangers') >> nth=1")
            take(shown.page, "page-people")


if __name__ == "__main__":
    main()
