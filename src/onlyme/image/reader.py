"""Read pictures within limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from onlyme.image.decode import MAX_BYTES, MAX_PIXELS, VERSION, check_frame, decode
from onlyme.types import Frame

if TYPE_CHECKING:
    from onlyme.types import ImageLike

__all__ = ["ImageReader"]


@dataclass(frozen=True, slots=True)
class ImageReader:
    """Reads pictures; what the face pipeline is given to read with.

    Attributes:
        max_pixels: larger pictures are refused.
        max_bytes: larger files are refused.

    Example:
        >>> from onlyme.errors import ImageError
        >>> try:
        ...     ImageReader(max_bytes=8).read(b"longer than that")
        ... except ImageError as error:
        ...     print(error)
        bytes: has 16 bytes; the limit is 8 bytes
    """

    max_pixels: int = MAX_PIXELS
    max_bytes: int = MAX_BYTES

    @property
    def version(self) -> str:
        """Text that changes when the same picture may be read as other pixels, or refused."""
        return f"decode {VERSION}, at most {self.max_pixels} pixels and {self.max_bytes} bytes"

    def read(self, image: ImageLike | Frame) -> Frame:
        """Read a picture, or check a frame that is one already.

        Raises:
            ImageError: it cannot be used.
        """
        if isinstance(image, Frame):
            return check_frame(image, max_pixels=self.max_pixels)
        return decode(image, max_pixels=self.max_pixels, max_bytes=self.max_bytes)
