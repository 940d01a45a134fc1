"""A browser whose camera plays moving photos of public people, and a service for it.

Such a film is no living person, so liveness is off here; test_real.py checks liveness.
"""

import numpy as np
import pytest

from onlyme import FaceID
from onlyme.settings import Settings
from tests.serve.browsing import browser, film, visit
from tests.serve.conftest import serving


@pytest.fixture(scope="module")
def served(photos, tmp_path_factory):
    """A service over a vault that knows one person, and does not look for life."""
    folder = tmp_path_factory.mktemp("page") / "vault"
    with FaceID.open(folder) as face_id:
        face_id.enroll("obama", [photos / f"obama_{number}.jpg" for number in (1, 2, 4)])
    with serving(Settings.load(vault=folder, liveness="off")) as running:
        yield running


@pytest.fixture(scope="module")
def moving(photos, pipeline, tmp_path_factory):
    """A function that makes a film in which a photo's face moves about."""

    def make(name, count=60):
        pixels = pipeline.decode(photos / f"{name}.jpg").pixels
        left, top, width, height = pipeline.detector.detect(pixels)[0].box.astype(int)
        middle_x, middle_y, side = left + width // 2, top + height // 2, int(height * 0.95)
        frames = []
        for at in range(count):
            x = middle_x + int(0.05 * height * np.sin(at / 5))
            rows = np.clip(np.arange(middle_y - side, middle_y + side), 0, pixels.shape[0] - 1)
            columns = np.clip(np.arange(x - side, x + side), 0, pixels.shape[1] - 1)
            frames.append(np.ascontiguousarray(pixels[np.ix_(rows, columns)]))
        return film(tmp_path_factory.mktemp("film") / f"{name}.mjpeg", frames, 480)

    return make


@pytest.fixture(scope="module")
def window(playwright, moving):
    """A browser that sees the person who is enrolled."""
    with browser(playwright, moving("obama_3")) as opened:
        yield opened


@pytest.fixture
def alpha(served):
    """The owner's alpha; it is put back afterwards."""
    client = served.client()
    before = client.get("/v1/names/obama/tune").json()["alpha"]
    yield before
    client.post("/v1/names/obama/tune", params={"alpha": before, "yes": True})


@pytest.fixture
def watched(window, served):
    """The Unlock view with a running camera whose stream answers only what a test says."""
    with visit(window, served) as shown:
        shown.page.add_init_script(
            """window.sockets = [];
            window.WebSocket = class extends EventTarget {
              constructor() { super(); this.readyState = 1; window.sockets.push(this);
                setTimeout(() => this.dispatchEvent(new Event("open"))); }
              send() {} close() {} static OPEN = 1; };"""
        )
        shown.page.reload()
        shown.see("unlock", "obama")
        shown.page.click("text=Start the camera")
        shown.page.wait_for_selector(".prompt:has-text('Loading')")
        yield shown
