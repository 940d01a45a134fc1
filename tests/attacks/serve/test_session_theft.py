"""The page's cookie behind a proxy with TLS, and how its owner ends a session."""

import pytest

from onlyme.serve.access.tokens import Tokens
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
