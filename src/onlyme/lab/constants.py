"""Name the ways and the sizes of pictures that the lab works with."""

from __future__ import annotations

__all__ = ["FACE_SIDE_PIXELS", "PUBLISHED_SIDE_PIXELS", "WAYS"]

WAYS = ("classifier", "two-head", "article", "compact")
"""The article's first way, its second, its third as published, and its third as one would
build it today."""

PUBLISHED_SIDE_PIXELS = 244
"""Side of the article's pictures, which are whole photos, in pixels."""

FACE_SIDE_PIXELS = 112
"""Side of the aligned faces that the lab works on, in pixels."""
