"""Run `detect` and `compare`: look at faces without a vault."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onlyme.cli import many, options, output
from onlyme.cli.lines import say

if TYPE_CHECKING:
    from onlyme.types import DetectedFace, Frame

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(detect)
    app.command()(compare)


def detect(
    photo: Annotated[
        Path,
        typer.Argument(
            metavar="PHOTO", help="The photo, or - for standard input.", show_default=False
        ),
    ],
    *,
    draw: Annotated[
        Path | None,
        typer.Option(
            "--draw",
            metavar="OUT",
            help="Save the photo with the faces drawn on it, such as out.jpg.",
            show_default=False,
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Find the faces in a photo: where they are, how they are turned, how good they are.

    onlyme detect group.jpg --draw faces.jpg
    """
    import onlyme

    picture = many.read_photo(photo)
    found = onlyme.detect(picture)
    if draw is not None:
        _save_drawing(picture, found, draw)
    if json:
        output.print_json([_serialize(face) for face in found])
    elif not found:
        say("no face in the picture")
    else:
        for face in found:
            say(f"{output.format_box(face)}  {_describe(face)}")
    raise typer.Exit(0 if found else 1)


def compare(
    one: Annotated[Path, typer.Argument(metavar="A", help="A photo.", show_default=False)],
    other: Annotated[Path, typer.Argument(metavar="B", help="Another.", show_default=False)],
    *,
    json: options.Json = False,
) -> None:
    """Compare the faces of two photos: are they one person?

    onlyme compare passport.jpg selfie.jpg && echo same person
    """
    import onlyme
    from onlyme.charts import describe_set_rate

    many.refuse_input_twice([one, other])
    answer = onlyme.compare(many.read_photo(one), many.read_photo(other))
    if json:
        keys = ("same", "distance", "margin", "alpha", "far")
        output.print_json({key: getattr(answer, key) for key in keys})
    elif answer.same is None:
        say(f"distance {answer.distance:.3f}; this network promises no rate")
    else:
        verdict = "✓ one person" if answer.same else "✗ NOT one person"
        styled = typer.style(verdict, fg="green" if answer.same else "red", bold=True)
        sign = "≥" if answer.same else "<"
        say(
            f"{styled}   distance {answer.distance:.3f}   margin {answer.margin:+.3f} {sign} "
            f"alpha {answer.alpha:+.3f}   {describe_set_rate(answer.far)}"
        )
    raise typer.Exit(0 if answer.same else 1)


def _describe(face: DetectedFace) -> str:
    turned = f"yaw {face.yaw:+.0f}° pitch {face.pitch:+.0f}° roll {face.roll:+.0f}°"
    return f"{turned}  {face.quality.advice or 'good'}"


def _serialize(face: DetectedFace) -> dict[str, Any]:
    return {
        "box": [round(float(value), 1) for value in face.box],
        "landmarks": [[round(float(value), 1) for value in point] for point in face.landmarks],
        "score": round(face.score, 3),
        "yaw": round(face.yaw, 1),
        "pitch": round(face.pitch, 1),
        "roll": round(face.roll, 1),
        "quality": {check.name: round(check.value, 3) for check in face.quality.checks},
        "ok": face.quality.ok,
        "advice": face.quality.advice,
    }


def _save_drawing(photo: Path | Frame, found: list[DetectedFace], path: Path) -> None:
    from PIL import Image

    from onlyme.draw import FaceLabel, draw_faces
    from onlyme.faceid.networks import make_reader
    from onlyme.settings import Settings

    labels = [FaceLabel(face, str(number)) for number, face in enumerate(found, start=1)]
    frame = make_reader(Settings.load()).read(photo)
    drawn = Image.fromarray(draw_faces(frame.pixels, labels))
    try:
        drawn.save(path)
    except ValueError:
        raise typer.BadParameter(
            f"{path} must end in .jpg, .png or another picture's ending", param_hint="--draw"
        ) from None
