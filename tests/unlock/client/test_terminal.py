"""What is shown on a terminal draws nothing and fits; a terminal is that of its process."""

import os
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from onlyme.unlock.client.harmless import fit_text, make_harmless
from onlyme.unlock.client.terminal import find_terminal, read_command
from tests.unlock.client.answering import NO_PROCESS
from tests.unlock.client.proc import process


def test_the_command_is_shown_without_characters_that_could_draw(proc):
    words = "\0".join(["sudo", "echo", "\x1b[2J\x1b[1;1Hapt upgrade", "a\nb", "é"]) + "\0"
    process(proc, 30, 20, cmdline=words)
    assert read_command(30, str(proc)) == "sudo echo �[2J�[1;1Hapt upgrade a�b é"
    (proc / "30/exe").symlink_to("/usr/bin/sudo")
    assert read_command(30, str(proc)).startswith("sudo echo ")
    (proc / "30/exe").unlink()
    (proc / "30/exe").symlink_to("/usr/bin/doas (deleted)")  # the kernel knows better
    assert read_command(30, str(proc)).startswith("doas echo ")
    process(proc, 31, 20, cmdline="x" * 5000)
    assert read_command(31, str(proc)).endswith("… (4096 characters)")
    assert read_command(NO_PROCESS, str(proc)) == ""


@settings(deadline=None)  # this machine may be busy
@given(st.text())
def test_any_text_becomes_one_line_that_draws_nothing(text):
    shown = make_harmless(text)
    assert shown.isprintable()
    assert "  " not in shown
    assert not any(unicodedata.combining(character) for character in shown)
    assert not {unicodedata.bidirectional(each) for each in shown} & {"R", "AL", "AN", "RLO"}


@settings(deadline=None)
@given(st.text(), st.integers(2, 100))
def test_a_line_fits(text, columns):
    shown = fit_text(make_harmless(text), columns)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in shown)
    assert len(shown) + wide <= columns


def test_a_terminal_is_the_one_of_the_process_and_no_other(proc):
    ours, theirs = os.openpty()
    other, others = os.openpty()
    try:
        path, number = os.ttyname(theirs), os.fstat(theirs).st_rdev
        encoded = os.minor(number) & 0xFF | os.major(number) << 8 | (os.minor(number) >> 8) << 20
        process(proc, 30, 20, tty=encoded)
        assert find_terminal(30, path, str(proc)) == path
        assert find_terminal(30, "", str(proc)) == path
        assert find_terminal(30, os.ttyname(others), str(proc)) == path  # PAM's name is wrong
        assert find_terminal(30, ":0", str(proc)) == path
        process(proc, 31, 20, tty=0)
        assert find_terminal(31, path, str(proc)) is None
        assert find_terminal(NO_PROCESS, path, str(proc)) is None
    finally:
        for handle in (ours, theirs, other, others):
            os.close(handle)
