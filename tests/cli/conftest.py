"""The command line as a user meets it: whole processes, real photos, a vault of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

OBAMA = ("obama_1.jpg", "obama_2.jpg", "obama_4.jpg")
ONLYME = (sys.executable, "-m", "onlyme")


def surroundings(home, **more):
    """The environment of a user who has set nothing, and whose home is a test's own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ONLYME_")}
    own = {"HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home, "COLUMNS": "120"}
    # Where the checkout is found by a relative path, it still is from elsewhere.
    paths = [str(Path(p).resolve()) for p in kept.get("PYTHONPATH", "").split(os.pathsep) if p]
    own |= {"PYTHONPATH": os.pathsep.join(paths)} if paths else {}
    return {key: str(value) for key, value in (kept | own | more).items()}


class Shell:
    """Runs commands of onlyme in one environment, as a shell without a terminal would."""

    def __init__(self, home):
        self.home = home
        self.vault = home / "vault"
        self.variables = {"ONLYME_VAULT": self.vault}

    def environment(self, **more):
        return surroundings(self.home, **(self.variables | more))

    def start(self, *words, environment=None, **options):
        command = [*ONLYME, *map(os.fspath, words)]
        return subprocess.Popen(command, env=environment or self.environment(), **options)

    def __call__(self, *words, **more):
        """Run a command to its end; return it with stdout, stderr and exit code."""
        command = [*ONLYME, *map(os.fspath, words)]
        return subprocess.run(
            command,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="session")
def enrolled(photos, tmp_path_factory):
    """A vault that knows one person, made once by `onlyme enroll`."""
    shell = Shell(tmp_path_factory.mktemp("enrolled"))
    done = shell("enroll", "obama", *(photos / name for name in OBAMA))
    assert done.returncode == 0, done.stderr
    return shell.vault


@pytest.fixture
def onlyme(tmp_path):
    """The command line before a person is enrolled."""
    return Shell(tmp_path)


@pytest.fixture
def obama(onlyme, enrolled):
    """The command line with one person enrolled."""
    shutil.copytree(enrolled, onlyme.vault)
    return onlyme


@pytest.fixture
def within(obama, monkeypatch, capsys):
    """Run `onlyme.cli.main` in this process: for many small trials of the same code."""
    from onlyme.cli.main import main

    for key, value in obama.environment().items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # `main` sets it for good

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["onlyme", *map(os.fsdecode, words)])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        return subprocess.CompletedProcess(words, left.value.code, said.out, said.err)

    return run


def refused(done):
    """Whether a command could not decide: exit code 2, words on stderr, no traceback."""
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def sentence(done):
    """The one sentence, on one line, that a refusal consists of."""
    said = refused(done)
    assert said.startswith("onlyme: ")
    assert said.count("\n") == 1
    assert "\x1b" not in said
    return said
