"""CompreFace's recognition API, asked by CompreFace's own client."""

from onlyme.serve.compreface.people import FaceNumber
from tests.serve.compreface.asking import ROOT
from tests.serve.pictures import as_frame
from tests.serve.test_identify import put_beside


def connect(sdk, server, scope):
    host = f"http://127.0.0.1:{server.port}".rpartition(":")
    options = {"limit": 0, "det_prob_threshold": 0.5, "prediction_count": 3, "status": True}
    client = sdk.CompreFace(host[0], host[2], options)
    return client.init_face_recognition(server.secrets[scope])


def test_its_client_works_unchanged(sdk, empty, photos):
    service = connect(sdk, empty, "admin")
    subjects, faces = service.get_subjects(), service.get_face_collection()
    assert subjects.list() == {"subjects": []}
    assert subjects.add("ada") == {"subject": "ada"}
    assert subjects.list() == {"subjects": ["ada"]}
    # As bytes: it leaves files open.
    added = faces.add((photos / "obama_1.jpg").read_bytes(), "ada", {"det_prob_threshold": 0.8})
    assert added["subject"] == "ada"
    second = faces.add((photos / "obama_2.jpg").read_bytes(), "ada")
    assert second["image_id"] != added["image_id"]
    assert faces.list()["faces"] == [added, second]
    assert faces.list()["total_elements"] == 2

    picture = as_frame(photos / "obama_3.jpg")
    answer = service.recognize(picture)
    (face,) = answer["result"]
    assert {"detector", "calculator"} <= set(answer["plugins_versions"])
    assert 0 <= face["box"]["x_min"] < face["box"]["x_max"]
    assert face["subjects"][0]["subject"] == "ada"
    assert 0.5 < face["subjects"][0]["similarity"] <= 1
    (verified,) = faces.verify(picture, added["image_id"])["result"]
    assert verified["subject"] == "ada"
    assert verified["similarity"] > 0.5
    (stranger,) = service.recognize(as_frame(photos / "sunak_1.jpg"))["result"]
    assert stranger["subjects"][0]["similarity"] < 0.5

    assert subjects.update("ada", "grace") == {"updated": True}
    assert subjects.list() == {"subjects": ["grace"]}
    ids = [face["image_id"] for face in faces.list()["faces"]]
    assert faces.delete(ids[0]) == {"image_id": ids[0], "subject": "grace"}
    assert faces.list()["total_elements"] == 1
    assert faces.delete_all("grace") == {"deleted": 1}
    assert subjects.list() == {"subjects": ["grace"]}
    assert subjects.delete("grace") == {"subject": "grace"}
    assert subjects.add("bob") == {"subject": "bob"}
    assert subjects.delete_all() == {"deleted": 1}
    assert subjects.list() == {"subjects": []}


def test_its_client_reads_a_refusal(sdk, empty, photos):
    service = connect(sdk, empty, "admin")
    blank = put_beside(as_frame(photos / "obama_3.jpg"))[:100]
    assert service.recognize(blank)["message"].startswith("image.jpg: ")
    assert service.get_subjects().delete("nobody")["message"]
    key = connect(sdk, empty, "verify").get_subjects().add("eve")
    assert key["type"] == "urn:onlyme:problem:scope"


def test_a_picture_without_a_face_is_refused_as_there(alike, photos):
    from tests.serve.hostile.sending import make_jpeg

    blank = make_jpeg(320, 240)
    image_id = FaceNumber("obama", 1).image_id
    for path in ("recognize", f"faces/{image_id}/verify"):
        answer = alike.client("verify").post(f"{ROOT}/{path}", files={"file": blank})
        assert (answer.status_code, answer.json()["code"]) == (400, 28)
        assert answer.json()["message"] == "No face is found in the given image"
    answer = alike.client().post(f"{ROOT}/faces?subject=eve", files={"file": blank})
    assert (answer.status_code, answer.json()["code"]) == (400, 28)
    assert "eve" not in alike.client().get(f"{ROOT}/subjects").json()["subjects"]
