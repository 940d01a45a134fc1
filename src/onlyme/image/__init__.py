"""In: bytes, a file, a camera or a video. Out: frames, and how fit a face in them is.

- `decode`: one picture → `Frame`, whatever the picture is.
- `cameras`: the system's cameras by names that stay, and what is behind them.
- `source`: folder, video or camera → frames.
- `quality`: a face in a frame → `PhotoQuality`.
"""

__all__: list[str] = []
