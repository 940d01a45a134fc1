"""Many processes want in at once; used by tests and benchmarks alike."""

import subprocess
import sys

from onlyme.gate.admission import Gate
from onlyme.vault.store import Store

PROGRAM = """
import sys
from pathlib import Path
from onlyme.gate.admission import Gate
from onlyme.types import Decision, Reason
from onlyme.vault.store import Store
no = Decision(accepted=False, name="ada", reason=Reason.NO_MATCH, margin=0.1, alpha=0.3)
with open(sys.argv[2], "ab", buffering=0) as evaluated:
    def judge():
        evaluated.write(b"x")
        return no
    gate = Gate(Store(Path(sys.argv[1])))
    sys.stdin.read()
    for _ in range(int(sys.argv[3])):
        gate.decide("ada", "camera 0", judge)
"""


def race(folder, processes, attempts):
    """Let processes try side by side; return how many tries were evaluated and written down."""
    Store(folder).close()
    seen = folder / "evaluated"
    arguments = [sys.executable, "-c", PROGRAM, str(folder), str(seen), str(attempts)]
    running = [
        subprocess.Popen(arguments, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(processes)
    ]
    for process in running:
        process.stdin.close()
    for process in running:
        assert process.wait(280) == 0, process.stderr.read()
        process.stderr.close()
    store = Store(folder)
    lines = [line.reason for line in Gate(store).audit.entries()]
    store.close()
    evaluated = len(seen.read_bytes())
    assert lines.count("locked_out") == len(lines) - evaluated
    return evaluated, len(lines)
