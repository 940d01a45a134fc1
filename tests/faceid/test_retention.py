"""What is too old goes also where no event is written: before a quiet door, in a quiet service."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from onlyme import FaceID
from onlyme.events import retention
from onlyme.events.event import DoorEvent
from onlyme.events.store import EVENTS_FILE
from onlyme.faceid.events import keep_retention
from onlyme.settings import Settings
from tests.events.visits import make_visit


@pytest.fixture
def settings(tmp_path):
    return Settings.load(vault=tmp_path / "vault", unknown_days=7)


def wait_until(is_so, seconds=20.0):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def add_old(face_id):
    """Store an old event and an old unknown visit as earlier programs left them."""
    with face_id.open_events() as events:
        events.purge()
        events.add(DoorEvent("known", "front", datetime.now(UTC) - timedelta(days=91), name="old"))
        events.unknown_days = 99
        assert events.add_unknown(make_visit(1, 24 * 8))
        assert count(events) == 2


def count(events):
    return sum(
        events._file.fetch_one(f"SELECT count(*) FROM {table}")[0]  # noqa: S608 - our own names
        for table in ("event", "unknown")
    )


def test_it_erases_at_once_and_again_each_time(settings, monkeypatch):
    monkeypatch.setattr(retention, "PURGE_SECONDS", 0.2)
    with FaceID.open(settings.vault) as face_id:
        add_old(face_id)
        with (
            keep_retention(settings, face_id.admin.store, pytest.fail),
            face_id.open_events() as events,
        ):
            wait_until(lambda: count(events) == 0)
            add_old(face_id)
            wait_until(lambda: count(events) == 0)


def test_it_makes_no_file_and_tells_what_it_cannot_do(settings, monkeypatch):
    monkeypatch.setattr(retention, "PURGE_SECONDS", 0.05)
    told = []
    with (
        FaceID.open(settings.vault) as face_id,
        keep_retention(settings, face_id.admin.store, told.append),
    ):
        time.sleep(0.3)
        assert not (settings.vault / EVENTS_FILE).exists()
        assert told == []
        (settings.vault / EVENTS_FILE).write_bytes(b"junk" * 2000)
        wait_until(lambda: told)
    assert told[0].startswith("what is too old among the events cannot be erased: ")


def test_before_a_quiet_door_too(settings, tmp_path, monkeypatch):
    """`watch` of a film that shows nobody."""
    import cv2
    import numpy as np
    from typer.testing import CliRunner

    from onlyme.cli.app import app

    writer = cv2.VideoWriter(
        str(tmp_path / "quiet.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 10, (320, 240)
    )
    for _ in range(5):
        writer.write(np.full((240, 320, 3), 90, np.uint8))
    writer.release()
    monkeypatch.setenv("ONLYME_UNKNOWN_DAYS", "7")
    with FaceID.open(settings.vault) as face_id:
        face_id.open_events().close()
        add_old(face_id)
    words = ["watch", "--everybody", str(tmp_path / "quiet.mp4"), "--liveness", "off"]
    for more in ([], ["--no-events"]):
        result = CliRunner().invoke(app, [*words, *more, "--vault", str(settings.vault)])
        assert result.exit_code == 1, result.output
        with FaceID.open(settings.vault) as face_id:
            with face_id.open_events() as events:
                assert count(events) == 0, more
            add_old(face_id)
