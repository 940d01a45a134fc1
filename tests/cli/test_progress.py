"""Progress bars: on a terminal only, and never on stdout."""

import os
import pty
import subprocess
import sys

from tests.cli.conftest import surroundings

SHOW = """
import sys
from onlyme.cli.progress import show_progress
with show_progress() as move:
    for done in range(1, 4):
        move("looking", done, 3)
        move("counted", done, None)
print("answer", "rich" in sys.modules)
"""


def show(home, **streams):
    return subprocess.run(
        [sys.executable, "-c", SHOW],
        env=surroundings(home, TERM="xterm"),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        **streams,
    )


def test_a_pipe_gets_no_bar(tmp_path):
    done = show(tmp_path, stderr=subprocess.PIPE)
    assert (done.stdout, done.stderr) == ("answer False\n", "")


def test_a_terminal_gets_one_bar_for_each_stage(tmp_path):
    ours, theirs = pty.openpty()
    try:
        done = show(tmp_path, stderr=theirs)
        shown = os.read(ours, 100_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.stdout == "answer True\n"
    assert "looking" in shown
    assert "3/3" in shown
    assert "3/?" in shown
