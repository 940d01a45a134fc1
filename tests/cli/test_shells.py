"""Press Tab in real shells, each with the completion that the Debian package installs."""

import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

SECONDS = 90
PROMPT = "READY> "


def need(shell):
    if not shutil.which(shell):
        if os.environ.get("CI"):
            pytest.fail(f"not installed: {shell}")
        pytest.skip(f"not installed: {shell}")


@pytest.fixture
def environment(obama):
    """The variables of a shell in which `onlyme` is the command and obama is enrolled."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return obama.environment() | {"PATH": path, "TERM": "dumb", "PS1": PROMPT}


@pytest.fixture
def folder(tmp_path):
    """A folder with files that a shell would offer where nothing else is."""
    place = tmp_path / "place"
    place.mkdir()
    for name in ("obama.jpg", "other.txt"):
        (place / name).touch()
    return place


def make_completion(shell, environment):
    """Return the completion as the package gets it."""
    done = subprocess.run(
        ["onlyme"],
        env=environment | {"_ONLYME_COMPLETE": f"source_{shell}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.lstrip()


class Shell:
    """A shell on a terminal."""

    def __init__(self, words, environment, folder):
        self.seen = ""
        self._terminal, theirs = os.openpty()
        streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *words], cwd=folder, env=environment, **streams
        )
        os.close(theirs)

    def type(self, keys):
        os.write(self._terminal, keys.encode())

    def read_until(self, words):
        """Read until words are seen, which are then forgotten; return what came before."""
        end = time.monotonic() + SECONDS
        while words not in self.seen:
            assert time.monotonic() < end, f"{words!r} was not seen in {self.seen!r}"
            if select.select([self._terminal], [], [], 0.1)[0]:
                self.seen += os.read(self._terminal, 4096).decode(errors="replace")
        before, _, self.seen = self.seen.partition(words)
        return before

    def close(self):
        os.close(self._terminal)  # hangs up: the shell ends
        self._process.wait(SECONDS)


@pytest.fixture
def start(environment, folder, tmp_path):
    """A function that starts a shell with its completion."""
    started = []

    def start_shell(shell):
        need(shell)
        home = tmp_path / "completions"
        home.mkdir()
        text = make_completion(shell, environment)
        if shell == "zsh":
            (home / "_onlyme").write_text(text)
            words = ["zsh", "-f", "-i"]
            load = f"unsetopt beep; fpath=({home} $fpath); autoload -U compinit; compinit -u -D"
        else:
            (home / "onlyme").write_text(text)
            words = ["bash", "--norc", "-i"]
            load = f"bind 'set bell-style none'; . {home}/onlyme"
        one = Shell(words, environment | {"ZDOTDIR": str(home)}, folder)
        started.append(one)
        one.type(f"PS1='{PROMPT}'; {load}; echo loa''ded\n")
        one.read_until("loaded")
        one.read_until(PROMPT)
        return one

    yield start_shell
    for one in started:
        one.close()


WORDS = [
    ("onlyme forget o", "bama"),
    ("onlyme tune obama --preset nis", "t"),
    ("onlyme unlock config set unlock_li", "d"),
    ("onlyme rekey --to keyr", "ing"),
]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize(("typed", "rest"), WORDS)
def test_the_first_tab_completes(start, shell, typed, rest):
    terminal = start(shell)
    terminal.type(typed)
    terminal.read_until(typed)
    terminal.type("\t")
    terminal.read_until(f"{rest} ")


def test_zsh_completes_at_the_first_tab_after_install_completion(environment, folder, tmp_path):
    """What whoever has the wheel runs once, in the shell itself."""
    need("zsh")
    home = environment | {"HOME": str(tmp_path), "ZDOTDIR": str(tmp_path)}
    (tmp_path / ".zshrc").write_text(f"unsetopt beep; PS1='{PROMPT}'\n")
    for typed, seen in (("onlyme --install-completion\n", "completion"), WORDS[0]):
        terminal = Shell(["zsh", "-i"], home, folder)
        try:
            terminal.read_until(PROMPT)
            terminal.type(typed)
            if not typed.endswith("\n"):
                terminal.read_until(typed)
                terminal.type("\t")
            terminal.read_until(seen)
            if typed.endswith("\n"):
                terminal.read_until(PROMPT)
        finally:
            terminal.close()
    assert (tmp_path / ".zfunc/_onlyme").read_text().startswith("#compdef onlyme\n")


@pytest.mark.parametrize(("typed", "rest"), WORDS)
def test_fish_offers_words_and_no_files(environment, folder, tmp_path, typed, rest):
    need("fish")
    script = tmp_path / "onlyme.fish"
    script.write_text(make_completion("fish", environment))
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"source {script}; complete -C '{typed}'"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    offered = [line.split("\t")[0] for line in done.stdout.splitlines()]
    assert offered == [typed.split()[-1] + rest], done.stderr
