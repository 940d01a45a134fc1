"""`onlyme serve` as a user meets it: a whole process, its link, its tokens, its end."""

import json
import re
import signal
import subprocess
import time
from contextlib import contextmanager

import httpx
import pytest

from tests.cli.conftest import refused


@contextmanager
def served(shell, *words):
    """Run `onlyme serve` on a free port; give its link and what it said, and end it."""
    process = shell.start("serve", "--port", "0", *words, stderr=subprocess.PIPE, text=True)
    said = []
    try:
        deadline = time.monotonic() + 120
        while not (said and said[-1].startswith("(works once")):
            line = process.stderr.readline()
            assert line, "".join(said)
            assert time.monotonic() < deadline
            said.append(line)
        yield re.search(r"http://\S+", "".join(said))[0], process, said
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            process.stderr.close()


def test_it_prints_a_link_that_opens_the_page_once_and_ends_by_ctrl_c(obama):
    with served(obama) as (link, process, _):
        with httpx.Client(trust_env=False, follow_redirects=True, timeout=30) as browser:
            page = browser.get(link)
            assert page.status_code == 200
            assert "token" not in str(page.url)
            assert browser.get(link.rpartition("/open")[0] + "/v1/names").json()[0]["name"]
        with httpx.Client(trust_env=False, timeout=30) as thief:
            assert thief.get(link).status_code == 401
        printed = obama("serve", "link", "--port", "1234").stdout
        assert re.fullmatch(r"http://127\.0\.0\.1:1234/open\?token=\S{43}\n", printed)
        secret = printed.strip().rpartition("=")[2]
        with httpx.Client(trust_env=False, timeout=30) as browser:
            again = link.rpartition("=")[0] + "=" + secret  # made by another process
            assert browser.get(again).status_code == 303
    assert process.returncode in {0, 130, -signal.SIGINT}


def test_a_link_leads_to_the_service_that_runs(obama, tmp_path):
    with served(obama) as (link, process, _):
        printed = obama("serve", "link")
        assert printed.returncode == 0, printed.stderr
        assert printed.stdout.startswith(link.rpartition("=")[0] + "="), "port and address"
        with httpx.Client(trust_env=False, timeout=30) as browser:
            assert browser.get(printed.stdout.strip()).status_code == 303
        elsewhere = obama("serve", "link", "--vault", str(tmp_path / "other"))
        assert elsewhere.returncode == 2
        assert not (tmp_path / "other").exists(), "asking makes no vault"
        with served(obama) as (second, _, _):
            newest = obama("serve", "link")
            assert newest.stdout.startswith(second.rpartition("=")[0] + "=")
            assert re.search(r":(\d+)/", link)[1] in newest.stderr
        process.kill()
        process.wait()
        refused_now = obama("serve", "link")
        assert refused_now.returncode == 2, "a note that a killed service left leads nowhere"
        assert "onlyme serve" in refused_now.stderr
        assert not refused_now.stdout


def test_a_token_is_made_listed_used_and_revoked(obama):
    made = obama("serve", "token", "create", "door", "--scope", "verify", "--expires", "30d")
    assert made.returncode == 0, made.stderr
    secret = made.stdout.strip()
    assert re.fullmatch(r"onlyme_[\w-]{43}", secret)
    (listed,) = json.loads(obama("serve", "token", "list", "--json").stdout)
    assert (listed["name"], listed["scope"], listed["rate"]) == ("door", "verify", 20.0)
    assert "door" in (words := obama("serve", "token", "list").stdout)
    assert secret not in words
    with served(obama) as (link, _, _):
        url = link.rpartition("/open")[0] + "/v1/keys"
        bearer = {"Authorization": f"Bearer {secret}"}
        keys = httpx.get(url, headers=bearer, trust_env=False, timeout=30)
        assert keys.json() == json.loads(obama("serve", "key").stdout)
        assert obama("serve", "token", "revoke", "door").returncode == 0
        time.sleep(1.2)
        assert httpx.get(url, headers=bearer, trust_env=False, timeout=30).status_code == 401
    log = obama("audit").stdout
    assert "door made, for verify" in log
    assert "door revoked" in log
    assert secret not in log


@pytest.mark.parametrize(
    "words",
    [
        ("token", "create", "door", "--scope", "everything"),
        ("token", "create", "door", "--scope", "verify", "--expires", "tomorrow"),
        ("token", "create", "a\x1bb", "--scope", "verify"),
        ("token", "create", "door"),
        ("token", "revoke", "nobody"),
        ("--port", "70000"),
        ("--host", "256.1.1.1"),
    ],
)
def test_what_makes_no_sense_is_refused(obama, words):
    assert refused(obama("serve", *words))


def test_a_port_that_is_taken_is_said(obama):
    with served(obama) as (link, _, _):
        port = re.search(r":(\d+)/", link)[1]
        done = obama("serve", "--port", port)
    assert done.returncode == 2
    assert f"127.0.0.1 port {port}" in done.stderr


def test_listening_for_others_says_what_that_means(obama):
    with served(obama, "--host", "127.0.0.2") as (link, _, said):
        assert "reverse proxy with TLS" in said[0]
        port = re.search(r":(\d+)/", link)[1]
        # Its address is a name of the service then, and another still is none.
        url = f"http://127.0.0.2:{port}/v1/health"
        assert httpx.get(url, trust_env=False, timeout=30).status_code == 200
        host = {"Host": "127.0.0.3"}
        assert httpx.get(url, headers=host, trust_env=False, timeout=30).status_code == 421


def test_a_proxys_name_is_known_when_said(obama):
    with served(obama, "--name", "face.example.org") as (link, _, _):
        url = link.rpartition("/open")[0] + "/v1/health"
        for name, status in (("face.example.org", 200), ("other.example.org", 421)):
            answer = httpx.get(url, headers={"Host": name}, trust_env=False, timeout=30)
            assert answer.status_code == status


def test_a_vault_that_cannot_be_opened_is_said_and_nothing_listens(obama):
    (obama.vault / "vault.key").write_bytes(b"another key")
    done = obama("serve", "--port", "0")
    refused(done)
    assert "http://" not in done.stderr


def test_what_is_off_by_default_is_switched_on_by_options(obama):
    paths = {"/docs": "admin", "/api/v1/recognition/subjects": "admin"}
    tokens = {
        scope: obama("serve", "token", "create", scope, "--scope", scope).stdout.strip()
        for scope in ("admin", "scores", "embeddings")
    }
    for words, expected in (((), 404), (("--docs", "--compreface", "--embeddings"), 200)):
        with served(obama, *words) as (link, _, _said):
            here = link.rpartition("/open")[0]
            with httpx.Client(base_url=here, trust_env=False, timeout=30) as app:
                for path, scope in paths.items():
                    headers = {"Authorization": f"Bearer {tokens[scope]}"}
                    assert app.get(path, headers=headers).status_code == expected
                headers = {"Authorization": f"Bearer {tokens['embeddings']}"}
                answer = app.post("/v1/embeddings", headers=headers, files={"frame": b"junk"})
                assert answer.status_code == (422 if expected == 200 else 404)
