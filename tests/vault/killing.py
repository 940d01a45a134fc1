# ruff: noqa: S311, T201 - chance, not secrets; it talks to its parent
"""Kill a program with SIGKILL while it changes a vault; used by tests and benchmarks alike.

Run as a program it changes the vault in the folder that it is given until it is killed. Before
each change it says what the vault will hold after it, and after each that it is done.
"""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from onlyme.gate.admission import Gate
from onlyme.gate.audit import Event
from onlyme.storage.template import Template
from onlyme.types import Decision, Reason
from onlyme.vault.admin import VaultAdmin
from onlyme.vault.restore import restore
from onlyme.vault.store import Store

CHANGES = ("enroll", "tune", "revoke", "rekey", "forget", "restore")
NAMES = ("ada", "grace", "edith")
NO_FACE = Decision(accepted=False, name="ada", reason=Reason.NO_FACE)


def alphas(store):
    return {name: store.get(name).values["alpha"] for name in store.names()}


def change_for_ever(folder):
    store = Store(folder)
    admin = VaultAdmin(store, Gate(store))
    rng = random.Random()
    held = alphas(store)
    backup, then = _backed_up(admin), held
    print("ready", flush=True)
    while True:
        name, doing = rng.choice(NAMES), rng.choice(CHANGES)
        alpha = round(rng.random(), 9)
        if doing in {"enroll", "tune"}:
            held = {**held, name: alpha}
        elif doing == "forget":  # it reaches the backup, too
            held, then = ({o: of[o] for o in of if o != name} for of in (held, then))
        elif doing == "restore":
            held = then
        print(json.dumps([doing, held]), flush=True)
        if doing == "restore":
            restore(backup, folder, (store.source,)).previous.unlink()
        else:
            _do(admin, doing, name, alpha)
        print("done", flush=True)
        if doing == "rekey" or (doing == "forget" and not backup.exists()):
            backup, then = _backed_up(admin), held


def _backed_up(admin):
    """Make the one backup that is there beside the vault."""
    folder = admin.store.folder / "backups"
    for old in folder.glob("*"):
        old.unlink()
    return admin.backup()


def _do(admin, doing, name, alpha):
    if doing == "rekey":
        admin.rekey()
    elif doing in {"enroll", "tune"}:
        vectors = np.full((5, 128), 128**-0.5, np.float32)
        values = {"me": vectors, "alpha": alpha}
        with admin.store.edit() as edit:
            now = datetime.now(UTC)
            edit.put(Template(name, "ab" * 32, now, values, {"me": "me"}))
            admin.gate.note(edit, Event(doing), name)
        admin.gate.decide(name, "camera 0", lambda: NO_FACE)
    elif name in admin.store.names():
        (admin.forget if doing == "forget" else admin.revoke)(name)


def killed_runs(folder, count, seed=0):
    """Kill `count` programs, each at a random moment; return in the middle of what they were.

    Raises:
        AssertionError: a vault held neither the old nor the new state, or its log was broken.
        OnlymeError: a vault did not open.
    """
    rng, doing = random.Random(seed), Counter()
    Store(folder).close()
    for number in range(count):
        command = [sys.executable, "-m", "tests.vault.killing", str(folder)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
        ) as worker:
            assert worker.stdout.readline() == "ready\n"
            time.sleep(rng.uniform(0.0, 0.2))
            worker.kill()
            said = [line for line in worker.stdout.read().split("\n") if line]
        old, new, what = _told(said, folder)
        store = Store(folder)
        held = alphas(store)
        assert held in [old, new], f"run {number}: {held} is neither {old} nor {new}"
        Gate(store).audit.verify()
        (folder / "held.json").write_text(json.dumps(held))
        store.close()
        doing[what] += 1
    return doing


def _told(said, folder):
    """What the vault held before and after the last change, and what that was."""
    states = [json.loads(line) for line in said if line.startswith("[") and line.endswith("]")]
    kept = folder / "held.json"
    old = json.loads(kept.read_text()) if kept.exists() else {}
    if not states:
        return old, old, "nothing"
    doing, new = states[-1]
    if said[-1] == "done":
        return new, new, "nothing"
    return (states[-2][1] if len(states) > 1 else old), new, doing


if __name__ == "__main__":
    change_for_ever(Path(sys.argv[1]))
