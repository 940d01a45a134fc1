"""Read pictures, videos and cameras as frames.

- `decode`: one picture of any readable format → `Frame`.
- `reader`: the same within limits; it is handed to the face pipeline.
- `sources`: folders, videos and cameras → photos and frames.
- `capture`: one camera or video, opened with a deadline.
- `cameras`: the system's cameras, by names that do not change.
"""

__all__: list[str] = []
