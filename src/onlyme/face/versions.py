"""List the version of each stage between a frame and its embedding.

An embedding is stored and cached together with a fingerprint of all that made it, see
`Pipeline.fingerprint`. Each stage has a `VERSION` in its module. Raise it when the stage gives
another output for the same input, so that older embeddings are not taken for new ones.
`tests/face/test_versions.py` compares every stage with stored numbers, and fails when the output
changes and the version does not.

Not listed here, since they are handed in: what reads a picture (`image/decode.py`) and what runs
the networks (`runtime/__init__.py`).
"""

from __future__ import annotations

from typing import Final

from onlyme.face import align, detect, embed, subject

__all__ = ["STAGE_VERSIONS"]

STAGE_VERSIONS: Final = {
    "detect": detect.VERSION,
    "subject": subject.VERSION,
    "align": align.VERSION,
    "embed": embed.VERSION,
}
