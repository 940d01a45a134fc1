"""Pictures in base64 within JSON: the same answers as multipart, on every route."""

import json
from base64 import b64encode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlyme.serve.problems import ProblemError
from onlyme.serve.uploads.json_body import read_json
from onlyme.serve.uploads.multipart import MAX_PARTS
from tests.serve.pictures import as_frame

FIELDS = ("me", "not_me")


def encode(picture):
    return b64encode(picture).decode()


@given(st.dictionaries(st.sampled_from(FIELDS), st.lists(st.binary(max_size=200), max_size=5)))
def test_what_is_written_is_read(form):
    body = {field: [encode(one) for one in pictures] for field, pictures in form.items()}
    assert read_json(json.dumps(body).encode(), FIELDS) == form


@pytest.mark.parametrize("escape", [("/", "\\/"), ("+", "\\u002B"), ("+", "\\u002b")])
def test_what_some_languages_escape_is_read(escape):
    picture = bytes(range(256)) * 3
    text = encode(picture).replace(*escape)
    assert escape[1] in text
    assert read_json(b'{"me": "%s"}' % text.encode(), FIELDS) == {"me": [picture]}


HOSTILE = {
    "nothing": b"",
    "no object": b'["QUFB"]',
    "a text": b'"QUFB"',
    "cut off": b'{"me": "QUFB"',
    "more after it": b'{"me": "QUFB"} {}',
    "a number": b'{"me": 1}',
    "a large number": b'{"me": ' + b"9" * 1_000_000 + b"}",
    "a number with a point": b'{"me": 1e5}',
    "no number": b'{"me": NaN}',
    "null": b'{"me": null}',
    "true": b'{"me": true}',
    "an object": b'{"me": {"me": "QUFB"}}',
    "a list in a list": b'{"me": [["QUFB"]]}',
    "deep": b'{"me": ' + b"[" * 100_000,
    "deep objects": b'{"me":' * 100_000,
    "wide": b'{"me": [' + b"[]," * 1_000_000 + b"[]]}",
    "many": json.dumps({"me": ["QUFB"] * (MAX_PARTS + 1)}).encode(),
    "many in all": json.dumps({"me": ["QUFB"] * 201, "not_me": ["QUFB"] * 201}).encode(),
    "twice": b'{"me": "QUFB", "me": "QUFB"}',
    "a path": b'{"path": "L2V0Yy9wYXNzd2Q="}',
    "an address": b'{"url": "http://127.0.0.1/x.jpg"}',
    "an embedding": b'{"embedding": [0.1, 0.2]}',
    "not base64": b'{"me": "***"}',
    "no padding": b'{"me": "QUE"}',
    "for addresses": b'{"me": "__-_"}',
    "lines": b'{"me": "QUFB\\nQUFB"}',
    "a data address": b'{"me": "data:image/jpeg;base64,QUFB"}',
    "after the end": b'{"me": "QUE=QUFB"}',
    "a letter": '{"me": "é"}'.encode(),
    "a wide letter": b'{"me": "' + b"A" * 1000 + b'\\ud83d\\ude00"}',
    "half a letter": b'{"me": "\\ud83d"}',
    "zero": b'{"me": "\\u0000"}',
    "UTF-16": '{"me": "QUFB"}'.encode("utf-16"),
    "bytes": bytes(range(256)),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_anything_else_is_refused_without_repeating_it(body):
    with pytest.raises(ProblemError) as refused:
        read_json(body, FIELDS)
    assert (refused.value.status, refused.value.kind) == (400, "bad-json")
    assert "QUFB" not in refused.value.detail
    assert refused.value.__context__ is None or refused.value.__suppress_context__


@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_whatever_comes_nothing_else_is_raised(body):
    with pytest.raises(ProblemError) as refused:
        read_json(b"." + body, FIELDS)
    assert refused.value.status == 400


def ask_both_ways(running, path, pictures, scope="admin", method="POST"):
    """Return the answers to the same pictures as multipart and as JSON."""
    client = running.client(scope)
    files = [(field, one) for field, each in pictures.items() for one in each]
    document = {field: [encode(one) for one in each] for field, each in pictures.items()}
    return client.request(method, path, files=files), client.request(method, path, json=document)


def strip(answer):
    """Return what must be the same in both answers."""
    document = answer.json()
    if isinstance(document, dict):
        document = {k: v for k, v in document.items() if k not in {"timings_ms", "created"}}
        document.pop("seconds", None)
    return answer.status_code, document


def find_picture_routes(running):
    paths = running.client().get("/v1/openapi.json").json()["paths"]
    return [
        (method, path, operation["requestBody"]["content"])
        for path, methods in paths.items()
        for method, operation in methods.items()
        if "requestBody" in operation
    ]


def test_every_route_that_takes_pictures_takes_both(running, photos):
    """Also what is refused is refused alike: too many, none, no picture."""
    frame = as_frame(photos / "obama_3.jpg")
    routes = find_picture_routes(running)
    assert len(routes) >= 6
    for method, path, content in routes:
        running.reset()
        assert {"multipart/form-data", "application/json"} <= set(content), path
        fields = list(content["application/json"]["schema"]["properties"])
        full = {field: [frame] for field in fields}
        many = {fields[0]: [b"junk"] * 31}
        for pictures in (full, {fields[0]: [b"junk"]}, many, {"other": [b""]}):
            target = path.format(name="obama")
            form, document = ask_both_ways(running, target, pictures, method=method.upper())
            if "other" in pictures:
                assert (form.status_code, document.status_code) == (400, 400), path
            elif form.status_code < 400 and method in {"put", "post"} and "names" in path:
                assert document.status_code in {form.status_code, 409}, document.text
            else:
                assert strip(form) == strip(document), path


def test_one_picture_needs_no_list(running, photos):
    running.reset()
    frame = encode(as_frame(photos / "obama_3.jpg"))
    answer = running.client("verify").post("/v1/names/obama/verify", json={"frame": frame})
    assert answer.json() == {"accepted": True, "name": "obama", "reason": "match"}


def test_a_large_body_is_refused_by_its_bytes(served):
    with served(body_bytes=2**20, held_bytes=2**22) as running:
        client = running.client("verify")
        for length in (2**20, 2**21):
            body = b'{"frame": "' + b"A" * length + b'"}'
            kind = {"Content-Type": "application/json; charset=utf-8"}
            answer = client.post("/v1/detect", content=body, headers=kind)
            assert answer.status_code == 413
            assert running.service.uploads.held == 0
            pieces = (body[start : start + 65536] for start in range(0, len(body), 65536))
            with httpx.Client(base_url=running.url, trust_env=False) as other:
                sent = {**client.headers, **kind}
                try:
                    answer = other.post("/v1/detect", content=pieces, headers=sent)
                except httpx.HTTPError:
                    continue  # the service hung up while the body was sent
                assert answer.status_code == 413
