"""A real LightDM logs ada in by her face; where another one is seen, her password does."""

import json
import shutil
import time
from pathlib import Path

import pytest

from tests.machine.desk import HOME, OTHER, USER
from tests.unlock.conftest import clip

pytestmark = [pytest.mark.data, pytest.mark.xdist_group("machine")]

GREETER = Path(__file__).with_name("lightdm_greeter.py")
SEEN, SESSION = "/var/lib/lightdm/seen", "/srv/seen/session"
SECONDS = 120
ENTRY = "[Desktop Entry]\nType=Application\nName=test\nExec={}\n"
FILES = {
    # A container may lock no memory, without which LightDM dies.
    "/etc/lightdm/lightdm.conf": "[LightDM]\nlogind-check-graphical=false\nlock-memory=false\n"
    "[Seat:*]\nxserver-command=/srv/xserver\ngreeter-session=test\nuser-session=test\n",
    "/usr/share/xgreeters/test.desktop": ENTRY.format("/usr/bin/python3 /srv/greeter.py"),
    "/usr/share/xsessions/test.desktop": ENTRY.format("/srv/session"),
    # A screen without a graphics card takes none of the options for a real one.
    "/srv/xserver": '#!/bin/sh\nauth=${*##*-auth }\nexec Xvfb "$1" -auth "${auth%% *}"\n',
    "/srv/session": f"#!/bin/sh\n(id -un; loginctl show-session $XDG_SESSION_ID) > {SESSION}.new\n"
    f"mv {SESSION}.new {SESSION}\nexec sleep 600\n",
}


@pytest.fixture
def lightdm(screen, desk, data):
    """A function that starts LightDM anew, and returns what its greeter and ada's session saw."""
    for name, text in FILES.items():
        desk.path(name).parent.mkdir(parents=True, exist_ok=True)
        desk.path(name).write_text(text)
        desk.path(name).chmod(0o755)
    desk.path("/srv/seen").mkdir()
    desk.path("/srv/seen").chmod(0o1777)
    shutil.copy2(GREETER, desk.path("/srv/greeter.py"))
    before = desk.path("/etc/pam.d/lightdm").read_bytes()
    desk.configure()
    install = (f"{HOME}/bin/onlyme", "unlock", "install", "lightdm", "--yes", "--user", USER)
    desk.machine.check(*install)

    def start():
        for name in (SEEN, SESSION):
            desk.path(name).unlink(missing_ok=True)
        desk.machine.check("systemctl", "restart", "lightdm")
        end = time.monotonic() + SECONDS
        while not desk.path(SESSION).exists():
            assert time.monotonic() < end, tell(desk)
            time.sleep(0.2)
        said = [json.loads(line) for line in desk.path(SEEN).read_text().splitlines()]
        return said, desk.path(SESSION).read_text().splitlines()

    yield start
    desk.machine.run("systemctl", "stop", "lightdm")
    desk.machine.run("loginctl", "terminate-user", "lightdm")
    desk.path("/etc/pam.d/lightdm").write_bytes(before)
    desk.console.show()  # LightDM brought another one to the foreground
    desk.end_sessions()
    desk.show(clip(data, USER))
    desk.machine.check(f"{HOME}/bin/onlyme", "unlock", "retry", "--user", USER)


def tell(desk):
    logs = "cat /var/log/lightdm/*greeter.log; journalctl --no-pager -u lightdm -u onlyme -n 30"
    return desk.machine.run("sh", "-c", logs).stdout[-5000:]


def test_lightdm_logs_in_by_face_or_by_password(lightdm, desk, data):
    said, session = lightdm()
    assert said[-1] == ["authenticated", True]
    assert "prompt" not in [kind for kind, _ in said]
    assert session[0] == USER
    assert {"Service=lightdm", "Seat=seat0", "Class=user", "Type=x11"} <= {*session}

    desk.show(clip(data, OTHER))
    said, session = lightdm()
    assert ["message", "onlyme: this face does not match; use the password"] in said
    assert said[-2:] == [["prompt", "Password: "], ["authenticated", True]]
    assert session[0] == USER
