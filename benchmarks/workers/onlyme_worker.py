"""onlyme: `FaceID.verify` of an RGB array, warm."""

import sys
import tempfile
from pathlib import Path

import numpy as np
from loop import serve

from onlyme import FaceID

pictures = [np.load(path) for path in sys.argv[1:]]
with tempfile.TemporaryDirectory() as folder, FaceID.open(Path(folder) / "vault") as face_id:
    face_id.enroll("owner", [pictures[0]])
    serve(lambda picture: face_id.verify("owner", picture).accepted, pictures)
