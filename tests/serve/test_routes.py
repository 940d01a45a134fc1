"""What the routes answer, over a real socket."""

import pytest

from onlyme import FaceID
from tests.serve.pictures import as_frame


def test_health_says_ok_and_nothing_else(running):
    answer = running.client(None).get("/v1/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_names_are_the_document_of_the_command_line(running):
    from onlyme.faceid.serialize import dump_json, serialize_owners

    with FaceID.open(running.settings.vault) as face_id:
        expected = dump_json(serialize_owners(face_id.names(), face_id.owner), indent=None)
    assert running.client().get("/v1/names").text == expected


def test_people_of_the_gallery_are_listed_certified_and_forgotten(running, photos):
    from onlyme.gallery.gallery import GalleryPerson

    client = running.client()
    with FaceID.open(running.settings.vault) as face_id:
        owners = face_id.names()
        one = face_id.pipeline.look(photos / "macron_1.jpg").embedding.vector
        assert face_id._enrolled.ensure_gallery().put([GalleryPerson("macron", one[None])]) == []
    rows = client.get("/v1/names").json()
    expected = [*((name, "vault") for name in owners), ("macron", "gallery")]
    assert [(row["name"], row["where"]) for row in rows] == expected
    for where, names in {"vault": owners, "gallery": ["macron"]}.items():
        found = client.get(f"/v1/names?where={where}").json()
        assert [row["name"] for row in found] == names
    assert client.get("/v1/names?where=nowhere").status_code == 400
    assert client.get("/v1/names/macron/certificate").json()["photos"] == 1
    assert client.get("/v1/names/macron/tune").json()["name"] == "macron"
    refused = client.post("/v1/names/macron/tune?far=1e-5")
    assert (refused.status_code, "gallery" in refused.json()["detail"]) == (400, True)
    assert len(client.get("/v1/names/macron/examples").json()) == 1
    assert client.delete("/v1/names/macron").json() == {"name": "macron", "forgotten": True}
    assert [row["name"] for row in client.get("/v1/names").json()] == owners


@pytest.mark.parametrize("form", ["raw", "multipart"])
def test_the_owner_is_accepted(running, photos, form):
    picture = as_frame(photos / "obama_3.jpg")
    if form == "raw":
        body = {"content": picture, "headers": {"Content-Type": "image/jpeg"}}
    else:
        body = {"files": {"frame": picture}}
    answer = running.client().post("/v1/names/obama/verify", **body)
    assert answer.status_code == 200, answer.text
    decision = answer.json()
    assert decision["reason"] == "match", decision
    assert decision["margin"] >= decision["alpha"]


def test_a_large_picture_is_written_nowhere(running, photos, tmp_path, monkeypatch):
    """Frameworks spool large files to the disk; here even a temporary file is an error."""
    import tempfile

    def refused(*_, **__):
        raise AssertionError("a temporary file")

    for name in ("TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, refused)
    picture = (photos / "obama_1.jpg").read_bytes() + bytes(4 * 2**20)  # ends after its end
    files = [("frame", ("a.jpg", picture)), ("frame", ("b.jpg", picture))]
    answer = running.client().post("/v1/names/obama/verify", files=files)
    assert answer.status_code == 200
    assert answer.json()["frames"] == 2


def test_examples_and_looks_are_listed_and_removed(running, photos):
    client = running.client()
    picture = {path.stem: path.read_bytes() for path in photos.glob("*.jpg")}
    assert client.post("/v1/names/eve", files={"me": picture["ardern_1"]}).status_code == 201
    added = client.post("/v1/names/eve?add=true&look=on%2Foff", files={"me": picture["ardern_2"]})
    assert added.status_code == 201
    rows = client.get("/v1/names/eve/examples").json()
    assert [(row["number"], row["look"], row["kind"]) for row in rows] == [
        (1, "", "photo"),
        (2, "on/off", "photo"),
    ]
    assert set(rows[0]) == {"number", "added", "kind", "look", "quality"}
    gone = client.delete("/v1/names/eve/looks/on%2Foff")
    assert (gone.status_code, gone.json()) == (200, {"name": "eve", "left": 1, "notes": []})
    last = client.delete("/v1/names/eve/examples/1")
    assert (last.status_code, "forget" in last.json()["detail"]) == (400, True)
    for path in ("examples/7", "examples/0", "examples/x", "looks/hat", "looks/%1B"):
        assert client.delete(f"/v1/names/eve/{path}").status_code in {400, 422}, path
    assert len(client.get("/v1/names/eve/examples").json()) == 1
    assert client.get("/v1/names/nobody/examples").status_code == 404
    assert client.delete("/v1/names/nobody/examples/1").status_code == 404
    events = [line["event"] for line in client.get("/v1/audit?owner=eve").json()]
    assert events == ["enroll", "enroll", "remove"]
    client.delete("/v1/names/eve")


def test_a_person_is_enrolled_tuned_taught_and_forgotten(running, photos):
    client = running.client()
    picture = {path.stem: path.read_bytes() for path in photos.glob("*.jpg")}
    files = [("me", picture["ardern_1"]), ("me", b"broken"), ("not_me", picture["sunak_1"])]
    made = client.post("/v1/names/ardern", files=files)
    assert made.status_code == 201
    reports = {each["source"]: each["taken"] for each in made.json()["me"]}
    assert reports["me 1"] is True
    assert sorted(reports.values()) == [False, True]
    assert client.post("/v1/names/ardern", files=files).json()["type"].endswith("owner-exists")
    added = client.post("/v1/names/ardern?add=true", files={"me": picture["ardern_2"]})
    assert added.json()["taken"] == 1
    tuned = client.post("/v1/names/ardern/tune?preset=android").json()
    assert tuned["far"] == pytest.approx(1 / 50_000, rel=0.05)
    assert client.get("/v1/names/ardern/tune").json()["alpha"] == tuned["alpha"]
    loose = client.post("/v1/names/ardern/tune?alpha=-2")
    assert (loose.status_code, "yes=true" in loose.json()["detail"]) == (400, True)
    assert client.get("/v1/names/ardern/tune").json()["alpha"] == tuned["alpha"]
    assert client.get("/v1/names/ardern/certificate").json()["photos"] == 2
    lesson = client.post("/v1/names/ardern/not-me", files={"frame": picture["macron_1"]}).json()
    assert lesson["margin_after"] < lesson["margin_before"]
    undone = client.delete("/v1/names/ardern/not-me").json()
    assert undone["margin_after"] == pytest.approx(lesson["margin_before"], abs=1e-3)
    events = [line["event"] for line in client.get("/v1/audit?owner=ardern").json()]
    assert events == ["enroll", "enroll", "tune", "teach", "teach"]
    replaced = client.put("/v1/names/ardern", files={"me": picture["ardern_1"]})
    assert (replaced.status_code, replaced.json()["taken"]) == (200, 1)
    assert client.delete("/v1/names/ardern").json() == {"name": "ardern", "forgotten": True}
    assert client.delete("/v1/names/ardern").status_code == 404


def test_the_log_is_read_by_owner_time_and_number(running):
    client = running.client()
    lines = client.get("/v1/audit").json()
    assert [line["number"] for line in lines] == sorted(line["number"] for line in lines)
    assert client.get("/v1/audit?limit=2").json() == lines[-2:]
    late = client.get("/v1/audit", params={"since": "2999-01-01T00:00:00Z"})
    assert late.json() == []
    assert client.get("/v1/audit?since=2026-01-01T00:00:00").status_code == 400
    assert client.get("/v1/audit?limit=0").status_code == 400


def test_metrics_count_and_name_nobody(running, photos):
    picture = {"frame": as_frame(photos / "obama_3.jpg")}
    assert running.client().post("/v1/names/obama/verify", files=picture).json()["accepted"]
    text = running.client("metrics").get("/v1/metrics").text
    assert 'onlyme_decisions_total{reason="match"}' in text
    assert 'route="/v1/names/{name}/verify"' in text
    assert "onlyme_jobs_waiting 0.0" in text
    assert "process_resident_memory_bytes" in text
    assert "obama" not in text


def test_what_strangers_make_up_fills_no_memory_with_counts(running):
    def lines():
        return len(running.client("metrics").get("/v1/metrics").text.splitlines())

    lines()
    running.client(None).request("AAAA", "/v1/made-up")
    before = lines()
    for number in range(20):
        running.client(None).request(f"AAAA{number}", f"/v1/made-up/{number}")
        running.client().get(f"/v1/names/person{number}/tune")
    assert lines() <= before + 20  # one route more, answered 404


def test_a_photo_that_was_uploaded_keeps_its_name_in_the_report(running, photos):
    files = [
        ("me", ("IMG_22.jpg", (photos / "obama_1.jpg").read_bytes())),
        ("me", ("scan\x1b[2J.png", b"no picture")),
        ("me", b"no picture either"),
    ]
    answer = running.client().post("/v1/names/uploaded?anyway=true", files=files)
    assert answer.status_code == 201, answer.text
    sources = [report["source"] for report in answer.json()["me"]]
    assert sources[0] == "IMG_22.jpg"
    assert sources[1].startswith("scan")
    assert sources[1].isprintable()
    assert sources[2] == "me 3"
    running.client().delete("/v1/names/uploaded")
