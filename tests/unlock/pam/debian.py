"""Run our command line and a script in place of `onlyme-pam` on Debian's PAM files.

Everything happens in a private copy of /etc. The script can give every answer, and fail in
every way.
"""

import json
import os
import sys

from tests.unlock.stack import USER

SERVICES = ("sudo", "login", "su")
HELPER = "/etc/onlyme/onlyme-pam"

SCRIPTS = {
    "yes": "exit 0",
    "no": "echo 'onlyme: not you'; exit 1",
    "crash": "kill -SEGV $$",
    "killed": "kill -KILL $$",
    "other code": "exit 77",
    "no program": None,
    "too long an answer": "yes | head -c 100000; exit 1",
}


class DebianPam:
    """A private PAM with a script as the helper, and our command line in it."""

    def __init__(self, stack):
        self.stack = stack
        self.pam = stack.folder / "etc/pam.d"
        self.helper = stack.folder / "etc/onlyme/onlyme-pam"
        self.answer("no")

    def answer(self, kind):
        """Let the helper answer from now on as one of `SCRIPTS` does; it notes each call."""
        log = "/run/onlyme/calls"
        script = SCRIPTS[kind]
        notes = f'echo "$PAM_TYPE $PAM_SERVICE $PAM_USER $(id -u)" >> {log}\n'
        # Only a script of this installation's Python may be installed.
        run = f"import os; os.execv('/bin/sh', ['sh', '-c', {notes + (script or '')!r}])"
        self.helper.write_text(f"#!{sys.executable}\n{run if script else 'no Python'}\n")
        self.helper.chmod(0o755)

    def read_calls(self):
        """Return the calls of the helper since this was last asked."""
        log = self.stack.folder / "run/onlyme/calls"
        calls = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return calls

    def onlyme(self, *words, **options):
        """Run `onlyme unlock …`."""
        command = (sys.executable, "-m", "onlyme", "unlock", *words)
        return self.stack.run(*command, environment={"COLUMNS": "200"}, **options)

    def try_install(self, *words, **options):
        """Run `onlyme unlock install` with the script as the helper."""
        more = ("--yes", "--user", USER, "--helper", HELPER)
        return self.onlyme("install", *words, *more, **options)

    def install(self, *services):
        done = self.try_install(*services)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def read_status(self, *words):
        """Return the rows of `onlyme unlock status`, by their services."""
        done = self.onlyme("status", *words, "--json")
        assert done.returncode == 0, done.stdout
        return {row["service"]: row for row in json.loads(done.stdout)["services"]}

    def read_files(self):
        """Return every PAM file's bytes, mode, owner and extended attributes."""
        found = {}
        for file in sorted(self.pam.iterdir()):
            status = file.stat()
            attributes = {name: os.getxattr(file, name) for name in os.listxattr(file)}
            owner = (status.st_uid, status.st_gid)
            found[file.name] = (file.read_bytes(), status.st_mode, owner, attributes)
        return found
