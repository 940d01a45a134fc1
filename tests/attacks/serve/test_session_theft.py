"""The page's cookie behind a proxy with TLS, and how its owner ends a session."""

from datetime import timedelta

import pytest

from onlyme.faceid import wiring
from onlyme.serve.access import tokens
from onlyme.serve.access.tokens import Scope, Tokens, hash_secret
from tests.serve.live.streaming import open_stream, read_to_end, wait_for

NAME = "face.example.org"
PROXIED = {"Host": NAME}
SAME = {"Sec-Fetch-Site": "same-origin"}
SECURE = "__Host-onlyme-0"


@pytest.fixture(scope="module")
def running(served):
    """A service that a reverse proxy calls by a name, as the how-to says."""
    with served(names=(NAME,)) as server:
        yield server


@pytest.fixture
def link(running):
    with running.open_admin() as admin:
        return f"/open?token={Tokens(admin).create_link()}"


def read_cookie(answer):
    name, _, rest = answer.headers["set-cookie"].partition("=")
    value, *attributes = rest.split("; ")
    return name, value, set(attributes)


@pytest.fixture
def session(running, link):
    """The header of a browser that opened the page through the proxy."""
    name, value, _ = read_cookie(running.browser().get(link, headers=PROXIED))
    return PROXIED | SAME | {"Cookie": f"{name}={value}"}


def test_behind_the_proxy_the_cookie_needs_https(running, link):
    name, _, attributes = read_cookie(running.browser().get(link, headers=PROXIED))
    assert name == SECURE
    assert {"Secure", "HttpOnly", "SameSite=strict", "Path=/"} <= attributes
    assert not any(attribute.startswith("Domain") for attribute in attributes)


def test_on_this_machine_the_cookie_works_without(running, link):
    browser = running.browser()
    name, _, attributes = read_cookie(browser.get(link))
    assert name == "onlyme-0"
    assert "Secure" not in attributes
    assert browser.get("/v1/names", headers=SAME).status_code == 200


def test_the_page_works_behind_the_proxy(running, session):
    assert running.browser().get("/v1/names", headers=session).status_code == 200


def test_a_cookie_that_another_site_could_set_is_none_behind_the_proxy(running, session):
    planted = session | {"Cookie": session["Cookie"].removeprefix("__Host-")}
    assert running.browser().get("/v1/names", headers=planted).status_code == 401


def test_a_header_that_any_client_can_send_changes_nothing(running, link):
    forged = PROXIED | {"X-Forwarded-Proto": "http", "Forwarded": "proto=http;host=127.0.0.1"}
    answer = running.browser().get(link, headers=forged)
    assert read_cookie(answer)[0] == SECURE


@pytest.mark.parametrize("path", ["/", "/v1/health", "/no/such/path"])
def test_browsers_are_told_to_use_https_only_behind_the_proxy(running, path):
    answer = running.browser().get(path, headers=PROXIED)
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert "strict-transport-security" not in running.browser().get(path).headers


def test_a_page_that_came_without_tls_is_foreign_behind_the_proxy(running, session):
    origins = {f"http://{NAME}": 403, f"https://{NAME}": 404}
    for origin, status in origins.items():
        headers = session | {"Origin": origin}
        answer = running.browser().delete("/v1/names/nobody", headers=headers)
        assert answer.status_code == status


@pytest.mark.parametrize("where", [PROXIED, {}], ids=["proxy", "here"])
def test_signing_out_ends_the_session_and_a_stolen_copy(running, where):
    with running.open_admin() as admin:
        links = [f"/open?token={Tokens(admin).create_link()}" for _ in range(2)]
    cookies = ["=".join(read_cookie(running.browser().get(x, headers=where))[:2]) for x in links]
    sessions = [where | SAME | {"Cookie": cookie} for cookie in cookies]
    browser = running.browser()
    assert [browser.get("/", headers=each).status_code for each in sessions] == [200, 200]
    answer = browser.post("/sign-out", headers=sessions[0])
    assert answer.status_code == 204
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert [browser.get("/", headers=each).status_code for each in sessions] == [401, 401]


def test_another_site_signs_nobody_out(running, session):
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "none"}):
        answer = running.browser().post("/sign-out", headers=session | headers)
        assert answer.status_code == 403
    assert running.client("verify").post("/sign-out").status_code == 403
    assert running.browser().get("/", headers=session).status_code == 200


def test_signing_out_ends_the_streams_of_the_page(running, session):
    headers = session | {"Origin": f"https://{NAME}"}
    with open_stream(running, "obama/watch", scope=None, headers=headers) as socket:
        wait_for(socket, "ready")
        running.browser().post("/sign-out", headers=session)
        assert "has ended" in read_to_end(socket)[-1]["why"]


@pytest.fixture
def restart(served):
    """A function that serves one vault anew, and returns who gets in; and the vault's settings."""
    from tests.serve.conftest import serving

    with served() as first:
        settings = first.settings

    def ask(cookies, **options):
        with wiring.open_vault(settings) as admin:
            for scope in Scope:
                Tokens(admin).revoke(f"test {scope}")
        with serving(settings, **options) as running:
            return [running.browser().get("/", headers=SAME | c).status_code for c in cookies]

    return ask, settings


def store(settings, secret, port=0, seconds=3600.0, most=16):
    with wiring.open_vault(settings) as admin:
        lifetime = timedelta(seconds=seconds)
        Tokens(admin).store_session(hash_secret(secret), port, lifetime, most)
    return {"Cookie": f"onlyme-0={secret}"}


def test_a_session_outlives_a_restart_until_its_end(restart):
    ask, settings = restart
    lasting, ended = store(settings, "a" * 43), store(settings, "b" * 43, seconds=0.0)
    elsewhere = store(settings, "c" * 43, port=8000)
    assert ask([lasting, ended, elsewhere, {"Cookie": "onlyme-0=" + "d" * 43}]) == [200, *[401] * 3]


def test_the_hash_that_the_vault_keeps_is_no_cookie(restart):
    ask, settings = restart
    store(settings, "a" * 43)
    assert ask([{"Cookie": f"onlyme-0={hash_secret('a' * 43)}"}]) == [401]


def test_a_clock_that_was_set_back_gives_no_session_more_time(restart, monkeypatch):
    ask, settings = restart
    real = tokens.datetime

    class Later(real):
        @classmethod
        def now(cls, zone=None):
            return real.now(zone) + timedelta(days=400)

    monkeypatch.setattr(tokens, "datetime", Later)
    cookie = store(settings, "a" * 43)
    monkeypatch.setattr(tokens, "datetime", real)
    assert ask([cookie]) == [401]


def test_the_oldest_sessions_end_where_there_are_too_many(restart):
    ask, settings = restart
    cookies = [store(settings, letter * 43, most=3) for letter in "abcde"]
    assert ask(cookies) == [401, 401, 200, 200, 200]


def test_signing_out_ends_what_the_vault_keeps(running, link):
    name, value, _ = read_cookie(running.browser().get(link))
    with running.open_admin() as admin:
        assert hash_secret(value) in Tokens(admin).read_sessions(0)
    headers = SAME | {"Cookie": f"{name}={value}"}
    assert running.browser().post("/sign-out", headers=headers).status_code == 204
    with running.open_admin() as admin:
        assert not Tokens(admin).read_sessions(0)
        assert "sessions ended" in list(admin.gate.audit.entries())[-1].detail
