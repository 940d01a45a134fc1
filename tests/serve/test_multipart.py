"""Multipart bodies: valid ones are read however they are cut; others are refused."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlyme.serve.problems import ProblemError
from onlyme.serve.uploads.multipart import MultipartForm

FIELDS = ("me", "not_me")

forms = st.lists(
    st.tuples(st.sampled_from(FIELDS), st.binary(max_size=200)), min_size=1, max_size=6
)


def written(form):
    """A form as httpx writes it: content type and body."""
    files = [(field, ("photo.jpg", content, "image/jpeg")) for field, content in form]
    request = httpx.Request("POST", "http://127.0.0.1/", files=files)
    return request.headers["content-type"], request.read()


def read(content_type, body, size):
    files = MultipartForm(content_type, FIELDS)
    for start in range(0, len(body), size):
        files.add(body[start : start + size])
    return files.end()


@given(forms, st.integers(1, 300))
def test_what_is_written_is_read_however_it_is_cut(form, size):
    expected = {}
    for field, content in form:
        expected.setdefault(field, []).append(content)
    assert read(*written(form), size) == expected


@given(forms, st.integers(1, 300), st.integers(1, 10_000))
def test_what_is_cut_off_is_refused(form, size, missing):
    content_type, body = written(form)
    end = body.rindex(b"--")  # what follows the last boundary is nothing
    with pytest.raises(ProblemError):
        read(content_type, body[: max(0, end - missing)], size)


@given(st.binary(max_size=500), st.integers(1, 100))
def test_anything_else_is_refused_and_nothing_else_is_raised(body, size):
    with pytest.raises(ProblemError) as refused:
        read("multipart/form-data; boundary=x", body, size)
    assert refused.value.status == 400


@given(st.text(st.characters(max_codepoint=255), max_size=100))  # as headers are read
def test_any_content_type_is_read_or_refused(words):
    with pytest.raises(ProblemError) as refused:
        MultipartForm(f"multipart/form-data; boundary={words}", FIELDS).end()  # no body has come
    assert refused.value.status == 400
