"""Host names, origins, security headers, and the page's session."""

import re

import pytest

from onlyme.serve.access.tokens import Tokens


@pytest.fixture
def link(running):
    with running.open_admin() as admin:
        return Tokens(admin).create_link()


@pytest.fixture
def browser(running, link):
    """A client that opened the page, and sends what a browser does."""
    client = running.browser()
    assert client.get(f"/open?token={link}").status_code == 303
    return client


SAME = {"Sec-Fetch-Site": "same-origin"}


def kind(answer):
    return answer.json()["type"].removeprefix("urn:onlyme:problem:")


# ------------------------------------------------------------------------ host


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "evil.example:8000",
        "localhost.",
        "",
        "127.0.0.2",
        "[::2]",
        "localhost@evil.example",
        "127.0.0.1:80:80",
    ],
)
@pytest.mark.parametrize("path", ["/v1/health", "/v1/names", "/", "/open?token=x"])
def test_a_name_that_was_rebound_gets_no_answer(running, host, path):
    answer = running.client().get(path, headers={"Host": host})
    assert (answer.status_code, kind(answer)) == (421, "unknown-host")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1234", "LOCALHOST", "[::1]:80", "[::1]"])
def test_this_machine_has_names(running, host):
    assert running.client().get("/v1/health", headers={"Host": host}).status_code == 200


def test_two_hosts_are_none(running):
    lines = [b"GET /v1/health HTTP/1.1", b"Host: 127.0.0.1", b"Host: evil.example", b"", b""]
    assert running.raw(b"\r\n".join(lines)).split()[1] in {b"400", b"421"}


def test_a_request_without_a_host_is_none(running):
    assert running.raw(b"GET /v1/health HTTP/1.0\r\n\r\n").split()[1] == b"421"


# ---------------------------------------------------------------------- origin


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://127.0.0.1:1",
        "http://localhost",
        "file://",
        "http://[",
        "http://evil@127.0.0.1",
        "http://127.0.0.1.evil.example",
        "",
    ],
)
def test_a_foreign_origin_gets_no_answer_whatever_it_brings(running, browser, origin):
    for client in (running.client(), browser):
        answer = client.get("/v1/names", headers={"Origin": origin})
        assert (answer.status_code, kind(answer)) == (403, "foreign-origin")
        assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("site", ["cross-site", "same-site", "whatever"])
def test_what_a_browser_says_comes_from_elsewhere_gets_no_answer(running, site):
    # `same-site` is another port of this machine, hence perhaps another user.
    answer = running.client().get("/v1/names", headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 403


def test_a_preflight_is_not_granted(running):
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = running.client(None).options("/v1/identify", headers=headers)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


# --------------------------------------------------------------------- session


def test_a_link_opens_the_page_once(running, link):
    first = running.browser().get(f"/open?token={link}")
    assert first.status_code == 303
    assert first.headers["location"] == "/"
    again = running.browser().get(f"/open?token={link}")
    assert (again.status_code, kind(again)) == (401, "link-used")
    assert "set-cookie" not in again.headers


def test_the_cookie_is_for_this_site_and_no_script(running, link):
    cookie = running.browser().get(f"/open?token={link}").headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_the_page_and_its_api_are_for_who_opened_it(running, browser):
    assert browser.get("/").status_code == 200
    assert browser.get("/v1/names", headers=SAME).status_code == 200
    assert browser.get("/", headers={"Cookie": "a=b"}).status_code == 401


def test_a_session_ends(running, browser, monkeypatch):
    from onlyme.serve.access import auth

    soon = auth.monotonic() + auth.SESSION_SECONDS + 1
    assert browser.get("/").status_code == 200
    with monkeypatch.context() as later:
        later.setattr(auth, "monotonic", lambda: soon)
        assert browser.get("/").status_code == 401


def test_a_change_must_come_from_the_page_itself(running, browser):
    for headers in ({}, {"Sec-Fetch-Site": "none"}):  # a form of another site says as much
        answer = browser.post("/v1/names/obama/tune?alpha=-2", headers=headers)
        assert (answer.status_code, kind(answer)) == (403, "foreign-origin")
    for headers in (SAME, {"Origin": running.url}):
        answer = browser.delete("/v1/names/nobody", headers=headers)
        assert answer.status_code == 404


def test_a_cookie_and_a_wrong_token_are_a_wrong_token(running, browser):
    answer = browser.get("/", headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401


# --------------------------------------------------------------------- headers


def test_every_answer_binds_the_browser(running, browser):
    answers = [
        browser.get("/"),
        browser.get("/v1/names", headers=SAME),
        running.client(None).get("/"),
        running.client(None).get("/v1/health", headers={"Host": "evil.example"}),
        running.client().get("/no/such/page"),
    ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["permissions-policy"].startswith("camera=(self)")
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


def test_no_page_of_the_framework_loads_from_elsewhere(running):
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert running.client().get(path).status_code == 404
    page = running.client().get("/").text
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", page)


# ----------------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name",
    [
        "a/b",
        "a/verify",
        "..",
        ".",
        "a%2Fb",
        "ünï",
        "名",
        "a b",
        "🙂",
        "a?b",
        "a#b",
        ";",
        "--",
        "%",
        "-",
    ],
)
def test_any_printable_name_is_one_person(running, photos, name):
    from urllib.parse import quote

    path = f"/v1/names/{quote(name, safe='')}"
    client = running.client()
    if name in {".", ".."}:  # clients take these out of a path themselves
        path = path.replace(".", "%2E")
    answer = client.post(path, files={"me": (photos / "ardern_1.jpg").read_bytes()})
    assert answer.status_code == 201, answer.text
    assert answer.json()["name"] == name
    assert client.get(f"{path}/tune").json()["name"] == name
    assert client.delete(path).json() == {"name": name, "forgotten": True}


@pytest.mark.parametrize(
    "name", ["%00", "a%0Ab", "%1B%5B2J", "%E2%80%AE", "%20", "a" * 65, "%ff", "%ED%A0%80", "%C0%AF"]
)
def test_other_names_are_none(running, name):
    answer = running.client().get(f"/v1/names/{name}/tune")
    assert answer.status_code == 400
    assert kind(answer) in {"usage-error", "bad-path"}
