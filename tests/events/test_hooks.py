"""Programs of the operator: one after the other, ended with all that they started."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from onlyme.events import hooks
from onlyme.events.hooks import Hooks, run_program
from tests.events.broker import wait_until

DEADLINE_SECONDS = 60.0


@pytest.fixture
def program(tmp_path):
    """Return a function that writes a program of Python's, and gives its words."""

    def write(text, name="program"):
        path = tmp_path / name
        path.write_text(f"#!{sys.executable}\n{text}\n")
        path.chmod(0o700)
        return (str(path), str(tmp_path / "out"))

    return write


def is_alive(pid):
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


COPY = "import sys; open(sys.argv[1], 'ab').write(sys.stdin.buffer.read() + b'\\n')"


def test_each_gets_its_document_in_the_order_of_the_events(program, tmp_path):
    told, words = [], program(COPY)
    with Hooks(told.append, None) as running:
        for number in range(5):
            running.run(words, json.dumps({"number": number}))
    lines = (tmp_path / "out").read_text().splitlines()
    assert [json.loads(line)["number"] for line in lines] == list(range(5))
    assert told == []


def test_a_name_that_is_no_text_is_told_as_json(program, tmp_path):
    document = json.dumps({"camera": "clip \udcff ☃"}, ensure_ascii=False)
    assert run_program(program(COPY), document, None) is None
    assert json.loads((tmp_path / "out").read_text("utf-8"))["camera"] == "clip \udcff ☃"


HANG = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(sys.argv[1] + ".new", "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(600)
"""


@pytest.mark.parametrize("more", ["", "import signal; signal.signal(15, signal.SIG_IGN)\n"])
def test_a_program_that_hangs_is_ended_with_what_it_started(program, tmp_path, monkeypatch, more):
    out, told = tmp_path / "out", []
    monkeypatch.setattr(hooks, "PROGRAM_SECONDS", 600.0)
    words = program(more + HANG)
    worker = threading.Thread(target=lambda: told.append(run_program(words, "{}", None)))
    worker.start()
    wait_until(out.exists)
    monkeypatch.setattr(hooks, "PROGRAM_SECONDS", 0.0)
    worker.join(DEADLINE_SECONDS)
    assert not worker.is_alive()
    assert "was ended after" in told[0]
    pids = [int(pid) for pid in out.read_text().split()]
    wait_until(lambda: not any(map(is_alive, pids)))


def test_after_an_interruption_the_rest_is_dropped_and_that_is_told(program, tmp_path, monkeypatch):
    monkeypatch.setattr(hooks, "LAST_SECONDS", 0.0)
    told, words, out = [], program(HANG), tmp_path / "out"

    def interrupt():
        with Hooks(told.append, None) as running:
            for _ in range(3):
                running.run(words, "{}")
            wait_until(out.exists)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert any("was ended" in sentence for sentence in told)
    assert told[-1] == "programs that were not run any more: 2"
    wait_until(lambda: not any(is_alive(int(pid)) for pid in out.read_text().split()))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import sys; sys.exit(3)", "ended with exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", "ended with exit code -9"),
        ("import os; os.close(0)", None),
        ("print('x' * 5_000_000)", None),
        ("import sys; sys.stderr.write('x' * 5_000_000)", None),
    ],
    ids=["fails", "is killed", "reads nothing", "floods", "floods errors"],
)
def test_programs_that_behave_oddly(program, capfd, text, why):
    said = run_program(program(text), "{}", None)
    assert said is None if why is None else said.endswith(why)


def test_a_program_that_cannot_be_run_is_told(program, tmp_path):
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x00\x01")
    broken.chmod(0o700)
    for words in ((str(broken),), (str(tmp_path / "gone"),), (str(tmp_path),)):
        assert "cannot be run" in run_program(words, "{}", None)


def test_no_zombie_stays(program):
    run_program(program("pass"), "{}", None)
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    states = [
        Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in children
    ]
    assert "Z" not in states


def test_the_passphrase_of_the_vault_is_not_handed_on(program, tmp_path, monkeypatch):
    monkeypatch.setenv("ONLYME_PASSPHRASE", "a secret of the vault")
    monkeypatch.setenv("ONLYME_VAULT", "/srv/vault")
    text = "import os, sys, json; json.dump(dict(os.environ), open(sys.argv[1], 'w'))"
    assert run_program(program(text), "{}", None) is None
    given = json.loads((tmp_path / "out").read_text())
    assert "a secret of the vault" not in given.values()
    assert given["ONLYME_VAULT"] == "/srv/vault"


def test_ctrl_c_ends_the_program_of_one_person_too(program, tmp_path):
    """It is in a group of its own, which the terminal's Ctrl-C does not reach."""
    words, out = program(HANG), tmp_path / "out"
    script = "import sys\nfrom onlyme.events.hooks import run_program\n"
    script += "run_program(sys.argv[1:], '{}', None)"
    sender = subprocess.Popen(
        [sys.executable, "-c", script, *words], stderr=subprocess.DEVNULL, start_new_session=True
    )
    wait_until(out.exists)
    sender.send_signal(signal.SIGINT)
    sender.wait(DEADLINE_SECONDS)
    wait_until(lambda: not any(is_alive(int(pid)) for pid in out.read_text().split()))
