"""Every route with a person's name serves people of the gallery, or says which command does."""

import numpy as np
import pytest
from fastapi.routing import APIRoute

from onlyme import FaceID
from onlyme.gallery.gallery import GalleryPerson
from onlyme.serve.app import choose_routers
from onlyme.serve.options import Options
from tests.serve.pictures import as_frame

EVERYTHING = {"compreface": True, "embeddings": True}
QUERY = {"rename": {"to": "joseph"}, "merge": {"other": "obama"}, "tune": {"far": "1e-5"}}
NO_PERSON = ("/settings/", "/tokens/")


@pytest.fixture(scope="module")
def running(served):
    """A service with all routes."""
    with served(**EVERYTHING) as server:
        yield server


@pytest.fixture
def joe(running):
    """The service with joe in the gallery, and only there."""
    vectors = np.random.default_rng(1).standard_normal((1, 128)).astype(np.float32)
    with FaceID.open(running.settings.vault) as face_id:
        for name in ("joe", "joseph"):
            if face_id.is_enrolled(name):
                face_id.forget(name)
        people = [GalleryPerson("joe", vectors / np.linalg.norm(vectors))]
        assert face_id._enrolled.ensure_gallery().put(people) == []
    return running


def list_routes():
    routes = [route for router in choose_routers(Options(**EVERYTHING)) for route in router.routes]
    for route in routes:
        is_person = isinstance(route, APIRoute) and "{name}" in route.path
        if is_person and not any(part in route.path for part in NO_PERSON):
            yield from ((method, route.path) for method in sorted(route.methods))


@pytest.mark.parametrize(("method", "path"), list(list_routes()))
def test_every_route_knows_people_of_the_gallery(joe, photos, method, path):
    last = path.rpartition("/")[2]
    address = path.format(name="joe", number=1, look="hat")
    more = {"params": QUERY.get(last, {}) if method == "POST" else {}}
    if method in {"POST", "PUT"} and last not in QUERY:
        field = "me" if last == "{name}" else "frame"
        more["files"] = [(field, ("a.jpg", as_frame(photos / "obama_1.jpg"), "image/jpeg"))]
    if path.startswith("/api/"):
        more = {"json": {"subject": "joseph"}} if method == "PUT" else {}
        more["headers"] = {"x-api-key": joe.secrets["admin"]}
    answer = joe.client("admin").request(method, address, **more)
    assert answer.status_code not in {404, 500}, answer.text
    assert "no person called" not in answer.text
    if answer.status_code >= 400:
        assert "in the gallery" in answer.text, answer.text
