"""In: bytes, a file, a camera or a video. Out: frames, and how fit a face in them is.

- `decode`: one picture → `Frame`, whatever the picture is.
- `source`: folder, video or camera → frames.
- `quality`: a face in a frame → `Quality`.
"""

__all__: list[str] = []
