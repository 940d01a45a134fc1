"""Use the service as its page and an app do; run in the sealed machine."""

import subprocess
import sys
import time
from pathlib import Path

import cv2
import httpx
from websockets.sync.client import connect

HERE = "http://127.0.0.1:8000"


def call(*words):
    done = subprocess.run(
        [sys.executable, "-m", "onlyme", *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def main():
    work = Path(sys.argv[1])
    picture = (work / "obama_3.jpg").read_bytes()
    small = cv2.imencode(".jpg", cv2.resize(cv2.imread(str(work / "obama_3.jpg")), (320, 320)))[1]
    small = small.tobytes()
    secret = call("serve", "token", "create", "app", "--scope", "admin")
    app = httpx.Client(base_url=HERE, timeout=60, trust_env=False)
    until = time.monotonic() + 60
    while True:
        try:
            app.get("/v1/health").raise_for_status()
        except httpx.HTTPError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            break
    page = app.get(call("serve", "link"), follow_redirects=True)
    assert page.status_code == 200, page.text
    app.cookies.clear()
    app.headers["Authorization"] = f"Bearer {secret}"
    time.sleep(1.5)  # the service reads tokens once a second
    for method, path, files in (
        ("GET", "/v1/openapi.json", None),
        ("GET", "/v1/metrics", None),
        ("POST", "/v1/names/ada/verify?audience=app&nonce=abcdefghijklmnop", {"frame": picture}),
        ("POST", "/v1/identify", {"frame": picture}),
        ("POST", "/v1/identify?all=true", {"frame": picture}),
        ("POST", "/v1/detect", {"frame": picture}),
        ("POST", "/v1/names/eve?anyway=true", {"me": picture}),
        ("GET", "/v1/names", None),
        ("GET", "/v1/people", None),
        ("GET", "/v1/names/ada/tune", None),
        ("GET", "/v1/names/ada/certificate", None),
        ("DELETE", "/v1/names/eve", None),
        ("GET", "/v1/audit", None),
        ("GET", "/v1/events", None),
        ("GET", "/v1/events/table", None),
    ):
        answer = app.request(method, path, files=files)
        assert answer.status_code < 400, (method, path, answer.text)
    headers = {"Authorization": f"Bearer {secret}"}
    with connect(
        "ws://127.0.0.1:8000/v1/names/ada/watch", additional_headers=headers, proxy=None
    ) as line:
        assert "ready" in line.recv(timeout=60)
        for _ in range(5):
            line.send(small)
            assert line.recv(timeout=60)


if __name__ == "__main__":
    main()
