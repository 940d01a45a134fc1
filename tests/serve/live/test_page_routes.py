"""The requests that only the page makes: certificate, attempts, renewal, the way in."""

import pytest


def test_the_certificate_is_said_in_sentences(running):
    sentences = running.client().get("/v1/names/obama/promise").json()["sentences"]
    assert any(sentence.startswith("Not covered") for sentence in sentences)


@pytest.mark.parametrize(
    ("method", "what", "scopes"),
    [
        ("GET", "promise", {"enroll", "admin"}),
        ("GET", "attempts", {"admin"}),
        ("POST", "revoke", {"admin"}),
    ],
)
@pytest.mark.parametrize("scope", ["verify", "enroll", "admin", "metrics"])
def test_who_may_ask_what_the_page_asks(running, method, what, scopes, scope):
    answer = running.client(scope).request(method, f"/v1/names/obama/{what}")
    assert answer.status_code == (200 if scope in scopes else 403)


def test_the_slider_gets_what_was_tried_since_the_person_was_learned(running, photo, photos):
    client = running.client()

    def attempts():
        return client.get("/v1/names/biden/attempts").json()

    headers = {"Content-Type": "image/jpeg"}
    client.post("/v1/names/biden/verify", content=photo("obama_3"), headers=headers)
    told = attempts()
    assert told["alpha"] == client.get("/v1/names/biden/tune").json()["alpha"]
    assert len(told["own"]) == 1
    assert len(told["strangers"]) > 100
    assert [attempt["accepted"] for attempt in told["attempts"]] == [False]
    alphas = [place["alpha"] for place in told["scale"]]
    assert alphas == sorted(alphas)
    rates = [place["far"] for place in told["scale"]]
    assert rates == sorted(rates, reverse=True)
    assert alphas[0] <= min(told["own"] + told["strangers"])
    assert alphas[-1] >= max(told["own"] + told["strangers"])
    assert {preset["name"] for preset in told["presets"]} >= {"nist", "hello"}
    client.post("/v1/names/biden/tune", params={"alpha": 0.2})
    assert len(attempts()["attempts"]) == 1, "alpha moved; what was tried stands where it stood"
    client.post("/v1/names/biden/not-me", content=photo("obama_3"), headers=headers)
    assert attempts()["attempts"] == [], "it would have another margin now"


def test_a_person_who_opens_the_page_without_a_link_reads_what_to_do(running):
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    for path in ("/", "/open?token=wrong"):
        answer = running.client(None).get(path, headers=browser)
        assert answer.status_code == 401
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "onlyme serve link" in answer.text
        assert "'unsafe-inline'" not in answer.headers["Content-Security-Policy"]
