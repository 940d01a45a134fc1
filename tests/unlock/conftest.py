"""What the tests of the login share."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from onlyme.unlock.control import CODES


def needed(*programs):
    """Leave a test out where programs are missing; fail where CI is set."""
    missing = [program for program in programs if not shutil.which(program)]
    if os.geteuid() != 0:
        missing.append("root")
    if missing:
        message = f"needs {', '.join(missing)}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture(scope="session")
def libpam():
    """Ask the real PAM about a service in a folder: `libpam(folder, service, kind)`."""
    if not Path("/etc/pam.d").is_dir():
        needed("pamtester")
    command = [sys.executable, "-I", Path(__file__).with_name("pam.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as oracle:

        def ask(folder, service="svc", kind="auth"):
            oracle.stdin.write(json.dumps([str(folder), service, kind]) + "\n")
            oracle.stdin.flush()
            return CODES[int(oracle.stdout.readline())]

        yield ask
        oracle.stdin.close()
