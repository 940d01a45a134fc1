"""`onlyme events`, and what `watch --everybody` stores and sends."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
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
from tests.image.network_cameras import MjpegServer

run = CliRunner()

PATIENCE_SECONDS = 300.0
"""For a program that loads its networks on a busy machine."""


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


def test_attendance_begins_at_midnight_of_the_zone(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    with FaceID.open(tmp_path) as face_id, face_id.open_events() as events:
        for hour in (14, 16):  # 23 o'clock, and 1 o'clock of the next day
            at = datetime(2026, 11, 29, hour, tzinfo=UTC)
            events.add(DoorEvent("known", "front", at, name="ada"))
    try:
        rows = ask(tmp_path, "--attendance", "--since", "2026-11-30", "--jsonl").splitlines()
        assert [json.loads(row)["first"] for row in rows] == ["2026-11-30T01:00:00+09:00"]
        rows = ask(tmp_path, "--since", "2026-11-29T15:30", "--jsonl").splitlines()
        assert len(rows) == 1  # in UTC, as they are shown
    finally:
        monkeypatch.setenv("TZ", "UTC")
        time.tzset()


@pytest.mark.parametrize("sign", list("=+-@\t\n＝＋－＠"))
def test_no_spreadsheet_runs_a_name_or_a_camera(tmp_path, sign):
    event = DoorEvent("known", f"{sign}1+1", name=f"{sign}cmd|' /C calc'!A0")
    with FaceID.open(tmp_path) as face_id, face_id.open_events() as events:
        events.add(event)
    for words in (["--csv"], ["--attendance", "--csv"]):
        (row,) = csv.DictReader(io.StringIO(ask(tmp_path, *words), newline=""))
        assert row["name"] == f"'{event.name}"
        assert row["camera" if "camera" in row else "cameras"] == f"'{event.camera}"


@pytest.mark.parametrize(
    "when", ["0001-01-01", "9999-12-31T23:59", "0001-01-01T00:00+23:59", "9d "]
)
def test_moments_at_the_ends_of_time(vault, when):
    for words in ([], ["--attendance"]):
        result = run.invoke(app, ["events", *words, "--since", when, "--vault", str(vault)])
        assert result.exit_code in {0, 2}, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)


def test_a_camera_whose_name_is_no_text(vault):
    """Such as a video: it is stored, told and shown, and stops nothing."""
    camera = "camera clip \udcff.mp4"
    with FaceID.open(vault) as face_id, face_id.open_events() as events:
        events.add(DoorEvent("known", camera, name="carl"), ["https://example.org/"])
        assert events.claim(1e11, 1.0, ["https://example.org/"]).event.camera == camera
    for words in ([], ["--csv"], ["--jsonl"], ["--attendance", "--csv"]):
        shown = subprocess.run(
            [sys.executable, "-m", "onlyme", "events", "--person", "carl", *words],
            env=os.environ | {"ONLYME_VAULT": str(vault)},
            capture_output=True,
            check=False,
        )
        assert shown.returncode == 0, shown.stderr
        assert b"clip" in shown.stdout


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


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_visit_that_is_interrupted_is_written_down(photos, tmp_path, sign):
    """By Ctrl-C, or by systemd: attendance lacks no second, and no program stays behind."""
    vault = tmp_path / "vault"
    with FaceID.open(vault) as face_id:
        face_id.enroll("obama", [photos / "obama_2.jpg", photos / "obama_4.jpg"])
    picture = cv2.resize(cv2.imread(str(photos / "obama_1.jpg")), (480, 640))
    pictures = [np.roll(picture, step, axis=1) for step in range(-10, 10)]
    hang, mark = tmp_path / "hang", tmp_path / "mark"
    hang.write_text(f"#!/bin/sh\ntouch {mark}\nsleep 600\n")
    hang.chmod(0o700)
    words = ["--liveness", "off", "--on-known", str(hang), "--vault", str(vault)]
    with MjpegServer(pictures, seconds=0.1) as camera:
        watching = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "onlyme",
                "watch",
                "--everybody",
                "--camera",
                camera.address,
                *words,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        until = time.monotonic() + PATIENCE_SECONDS
        while not mark.exists():
            assert watching.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        watching.send_signal(sign)
        code = watching.wait(PATIENCE_SECONDS)
    assert code == (130 if sign == signal.SIGINT else -signal.SIGTERM)
    with FaceID.open(vault) as face_id, face_id.open_events() as events:
        stored = [(event.event, event.name) for event in events.read()]
    assert ("known", "obama") in stored
    assert ("left", "obama") in stored
