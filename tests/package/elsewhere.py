"""Run onlyme as on a system that is not Linux; `test_platforms.py` starts this as a program.

`elsewhere.py PLATFORM HOME PHOTO…`: the first two photos are enrolled, the third shows the person
as well, the fourth another one. What only Linux has is taken away from onlyme's own modules:
importing it fails, and its functions are missing in `os` and `time`.
"""

import asyncio
import builtins
import importlib
import io
import json
import multiprocessing.popen_spawn_posix  # noqa: F401 - see `PRELOADED`
import os
import pkgutil
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

BLOCKED = (
    *("fcntl", "pwd", "grp", "spwd", "resource", "termios", "tty", "pty", "syslog", "nis"),
    *("crypt", "readline", "curses", "systemd", "dbus", "pam", "pamela", "evdev", "pyudev"),
)
MISSING_IN_OS = (
    *("geteuid", "getegid", "setuid", "setgid", "fchmod", "fchown", "statvfs", "memfd_create"),
    *("MFD_CLOEXEC", "sched_getaffinity", "pidfd_open", "O_NOFOLLOW", "O_DIRECTORY", "O_CLOEXEC"),
    *("O_NONBLOCK", "ST_RDONLY", "mkfifo"),
)
MISSING_IN_TIME = ("clock_gettime", "CLOCK_BOOTTIME")

# The libraries of others read `sys.platform`, and use what this system has.
PRELOADED = (
    *("platformdirs", "numpy", "scipy.stats", "cv2", "PIL.Image", "cryptography.hazmat.primitives"),
    *("typer", "rich.console", "uvicorn", "fastapi", "starlette.testclient", "sklearn.base"),
    *("torch", "openvino", "sqlalchemy", "alembic.context", "psycopg", "keyring", "joblib"),
)
RUNS_WHEN_IMPORTED = {"onlyme.gallery.stores.postgres.migrations.env", "onlyme.__main__"}


def take_away():
    importing = builtins.__import__

    def refuse(name, scope=None, *rest, **more):
        by = (scope or {}).get("__name__", "")
        if by.partition(".")[0] == "onlyme" and name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return importing(name, scope, *rest, **more)

    builtins.__import__ = refuse
    for module, names in ((os, MISSING_IN_OS), (time, MISSING_IN_TIME)):
        for name in names:
            if hasattr(module, name):
                delattr(module, name)


def main(platform, home, photos):
    for name in PRELOADED:
        try:
            importlib.import_module(name)
        except ImportError:  # an extra that is not installed; the module of onlyme tells then
            continue
    asyncio.new_event_loop().close()
    take_away()
    os.environ["ONLYME_VAULT"] = str(home / "vault")

    import onlyme
    from onlyme.storage import system

    system.name_platform = lambda: platform
    broken, count = {}, 0
    for module in pkgutil.walk_packages(onlyme.__path__, "onlyme."):
        if module.name in RUNS_WHEN_IMPORTED:
            continue
        try:
            importlib.import_module(module.name)
            count += 1
        except Exception as error:  # noqa: BLE001 - each is reported
            broken[module.name] = repr(error)
    answer = {"modules": count, "broken": broken}
    if photos:
        answer |= run(home, photos)
    sys.stdout.write(f"{json.dumps(answer)}\n")


def run(home, photos):
    from onlyme import CameraError, FaceID, UsageError
    from onlyme.cli.main import main as run_command

    first, second, mine, other = photos
    answer = {}
    with FaceID.open() as face_id:
        answer["taken"] = face_id.enroll("ada", [first, second]).taken
        answer["mine"] = bool(face_id.verify("ada", mine, gate=True))
        answer["other"] = bool(face_id.verify("ada", other, gate=True))
        answer["many"] = [bool(row) for row in face_id.verify_all("ada", [mine, other])]
        face_id.remove_example("ada", 1)
        backup = face_id.admin.backup()
        try:
            next(face_id.watch("ada", 0))
        except CameraError as error:
            answer["camera"] = str(error)
        face_id.forget("ada")
    answer["backup"] = backup.exists()
    for name, words in {
        "enroll": ["enroll", "eve", first],
        "verify": ["verify", "eve", second],
        "reject": ["verify", "eve", other],
        "list": ["list"],
        "doctor": ["doctor"],
        "cameras": ["cameras"],
        "unlock": ["unlock", "status"],
        "daemon": ["daemon"],
    }.items():
        sys.argv = ["onlyme", *map(str, words)]
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            try:
                run_command()
                answer[name] = 0
            except SystemExit as end:
                answer[name] = end.code or 0
        answer[f"{name} said"] = said.getvalue()
    try:
        system_only()
    except UsageError as error:
        answer["refused"] = str(error)
    return answer


def system_only():
    from onlyme.storage.system import require_linux

    require_linux("this")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
