"""The typed client: written from the service's document, and used on the real service."""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from onlyme.errors import UsageError
from onlyme.serve.client import Client, RefusedError
from onlyme.serve.client.transport import encode_part
from tests.serve.pictures import as_frame

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ask(running):
    """A function that returns a client with a token of a scope."""
    running.reset()
    return lambda scope="admin": Client(running.url, running.secrets[scope])


def test_it_is_written_from_the_services_document():
    done = subprocess.run(
        [sys.executable, ROOT / "tools/rest_client.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_it_needs_nothing_but_the_standard_library():
    script = "import sys, onlyme.serve.client; print(sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    for module in ("fastapi", "httpx", "cv2", "numpy", "pydantic"):
        assert f"'{module}'" not in done.stdout


def test_pictures_are_files_or_bytes_one_or_several(ask, photos, tmp_path):
    frame = as_frame(photos / "obama_3.jpg")
    file = tmp_path / "frame.jpg"
    file.write_bytes(frame)
    door = ask("verify")
    for picture in (frame, file, str(file), [frame], (file,)):
        assert door.verify("obama", picture) == {
            "accepted": True,
            "name": "obama",
            "reason": "match",
        }
    assert door.identify(frame)["name"] == "obama"
    (face,) = door.identify_faces(frame)["faces"]
    assert (face["name"], len(face["landmarks"])) == ("obama", 5)
    assert len(door.detect(frame)["faces"]) == 1
    assert door.compare(frame, photos / "obama_1.jpg") == {"same": True}
    assert ask("scores").identify(frame, candidates=1)["candidates"][0]["name"] == "obama"


def test_people_are_enrolled_listed_changed_and_forgotten(ask, photos):
    admin = ask()
    name = "a/b ? %2F é"
    learned = admin.enroll(name, photos / "sunak_1.jpg", look="suit")
    assert (learned["name"], learned["taken"]) == (name, 1)
    assert admin.show_name(name)["photos"] == 1
    assert name in [person["name"] for person in admin.list_names(where="vault", contains="A/B")]
    assert [one["look"] for one in admin.list_examples(name)] == ["suit"]
    assert admin.rename(name, "..") == {"name": "..", "was": name}
    assert admin.forget("..")["forgotten"]
    assert admin.check_health() == {"status": "ok"}
    assert "# HELP" in admin.show_metrics()
    assert "," in admin.export_events()
    assert admin.list_audit(limit=1)[0]["event"]
    assert admin.list_keys()["keys"]


def test_a_refusal_says_why(ask, photos):
    with pytest.raises(RefusedError) as refused:
        ask("verify").list_names()
    assert (refused.value.status, refused.value.kind) == (403, "scope")
    with pytest.raises(RefusedError) as refused:
        ask("verify").verify("obama", b"junk")
    assert refused.value.status == 422
    with pytest.raises(OSError, match="refused"):
        Client("http://127.0.0.1:1", "x").check_health()


@pytest.mark.parametrize(
    "url",
    [
        "http://face.example.org",
        "http://10.0.0.1:8000",
        "ftp://127.0.0.1",
        "127.0.0.1:8000",
        "http://127.0.0.1:8000/v1",
        "http://127.0.0.1.example.org",
        "http://127.0.0.1@example.org",
        "file:///etc/passwd",
        "",
    ],
)
def test_no_address_takes_faces_elsewhere_unencrypted(url):
    with pytest.raises(UsageError):
        Client(url, "token")


def test_neither_redirections_nor_proxies_are_followed(monkeypatch):
    asked = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", "/stolen")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            here = f"http://127.0.0.1:{server.server_port}"
            monkeypatch.setenv("http_proxy", here)
            with pytest.raises(RefusedError) as refused:
                Client(here, "token").check_health()
            with pytest.raises(OSError, match="refused"):
                Client("http://127.0.0.1:1", "token").check_health()
        finally:
            server.shutdown()
            thread.join()
    assert (refused.value.status, refused.value.kind) == (302, "unknown")
    assert asked == ["/v1/health"]


def test_a_part_of_a_path_stays_one():
    assert encode_part("a/b?c#d%é") == "a%2Fb%3Fc%23d%25%C3%A9"
    assert encode_part("..") == "%20.."
