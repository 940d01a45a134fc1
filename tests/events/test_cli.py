"""`onlyme events`, and what `watch --everybody` stores and sends."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from onlyme import FaceID
from onlyme.cli.app import app
from onlyme.cli.events import parse_moment
from onlyme.events.door_event import DoorEvent

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
