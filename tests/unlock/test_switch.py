"""The face can be switched off; a switch that is damaged means off."""

from datetime import timedelta

import pytest

from onlyme.errors import UsageError
from onlyme.unlock.switch import parse_duration, read_switch, switch_off, switch_on


def test_off_until_it_is_on_again(tmp_path):
    path = tmp_path / "disabled"
    assert read_switch(path) == ""
    switch_off(path=path)
    assert "enable" in read_switch(path)
    assert switch_on(path)
    assert read_switch(path) == ""
    assert not switch_on(path)


def test_off_for_a_while(tmp_path):
    path = tmp_path / "disabled"
    switch_off(timedelta(hours=2), path)
    assert "until" in read_switch(path)
    switch_off(timedelta(seconds=-1), path)  # the time has passed
    assert read_switch(path) == ""


@pytest.mark.parametrize(
    "content", [b"", b"soon", b"\xff\xfe", b"2999-01-01T00:00:00", b"0" * 5000]
)
def test_a_damaged_switch_means_off(tmp_path, content):
    path = tmp_path / "disabled"
    path.write_bytes(content)
    assert "switched off" in read_switch(path)
    path.unlink()
    path.mkdir()
    assert "switched off" in read_switch(path)


@pytest.mark.parametrize("text", ["", "2", "h", "-2h", "2h30", "2 h", "1e3s", "0s", "400d", "2H"])
def test_what_is_no_duration(text):
    with pytest.raises(UsageError, match="no duration"):
        parse_duration(text)


def test_durations():
    assert parse_duration("1d12h") == timedelta(days=1.5)
    assert parse_duration("90m") == timedelta(hours=1.5)
