"""A unit of another installation is found, and nothing else is taken for one."""

from pathlib import Path

import pytest

from onlyme.unlock.system import find_other
from onlyme.unlock.units import make_unit

OWN, OTHER = Path("/usr/lib/onlyme/bin/onlyme"), Path("/opt/onlyme/bin/onlyme")


def test_the_unit_of_another_installation_is_found(tmp_path):
    (tmp_path / "onlyme.service").write_text(make_unit("onlyme.service", OTHER))
    assert find_other(OWN, tmp_path) == str(OTHER)


@pytest.mark.parametrize(
    "text",
    [
        make_unit("onlyme.service", OWN),
        "[Service]\nExecStart=/usr/bin/another --daemon\n",
        "[Service]\n",
        "\udcff",
        None,
    ],
)
def test_another_unit_or_none_is_not(tmp_path, text):
    if text is not None:
        (tmp_path / "onlyme.service").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert find_other(OWN, tmp_path) == ""


def test_a_link_to_the_same_command_is_the_same_installation(tmp_path):
    own = tmp_path / "onlyme"
    own.touch()
    (tmp_path / "link").symlink_to(own)
    (tmp_path / "onlyme.service").write_text(make_unit("onlyme.service", tmp_path / "link"))
    assert find_other(own, tmp_path) == ""
