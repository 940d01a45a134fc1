"""A real session bus of a user who is logged in shows what root's helper tells her."""

import json
import shutil
import time
from pathlib import Path

import pytest

from tests.machine.desk import HOME

pytestmark = [pytest.mark.data, pytest.mark.xdist_group("machine")]

SERVER = Path(__file__).parents[1] / "unlock/client/notification_server.py"
SHOW = """\
from onlyme.unlock.client import notification
notification.SHOW_SECONDS = 20.0
note = notification.Notification()
print(note.show({uid}, "sudo <b>", "Nod to allow it.", 8))
note.close()
"""


def show(desk):
    done = desk.machine.run(HOME / "bin/python", "-I", "-c", SHOW.format(uid=desk.uid))
    return done.stdout.split()


def test_a_notification_reaches_her_desktop_and_is_taken_from_it(console, desk):
    assert show(desk) == ["False"]  # a bus, but no desktop on it
    shutil.copy2(SERVER, desk.path("/srv/server.py"))
    words = f"systemd-run --user --quiet --unit=desktop {HOME}/bin/python /srv/server.py well"
    assert console.run(words).returncode == 0

    def read_lines():
        journal = ("journalctl", "--output=cat", "--identifier=python", f"_UID={desk.uid}")
        return desk.machine.check(*journal).splitlines()

    end = time.monotonic() + 60
    while "ready" not in read_lines():
        assert time.monotonic() < end
        time.sleep(0.2)
    assert show(desk) == ["True"]
    calls = [json.loads(line) for line in read_lines() if line.startswith("[")]
    assert [call[0] for call in calls] == ["Notify", "CloseNotification"]
    assert calls[0][1][3:5] == ["sudo &lt;b&gt;", "Nod to allow it."]


def test_a_user_who_is_not_logged_in_has_no_desktop(desk):
    assert show(desk) == ["False"]
