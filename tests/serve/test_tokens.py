"""Tokens and links, without a server."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlyme import OnlymeError, UsageError
from onlyme.faceid import wiring
from onlyme.serve.access import tokens as module
from onlyme.serve.access.auth import Caller, RateLimiter
from onlyme.serve.access.tokens import Scope, Tokens, parse_lifetime
from onlyme.serve.problems import ProblemError
from onlyme.settings import Settings


@pytest.fixture
def admin(tmp_path):
    with wiring.open_vault(Settings.load(vault=tmp_path / "vault")) as opened:
        yield opened


def test_a_token_is_known_again_and_no_other(admin):
    tokens = Tokens(admin)
    secret = tokens.create("door", Scope.VERIFY, timedelta(days=1))
    (kept,) = tokens.read_all()
    now = datetime.now(UTC)
    assert kept.fits(secret, now)
    assert not kept.fits(secret[:-1], now)
    assert not kept.fits(secret + "A", now)
    assert not kept.fits("", now)
    assert not kept.fits(secret, now + timedelta(days=1))


def test_the_vault_keeps_no_token_but_its_hash(admin):
    secret = Tokens(admin).create("door", Scope.VERIFY, None)
    body = admin.store.read("token", "door")
    assert secret.encode() not in body
    assert secret not in repr(Tokens(admin).read_all())
    lines = list(admin.gate.audit.entries())
    assert all(secret not in line.detail for line in lines)
    assert lines[-1].detail == "door made, for verify"


def test_two_tokens_differ_and_have_256_bits(admin):
    tokens = Tokens(admin)
    one, two = (tokens.create(name, Scope.VERIFY, None) for name in ("one", "two"))
    assert one != two
    assert len(one.removeprefix("onlyme_")) >= 43  # 32 bytes in base64


def test_a_name_is_taken_once_and_free_when_revoked(admin):
    tokens = Tokens(admin)
    tokens.create("door", Scope.VERIFY, None)
    with pytest.raises(UsageError, match="revoke it first"):
        tokens.create("door", Scope.ADMIN, None)
    tokens.revoke("door")
    assert tokens.read_all() == []
    with pytest.raises(UsageError, match="no token called"):
        tokens.revoke("door")
    assert [line.detail for line in admin.gate.audit.entries()][-1] == "door revoked"


def test_tokens_outlive_a_new_key_of_the_vault(admin):
    secret = Tokens(admin).create("door", Scope.VERIFY, None)
    admin.rekey()
    assert Tokens(admin).read_all()[0].fits(secret, datetime.now(UTC))


def test_a_token_of_another_kind_of_vault_is_refused(admin):
    with admin.store.edit() as edit:
        edit.write("token", "door", b'{"scope": "everything"}')
    with pytest.raises(OnlymeError, match="'door' is not one of onlyme"):
        Tokens(admin).read_all()


@pytest.mark.parametrize("rate", [0, -1, 1e9, float("nan"), float("inf")])
def test_a_rate_is_a_rate(admin, rate):
    with pytest.raises(UsageError):
        Tokens(admin).create("door", Scope.VERIFY, None, rate)


def test_a_link_opens_once(admin):
    tokens = Tokens(admin)
    secret = tokens.create_link()
    assert not tokens.use_link("another")
    assert tokens.use_link(secret)
    assert not tokens.use_link(secret)


def test_a_link_that_is_too_old_opens_nothing(admin, monkeypatch):
    tokens = Tokens(admin)
    monkeypatch.setattr(module, "LINK_LIFETIME", timedelta(0))
    assert not tokens.use_link(tokens.create_link())


def test_old_links_do_not_pile_up(admin, monkeypatch):
    monkeypatch.setattr(module, "LINK_LIFETIME", timedelta(0))
    for _ in range(5):
        Tokens(admin).create_link()
    assert len(admin.store.keys("page-link")) == 1


@pytest.mark.parametrize(
    ("words", "seconds"), [("90m", 5400), ("12h", 43200), ("30d", 30 * 86400), ("never", None)]
)
def test_how_long_a_token_lasts(words, seconds):
    lasts = parse_lifetime(words)
    assert (lasts and lasts.total_seconds()) == seconds


@given(st.text())
def test_other_words_are_no_time(words):
    if words == "never" or (words[-1:] in set("mhd") and words[:-1].isascii()):
        return
    with pytest.raises(UsageError):
        parse_lifetime(words)


def test_scopes_grant_what_they_say():
    granted = {scope: {each for each in Scope if scope.grants(each)} for scope in Scope}
    assert granted == {
        Scope.VERIFY: {Scope.VERIFY},
        Scope.ENROLL: {Scope.VERIFY, Scope.ENROLL},
        Scope.ADMIN: set(Scope) - {Scope.EMBEDDINGS},
        Scope.METRICS: {Scope.METRICS},
        Scope.SCORES: {Scope.VERIFY, Scope.SCORES},
        Scope.EMBEDDINGS: {Scope.EMBEDDINGS},
    }


def test_a_rate_is_kept_and_others_are_not_slowed(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("onlyme.serve.access.auth.monotonic", lambda: clock[0])
    rates = RateLimiter()
    door, desk = (Caller(name, Scope.VERIFY, 5.0) for name in ("door", "desk"))
    for _ in range(20):  # four seconds' worth at once
        rates.take(door)
    with pytest.raises(ProblemError) as refused:
        rates.take(door)
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, "1")
    rates.take(desk)
    taken = 0
    for _ in range(100):  # ten seconds
        clock[0] += 0.1
        try:
            rates.take(door)
            taken += 1
        except ProblemError:
            pass
    assert 49 <= taken <= 51
