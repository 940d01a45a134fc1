"""What a token may take of the streams and of the page's share, and when it stops working."""

import time
from contextlib import ExitStack
from datetime import timedelta

import pytest

from onlyme.serve.access.auth import BURST_SECONDS, PAGE_REQUESTS_PER_SECOND
from onlyme.serve.access.tokens import Scope, Tokens
from tests.serve.live.streaming import count_tries, open_stream, read_to_end, wait_for


@pytest.fixture
def make_token(running):
    """A function that makes a token, which is revoked in the end."""
    made = []

    def make(name, scope=Scope.VERIFY, lifetime=None, **more):
        with running.open_admin() as admin:
            running.secrets[name] = Tokens(admin).create(name, scope, lifetime, **more)
        made.append(name)
        running.wait_for_tokens()

    yield make
    with running.open_admin() as admin:
        for name in made:
            if name in {token.name for token in Tokens(admin).read_all()}:
                Tokens(admin).revoke(name)


def test_a_revoked_token_has_no_stream_a_moment_later(running, make_token, photo):
    make_token("stolen")
    with open_stream(running, "obama/watch", scope="stolen") as socket:
        wait_for(socket, "look", pictures=[photo("biden_1")])
        with running.open_admin() as admin:
            Tokens(admin).revoke("stolen")
        start = time.monotonic()
        assert "has ended" in read_to_end(socket)[-1]["why"]
        assert time.monotonic() - start < 4
    assert count_tries(running) == 5


def test_an_expired_token_has_no_stream_either(running, make_token):
    make_token("short", lifetime=timedelta(seconds=3))
    with open_stream(running, "obama/watch", scope="short") as socket:
        wait_for(socket, "ready")
        assert "has ended" in read_to_end(socket)[-1]["why"]


def test_a_token_made_anew_under_the_same_name_is_another(running, make_token):
    make_token("again")
    with open_stream(running, "obama/watch", scope="again") as socket:
        wait_for(socket, "ready")
        with running.open_admin() as admin:
            Tokens(admin).revoke("again")
            Tokens(admin).create("again", Scope.VERIFY, None)
        assert "has ended" in read_to_end(socket)[-1]["why"]


def test_a_valid_token_keeps_its_stream(running, photo):
    with open_stream(running, "obama/watch", scope="verify") as socket:
        wait_for(socket, "ready")
        time.sleep(2.5)
        socket.send(photo("biden_1"))
        look, _ = wait_for(socket, "look")
    assert look["is"] == "look"


def test_cookies_do_not_give_a_token_more_streams(running):
    with ExitStack() as opened:
        sockets = [
            opened.enter_context(
                open_stream(
                    running,
                    "obama/watch",
                    scope="verify",
                    headers={"Cookie": f"onlyme-0=made-up-{number}; onlyme-8000={number}"},
                )
            )
            for number in range(4)
        ]
        for socket in sockets[:-1]:
            assert "took over" in read_to_end(socket)[-1]["why"]
        with open_stream(running, "obama/watch", scope="enroll") as other:
            wait_for(other, "ready")


def test_two_browsers_with_sessions_watch_side_by_side(running):
    with ExitStack() as opened:
        for _ in range(2):
            cookie = f"onlyme-0={running.service.sessions.begin()}"
            headers = {"Cookie": cookie, "Origin": running.url}
            stream = open_stream(running, "obama/watch", scope=None, headers=headers)
            wait_for(opened.enter_context(stream), "ready")
        assert len(running.service.streams._open) == 2


def test_a_token_called_page_does_not_use_up_the_page(running, make_token):
    make_token("page", rate=1.0)
    token = {"Authorization": f"Bearer {running.secrets['page']}"}
    client = running.client(None)
    statuses = {client.get("/v1/keys", headers=token).status_code for _ in range(8)}
    assert 429 in statuses
    cookie = {"Cookie": f"onlyme-0={running.service.sessions.begin()}"}
    page = cookie | {"Sec-Fetch-Site": "same-origin"}
    assert client.get("/v1/names", headers=page).status_code == 200
    buckets = running.service.rates._buckets
    assert buckets["page"][0] > PAGE_REQUESTS_PER_SECOND * BURST_SECONDS - 2


def test_a_token_called_page_does_not_end_the_streams_of_the_page(running, make_token):
    make_token("page")
    cookie = f"onlyme-0={running.service.sessions.begin()}"
    headers = {"Cookie": cookie, "Origin": running.url}
    with open_stream(running, "obama/watch", scope=None, headers=headers) as page:
        wait_for(page, "ready")
        headers = {"Cookie": cookie}
        with open_stream(running, "obama/watch", scope="page", headers=headers) as socket:
            wait_for(socket, "ready")
            assert len(running.service.streams._open) == 2
