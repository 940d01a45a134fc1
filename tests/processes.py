"""Processes of their own, in which tests see what onlyme imports."""

import os
import subprocess
import sys


def drop_coverage(environment=os.environ):
    """Return an environment without what measures coverage.

    It would import modules of its own, and tell another user that it cannot write its data.
    """
    return {name: value for name, value in environment.items() if not name.startswith("COVERAGE")}


def list_modules(code, **more):
    """Return the names of the modules that are loaded once code has run in a new process.

    `more` are environment variables for it.
    """
    code += "\nimport sys; print(*(n for n, module in sys.modules.items() if module is not None))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=drop_coverage() | more,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())
