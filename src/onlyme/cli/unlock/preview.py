"""Run `unlock preview`: show what the login's camera sees."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from onlyme.cli import options
from onlyme.cli.lines import say
from onlyme.cli.passwords import require_root
from onlyme.storage.system import is_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from onlyme.types import Face, Frame

__all__ = ["register"]

_INTERVAL_SECONDS = 0.2  # between two pictures on a terminal
_LINE_SECONDS = 1.0  # between two lines in a pipe


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(preview)


def preview(
    *,
    camera: options.Camera = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            max=3600,
            metavar="S",
            help="End after this time; by default Ctrl-C ends it.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show what the login's camera sees, with a frame around each face. It opens nothing.

    sudo onlyme unlock preview
    onlyme unlock preview --camera 2 --seconds 10

    The daemon cannot use the camera meanwhile, so that logins ask for the password.
    """
    from onlyme.errors import CameraError
    from onlyme.faceid.networks import make_pipeline
    from onlyme.image.sources import CameraCapture
    from onlyme.settings import Settings

    if camera is None:  # the login's camera stands in a file that only root may read
        require_root("preview")
    settings = Settings.load_system() if is_root() else Settings.load()
    detector = make_pipeline(settings, lasting=True).detector
    shown: float | None = None
    interval = _INTERVAL_SECONDS if sys.stdout.isatty() else _LINE_SECONDS
    source = options.parse_source(settings.camera if camera is None else camera)
    # Dark pictures are shown as well: else a covered camera would seem to give none.
    with CameraCapture(source, warm_up=False) as capture, _show() as show:
        for frame in capture:
            if seconds is not None and frame.at >= seconds:
                break
            if shown is None or frame.at - shown >= interval:
                shown = frame.at
                show(frame, detector.detect(frame.pixels))
    if shown is None:
        raise CameraError(f"camera {source}: it gave no picture; `onlyme cameras` lists the others")


def _describe(frame: Frame, faces: list[Face]) -> str:
    from onlyme.cli.terminal_picture import describe_view

    count = {0: "no face", 1: "one face"}.get(len(faces), f"{len(faces)} faces")
    return f"{describe_view(frame.pixels)}; {count}"


@contextmanager
def _show() -> Iterator[Callable[[Frame, list[Face]], None]]:
    """Yield a function that shows a frame: as a picture on a terminal, as a line in a pipe."""
    if not sys.stdout.isatty():
        yield lambda frame, faces: say(_describe(frame, faces))
        return
    from rich.live import Live
    from rich.text import Text

    from onlyme.cli.terminal_picture import choose_width, draw_picture
    from onlyme.draw import FaceLabel, draw_faces

    with Live(auto_refresh=False) as live:

        def draw(frame: Frame, faces: list[Face]) -> None:
            drawn = draw_faces(frame.pixels, [FaceLabel(face, "") for face in faces])
            width = choose_width(drawn, live.console.width, live.console.height - 2)
            lines = [_describe(frame, faces), *draw_picture(drawn, width)]
            live.update(Text.from_ansi("\n".join(lines)), refresh=True)

        yield draw
