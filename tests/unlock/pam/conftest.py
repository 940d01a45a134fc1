"""What the tests of PAM files share."""

import ctypes.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from onlyme.unlock.pam.control import CODES


@pytest.fixture(scope="session")
def libpam():
    """Ask the real PAM about a service in a folder: `libpam(folder, service, kind)`."""
    if ctypes.util.find_library("pam") is None:
        if os.environ.get("CI"):
            pytest.fail("this machine has no libpam")
        pytest.skip("this machine has no libpam")
    command = [sys.executable, "-I", Path(__file__).with_name("oracle.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as oracle:

        def ask(folder, service="svc", kind="auth"):
            oracle.stdin.write(json.dumps([str(folder), service, kind]) + "\n")
            oracle.stdin.flush()
            return CODES[int(oracle.stdout.readline())]

        yield ask
        oracle.stdin.close()
