"""Drive Debian's Chromium, which plays a video as its camera."""

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
)
"""What keeps a browser from calling home."""

CAMERA = "--use-fake-device-for-media-stream"
ALLOWED = "--use-fake-ui-for-media-stream"


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
    from onlyme.image.sources import read_frames

    spans = spans or ((0.0, 1e9),)
    taken = list(read_frames(data / "clips" / f"{name}.mp4"))
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
    """A browser whose camera plays a video; without one, it has what the flags give it."""
    if video is not None:
        flags = (*flags, CAMERA, ALLOWED, f"--use-file-for-fake-video-capture={video}")
    opened = playwright.chromium.launch(
        executable_path=CHROMIUM, args=[*FLAGS, *flags], timeout=60_000
    )
    try:
        yield opened
    finally:
        opened.close()


GO = """(address) => new Promise((done) => {
  if (decodeURI(location.hash) === decodeURI(address)) done();
  addEventListener("hashchange", done, { once: true });
  location.hash = address; })"""
"""Goes to a view, and waits until the page has heard of it."""


class Visit:
    """One page that is open, and what went wrong in it.

    Attributes:
        page: Playwright's.
        url: of the service.
        wrong: what the console said, errors of scripts, requests to elsewhere.
    """

    def __init__(self, page, url):
        self.page = page
        self.url = url
        self.wrong = []
        page.set_default_timeout(60_000)  # an answer, not a speed, is tested
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("request", lambda request: self._asked(request.url))
        page.on("websocket", lambda socket: self._asked(socket.url.replace("ws", "http", 1)))

    def _said(self, message):
        if message.type in {"error", "warning"}:
            self.wrong.append(f"{message.type}: {message.text}")

    def _asked(self, url):
        if not url.startswith((f"{self.url}/", f"blob:{self.url}/")):
            self.wrong.append(f"asked {url}")

    def see(self, view, name=""):
        """Go to a view and wait until it is there."""
        from urllib.parse import quote

        # The view before it stays until the page hears of the new address: a click in between would
        # start that view's camera, and the one that is meant would wait for it for ever.
        self.page.evaluate(GO, f"#/{view}" + (f"/{quote(name)}" if name else ""))
        self.ready()

    def ready(self):
        self.page.wait_for_selector(".view:not([aria-busy])")

    def hears(self, words):
        """Wait until a screen reader is told this."""
        self.page.wait_for_selector(f"#announcer:has-text('{words}')", state="attached")

    def fits(self):
        """Say whether nothing reaches over the window's width."""
        return self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    def keep(self, name):
        """Keep a screenshot for people to look at."""
        self.page.screenshot(path=artefacts() / f"{name}.png")

    def violations(self):
        """What axe-core finds, in words."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        return [
            f"{each['id']}: {node['html'][:160]} ({node['failureSummary']})"
            for each in found
            for node in each["nodes"]
        ]


@contextmanager
def visit(opened, running, *, link=None, expected=(), **context):
    """Open the page by a one-time link; at the end, nothing but the expected may have gone wrong.

    Args:
        opened: the browser.
        running: the service; None with a link.
        link: that a service of another process printed.
        expected: parts of messages that belong to what is tested.
        context: of the browser: size, colour scheme and so on.
    """
    from onlyme.serve.access.tokens import Tokens

    if link is None:
        with running.open_admin() as admin:
            link = f"{running.url}/open?token={Tokens(admin).create_link()}"
    window = opened.new_context(**{"viewport": DESK, "reduced_motion": "reduce"} | context)
    try:
        shown = Visit(window.new_page(), link.rpartition("/open")[0])
        shown.page.goto(link)
        shown.ready()
        yield shown
        wrong = [each for each in shown.wrong if not any(part in each for part in expected)]
        assert not wrong, wrong
    finally:
        window.close()


DESK = {"width": 1200, "height": 820}
PHONE = {"width": 360, "height": 740}
