"""Whatever is written to the socket, the daemon goes on serving and changes nothing."""

import pytest

from onlyme.unlock.wire import ask

from .fuzz import Fuzzer
from .stack import PASSWORD, USER

MESSAGES = 400  # benchmarks/unlock.py sends 10,000


@pytest.mark.data
def test_noise_and_hostile_requests_leave_the_daemon_serving(house):
    pid = house.process.pid
    statuses = Fuzzer(7, house.socket()).send(MESSAGES)
    assert statuses.get("400", 0) > MESSAGES / 10
    assert not statuses.get("500"), house.log()
    assert house.process.poll() is None
    assert house.process.pid == pid
    assert "Traceback" not in house.log()
    assert ask(str(house.socket()), "/v1/attempt", {"user": USER}, 30)[1]["accepted"]
    assert house.login(password=PASSWORD).opened
