"""Embeddings leave the service only where its operator wants it, and only with a token for them."""

import numpy as np
import pytest

from onlyme import FaceID
from onlyme.serve.access.tokens import Scope
from tests.serve.pictures import as_frame


@pytest.fixture(scope="module")
def giving(served):
    with served(embeddings=True) as server:
        yield server


def test_by_default_there_is_no_such_route(running, photos):
    files = {"frame": as_frame(photos / "obama_3.jpg")}
    for scope in Scope:
        answer = running.client(scope).post("/v1/embeddings", files=files)
        assert answer.status_code == 404, scope
    assert "/v1/embeddings" not in running.service_document["paths"]


def test_no_other_scope_includes_them_and_theirs_includes_no_other():
    assert [scope for scope in Scope if scope.grants(Scope.EMBEDDINGS)] == [Scope.EMBEDDINGS]
    assert [scope for scope in Scope if Scope.EMBEDDINGS.grants(scope)] == [Scope.EMBEDDINGS]


def test_what_is_given_is_the_networks_own_embedding(giving, photos):
    picture = as_frame(photos / "obama_3.jpg")
    answer = giving.client("embeddings").post("/v1/embeddings", files={"frame": picture})
    assert answer.status_code == 200, answer.text
    document = answer.json()
    (face,) = document["faces"]
    with FaceID.open(giving.settings.vault) as face_id:
        seen = face_id.pipeline.look(picture)
    assert document["model"] == seen.embedding.model
    assert np.dot(face["embedding"], seen.embedding.vector) == pytest.approx(1, abs=1e-3)
    assert np.linalg.norm(face["embedding"]) == pytest.approx(1, abs=1e-5)


def test_no_other_answer_has_an_embedding(giving, photos):
    """Neither of a picture nor of an enrolled person, for whomever asks."""
    files = {"frame": as_frame(photos / "obama_3.jpg")}
    asked = [("POST", path) for path in ("/v1/detect", "/v1/identify?all=true", "/v1/identify")]
    asked += [("POST", "/v1/names/obama/verify")]
    asked += [("GET", f"/v1/names/obama{more}") for more in ("", "/examples", "/certificate")]
    for method, path in asked:
        answer = giving.client("admin").request(
            method, path, files=files if method == "POST" else None
        )
        assert answer.status_code == 200, path
        assert longest_list(answer.json()) < 64, path
    giving.reset()


def longest_list(document):
    if isinstance(document, dict):
        return max(map(longest_list, document.values()), default=0)
    if isinstance(document, list):
        numbers = [each for each in document if isinstance(each, float)]
        return max([len(numbers), *map(longest_list, document)], default=0)
    return 0
