"""Every error of onlyme is one kind of problem."""

import json

import pytest

from onlyme import errors
from onlyme.serve.problems import STATUS, convert_error, convert_status, make_response

TREE = {
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, errors.OnlymeError)
}


def made(kind):
    return kind("photo.jpg", "is broken") if kind is errors.ImageError else kind("/secret/path")


def test_the_table_holds_the_whole_tree():
    assert set(STATUS) == TREE


def test_each_error_is_a_kind_of_its_own():
    kinds = [convert_error(made(kind)).kind for kind in TREE]
    assert len(set(kinds)) == len(TREE)


@pytest.mark.parametrize("kind", sorted(TREE, key=str), ids=lambda kind: kind.__name__)
def test_an_error_becomes_a_problem(kind):
    answer = make_response(convert_error(made(kind)))
    document = json.loads(answer.body)
    assert answer.media_type == "application/problem+json"
    assert document["status"] == answer.status_code == STATUS[kind]
    assert set(document) == {"type", "title", "status", "detail"}
    if answer.status_code >= 500:
        assert "/secret/path" not in document["detail"]


def test_an_error_that_is_newer_than_the_table_is_one_of_its_parents_kind():
    class VaultFrozen(errors.VaultBusy):
        pass

    assert convert_error(VaultFrozen("x")).kind == "vault-busy"


def test_who_is_enrolled_is_not_told():
    error = errors.UnknownOwner("no person called 'x' is enrolled; enrolled: ada, grace")
    assert "ada" not in convert_error(error).detail


def test_a_plain_status_is_a_problem():
    assert convert_status(405).document["type"] == "urn:onlyme:problem:method-not-allowed"
