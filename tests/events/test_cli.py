"""`onlyme events`, and what `watch --everybody` stores and sends."""

import csv
import io
import json
import os
from datetime import UTC, datetime
from urllib.parse import quote

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from onlyme import FaceID
from onlyme.cli.app import app
from onlyme.cli.events import parse_moment
from onlyme.events.store import DoorEvent
from tests.events.broker import MOSQUITTO, PASSWORD, Mosquitto, Subscriber, wait_until

run = CliRunner()


@pytest.fixture
def vault(tmp_path):
    folder = tmp_path / "vault"
    with FaceID.open(folder) as face_id, face_id.open_events() as events:
        for event, hour, name, seconds in (
            ("known", 8, "=ada", 0), ("left", 9, "=ada", 60), ("unknown", 10, None, 0),
            ("known", 16, "=ada", 0), ("left", 17, "=ada", 30), ("known", 12, "bob", 0),
        ):  # fmt: skip
            at = datetime(2026, 11, 30, hour, tzinfo=UTC)
            events._file  # noqa: B018 - opened
            events.days = 3650
            events.add(DoorEvent(event, "front", at, name=name, seconds=seconds))
    return folder


def ask(vault, *words, monkeypatch=None):
    result = run.invoke(app, ["events", *words, "--vault", str(vault)])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(autouse=True)
def long_retention(monkeypatch):
    monkeypatch.setenv("ONLYME_EVENTS_DAYS", "3650")
    monkeypatch.setenv("TZ", "UTC")


def test_tables_and_lines(vault):
    rows = list(csv.DictReader(io.StringIO(ask(vault, "--csv"))))
    assert [row["name"] for row in rows] == ["'=ada", "'=ada", "", "bob", "'=ada", "'=ada"]
    lines = [json.loads(line) for line in ask(vault, "--jsonl").splitlines()]
    assert [line["name"] for line in lines] == ["=ada", "=ada", None, "bob", "=ada", "=ada"]
    assert ask(vault).count("front") == 6


def test_by_time_and_person(vault):
    since = ask(vault, "--since", "2026-11-30T11:00", "--until", "2026-11-30T13:00", "--jsonl")
    assert [json.loads(line)["name"] for line in since.splitlines()] == ["bob"]
    assert len(ask(vault, "--person", "=ada", "--jsonl").splitlines()) == 4
    result = run.invoke(app, ["events", "--since", "yesterday", "--vault", str(vault)])
    assert result.exit_code == 2
    assert parse_moment("7d") < parse_moment("12h") < parse_moment("30m") < datetime.now(UTC)


def test_attendance(vault):
    rows = list(csv.DictReader(io.StringIO(ask(vault, "--attendance", "--csv"))))
    assert [(row["name"], row["visits"], row["seconds"]) for row in rows] == [
        ("'=ada", "2", "90.0"),
        ("bob", "1", "0.0"),
    ]
    assert rows[0]["first"] < rows[0]["last"]
    assert "=ada" in ask(vault, "--attendance")


def test_the_key_of_webhooks_stays(vault):
    key = ask(vault, "--webhook-key").strip()
    assert len(bytes.fromhex(key)) == 32
    assert ask(vault, "--webhook-key").strip() == key


@pytest.fixture(scope="module")
def film(photos, tmp_path_factory):
    """A video of one person who moves a little."""
    path = tmp_path_factory.mktemp("film") / "door.mp4"
    picture = cv2.resize(cv2.imread(str(photos / "obama_1.jpg")), (480, 640))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (480, 640))
    for frame in range(40):
        writer.write(np.roll(picture, frame % 20 - 10, axis=1))
    writer.release()
    return path


