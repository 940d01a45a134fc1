"""Detecting and comparing over the network: what is told, and to whom."""


def read(photos, *names):
    return [(photos / f"{name}.jpg").read_bytes() for name in names]


def test_detect_tells_where_a_face_is_and_how_good(running, photos):
    (picture,) = read(photos, "obama_1")
    answer = running.client("verify").post("/v1/detect", files={"frame": picture})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    (face,) = found["faces"]
    left, top, width, height = face["box"]
    assert 0 <= left < left + width <= found["width"]
    assert 0 <= top < top + height <= found["height"]
    assert len(face["landmarks"]) == 5
    assert all(left < x < left + width and top < y < top + height for x, y in face["landmarks"])
    assert isinstance(face["quality"]["ok"], bool)
    assert {check["name"] for check in face["quality"]["checks"]} >= {"size", "sharpness"}


def test_compare_tells_a_verdict_and_to_admins_how_near(running, photos):
    one, same, other = read(photos, "obama_1", "obama_2", "biden_1")
    for second, is_same in ((same, True), (other, False)):
        files = {"first": one, "second": second}
        answer = running.client("verify").post("/v1/compare", files=files)
        assert answer.json() == {"same": is_same}
        full = running.client().post("/v1/compare", files=files).json()
        assert (full["margin"] >= full["alpha"]) == is_same
        assert 0 < full["distance"] < 2


def test_what_is_missing_is_said(running, photos):
    (picture,) = read(photos, "obama_1")
    client = running.client("verify")
    assert client.post("/v1/compare", files={"first": picture}).status_code == 400
    assert client.post("/v1/detect", files=[("frame", picture)] * 2).status_code == 400
    assert client.post("/v1/detect", files={"frame": b"junk"}).status_code == 422
