"""A photo and a token for `verify` must not open an app that asks for a living person."""

import io
import json
import subprocess
import sys
from pathlib import Path

import jwt
import pytest
from PIL import Image

from onlyme import FaceID
from onlyme.serve.access.assertions import SeenBy
from onlyme.settings import Settings
from onlyme.types import LivenessLevel
from tests.serve.conftest import serving
from tests.serve.live.streaming import open_stream, wait_for

ROOT = Path(__file__).parents[3]
NONCE = "0123456789abcdef"
QUERY = f"audience=example-app&nonce={NONCE}"


def make_frame(photos, shift):
    """Return a public photo as a frame of a camera, moved by some pixels."""
    with Image.open(photos / "obama_3.jpg") as image:
        image.thumbnail((640, 640))
        moved = image.transform(image.size, Image.Transform.AFFINE, (1, 0, shift, 0, 1, 0))
    out = io.BytesIO()
    moved.save(out, "JPEG", quality=80)
    return out.getvalue()


class App:
    """The example app, with the key of a service."""

    def __init__(self, folder, running):
        keys = running.client("verify").get("/v1/keys").json()
        (folder / "keys.json").write_text(json.dumps(keys))
        self.folder, self.key = folder, jwt.PyJWK(keys["keys"][0])

    def run(self, step, give=None):
        path = ROOT / "examples/assertion_app/app.py"
        command = [sys.executable, path, "--folder", self.folder, step]
        return subprocess.run(
            command, input=give, capture_output=True, text=True, timeout=60, check=False
        )

    def draw(self):
        drawn = json.loads(self.run("begin").stdout)
        return f"audience={drawn['audience']}&nonce={drawn['nonce']}"

    def read(self, assertion):
        return jwt.decode(assertion, self.key, ["EdDSA"], audience="example-app")


@pytest.fixture
def app(running, tmp_path):
    return App(tmp_path, running)


def ask_with_a_photo(running, app, photos, count):
    """Return the assertion that a public photo gets, sent so often, each time moved a little."""
    path = f"/v1/names/obama/verify?{app.draw()}"
    files = [("frame", ("x.jpg", make_frame(photos, number))) for number in range(count)]
    return running.client("verify").post(path, files=files).json()["assertion"]


def test_a_moved_photo_is_not_asserted(running, app, photos):
    assert ask_with_a_photo(running, app, photos, 5) is None


def test_a_public_photo_does_not_open_the_example_app(running, app, photos):
    assertion = ask_with_a_photo(running, app, photos, 1)
    claims = app.read(assertion)
    assert claims["src"] == "picture"
    assert claims["liveness"] == "passive"
    refused = app.run("finish", give=assertion)
    assert refused.returncode == 1
    assert "challenge" in refused.stderr


@pytest.mark.parametrize(
    ("src", "liveness", "code"),
    [
        (SeenBy.STREAM, LivenessLevel.CHALLENGE, 0),
        (SeenBy.STREAM, LivenessLevel.PASSIVE, 1),
        (SeenBy.FRAMES, LivenessLevel.CHALLENGE, 1),
        (SeenBy.PICTURE, LivenessLevel.CHALLENGE, 1),
        (SeenBy.STREAM, LivenessLevel.OFF, 1),
    ],
)
def test_the_example_app_asks_for_a_challenge_before_a_stream(running, app, src, liveness, code):
    drawn = json.loads(app.run("begin").stdout)
    assertion = running.service.signer.sign(
        "obama", drawn["audience"], drawn["nonce"], src, liveness
    )
    assert app.run("finish", give=assertion).returncode == code


def test_an_assertion_of_an_older_service_is_refused(running, app):
    drawn = json.loads(app.run("begin").stdout)
    signer = running.service.signer
    good = signer.sign("obama", drawn["audience"], drawn["nonce"], SeenBy.STREAM, "challenge")
    claims = app.read(good)
    del claims["src"], claims["liveness"]
    old = jwt.encode(claims, signer._key, "EdDSA", headers={"kid": signer._public["kid"]})
    assert app.run("finish", give=old).returncode == 1


def test_a_stream_asserts_once_and_says_what_it_saw(photos, photo, tmp_path):
    folder = tmp_path / "vault"
    with FaceID.open(folder) as face_id:
        face_id.enroll("obama", [photos / f"obama_{number}.jpg" for number in (1, 2, 4)])
    settings = Settings.load(vault=folder, liveness="off", attention="off")
    with serving(settings) as running:
        app = App(tmp_path, running)
        pictures = iter([photo("obama_3", shift) for shift in range(40)])
        with open_stream(running, f"obama/watch?{QUERY}", scope="verify") as socket:
            first, _ = wait_for(socket, "attempt", pictures=pictures)
            socket.send(next(pictures))
            second, _ = wait_for(socket, "attempt", pictures=pictures)
    assert first["decision"]["accepted"]
    claims = app.read(first["decision"]["assertion"])
    assert (claims["src"], claims["liveness"], claims["nonce"]) == ("stream", "off", NONCE)
    assert second["decision"]["accepted"]
    assert second["decision"]["assertion"] is None


def test_a_stream_that_is_not_asked_for_an_assertion_sends_none(running, photo):
    pictures = [photo("biden_1", shift) for shift in range(60)]
    with open_stream(running, "obama/watch", scope="verify") as socket:
        attempt, _ = wait_for(socket, "attempt", pictures=pictures)
    assert "assertion" not in attempt["decision"]