@pytest.mark.skipif(MOSQUITTO is None and "CI" not in os.environ, reason="needs mosquitto")
def test_watch_tells_an_mqtt_broker(film, photos, tmp_path):
    vault, file = tmp_path / "vault", tmp_path / "mqtt"
    with FaceID.open(vault) as face_id:
        face_id.enroll("obama", [photos / "obama_2.jpg", photos / "obama_4.jpg"])
    mosquitto = Mosquitto(tmp_path, secure=True)
    heard = Subscriber(mosquitto, "onlyme/#")
    word = quote(PASSWORD, safe="")
    file.write_text(mosquitto.address(user=f"ada:{word}@"))
    file.chmod(0o600)
    watch = ["watch", "--everybody", str(film), "--liveness", "off", "--vault", str(vault)]
    mqtt = ["--mqtt", f"@{file}", "--mqtt-ca", str(mosquitto.certificate)]
    result = run.invoke(app, [*watch, *mqtt])
    assert result.exit_code == 0, result.output
    assert word not in result.output + result.stderr
    with FaceID.open(vault) as face_id, face_id.open_events() as events:
        if events.count_waiting():  # the film was over before the broker was there
            result = run.invoke(app, [*watch, *mqtt, "--mqtt-names"])
    wait_until(lambda: [one for one in heard.got if one[0].endswith("/event")])
    told = [json.loads(text) for topic, text, _ in heard.got if topic.endswith("/event")]
    assert "known" in {event["event_type"] for event in told}
    heard.stop()
    mosquitto.kill()


@pytest.mark.parametrize("is_on", [True, False])
def test_watch_keeps_unknown_people_only_where_that_is_switched_on(
    film, photos, tmp_path, monkeypatch, is_on
):
    vault = tmp_path / "vault"
    if is_on:
        monkeypatch.setenv("ONLYME_UNKNOWN_DAYS", "2")
    with FaceID.open(vault) as face_id:
        face_id.enroll("biden", [photos / "biden_1.jpg"])
    watch = ["watch", "--everybody", str(film), "--liveness", "off", "--vault", str(vault)]
    result = run.invoke(app, [*watch, "--json"])
    assert "unknown" in result.stdout, result.output
    assert "picture" not in result.stdout
    with FaceID.open(vault) as face_id:
        groups = face_id.unknown_people()
        assert len(groups) == is_on
        if not is_on:
            return
        (visit,) = groups[0].visits
        picture = cv2.imdecode(np.frombuffer(visit.picture, np.uint8), cv2.IMREAD_COLOR)
        assert 60 < max(picture.shape) <= 320
        assert face_id.pipeline.look(visit.picture).face is not None
        assert face_id.name_unknown(groups[0].id, "obama") == len(visit.vectors)
        assert face_id.unknown_people() == []
        assert face_id.identify(photos / "obama_2.jpg").name == "obama"


def test_a_known_person_is_never_kept(film, photos, tmp_path, monkeypatch):
    vault = tmp_path / "vault"
    monkeypatch.setenv("ONLYME_UNKNOWN_DAYS", "2")
    with FaceID.open(vault) as face_id:
        face_id.enroll("obama", [photos / "obama_2.jpg", photos / "obama_4.jpg"])
    watch = ["watch", "--everybody", str(film), "--liveness", "off", "--vault", str(vault)]
    assert run.invoke(app, watch).exit_code == 0
    with FaceID.open(vault) as face_id:
        assert face_id.unknown_people() == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["watch", "--everybody", "--mqtt-names"], "need --mqtt"),
        (["watch", "ada", "--mqtt", "mqtt://127.0.0.1"], "need --everybody"),
        (["watch", "--everybody", "--mqtt", "mqtt://a:word@b"], "seen by other users"),
        (["watch", "--everybody", "--no-events", "--mqtt", "mqtt://b"], "drop --no-events"),
        (["serve", "--mqtt", "mqtts://b"], "add --doorbell"),
    ],
)
def test_options_that_do_not_go_together(vault, words, why):
    result = run.invoke(app, [*words, "--vault", str(vault)])
    assert result.exit_code != 0
    shown = result.output + result.stderr + str(result.exception or "")
    assert why in " ".join(shown.replace("│", " ").split())
    assert "word@" not in shown
