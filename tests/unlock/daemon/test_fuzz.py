"""Send noise and hostile requests: the daemon goes on serving, and changes nothing."""

import json
import sys
from pathlib import Path

import pytest

from onlyme.unlock.transport import SOCKET
from tests.unlock.conftest import clip, show
from tests.unlock.daemon.test_asking import fingerprint
from tests.unlock.stack import OTHER, PASSWORD, UID

FUZZ = Path(__file__).with_name("fuzz.py")
MESSAGES = 400  # benchmarks/unlock.py sends 10,000


@pytest.mark.data
@pytest.mark.xdist_group("unlock-house")
def test_noise_and_hostile_requests_leave_the_daemon_serving(house, data):
    """A member of the group sends them; other tests are about the connection itself."""
    before = fingerprint(house)
    done = house.run(sys.executable, FUZZ, SOCKET, 7, MESSAGES, uid=UID)
    statuses = json.loads(done.stdout)
    assert sum(statuses.values()) == MESSAGES
    assert statuses["400"] > MESSAGES / 10
    assert statuses["403"] > MESSAGES / 20
    assert "500" not in statuses, house.log()
    assert house.process.poll() is None
    assert "Traceback" not in house.log()
    assert fingerprint(house) == before
    show(house, clip(data, OTHER))
    assert house.login(OTHER).opened
    assert house.login(password=PASSWORD).opened
