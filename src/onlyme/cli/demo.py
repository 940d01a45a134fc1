"""Run `demo`: learn one person and tell others apart, without photos and without a camera."""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import perf_counter

import typer  # noqa: TC002 - it reads these annotations at run time

from onlyme.cli import options, output
from onlyme.cli.lines import say

__all__ = ["register"]

_ME, _OTHERS = "ada", ("bob", "cleo")


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(demo)


def demo(*, json: options.Json = False) -> None:
    """Show how onlyme decides, on drawn faces: no photo, no camera and no network is needed.

    The faces are drawings, so a simple reader of drawings takes the place of the networks. All
    else is real: learning, the rule, alpha, the gate, the log and the encrypted vault, in a
    folder that is erased afterwards. With your own photos the networks do the same.
    """
    from onlyme.charts import describe_set_rate
    from onlyme.faceid.serialize import serialize_decision
    from onlyme.testing import draw_face, open_face_id

    tries = [
        ("another photo of ada", draw_face(_ME, photo=7)),
        *((f"a photo of {name}", draw_face(name)) for name in _OTHERS),
        ("a photo of a photo of ada", draw_face(_ME, photo=7, live=False)),
    ]
    with tempfile.TemporaryDirectory() as folder, open_face_id(Path(folder) / "vault") as face_id:
        began = perf_counter()
        enrollment = face_id.enroll(_ME, [draw_face(_ME, photo) for photo in range(3)])
        seconds = perf_counter() - began
        decisions = [(shown, face_id.verify(_ME, face, "passive")) for shown, face in tries]
    if json:
        rows = [{"shown": shown} | serialize_decision(each) for shown, each in decisions]
        output.print_json({"seconds": seconds, "alpha": enrollment.alpha, "tries": rows})
        return
    say(f"learned {_ME} from 3 drawn photos in {seconds:.2f} s", bold=True)
    say(f"alpha {enrollment.alpha:+.3f}: {describe_set_rate(enrollment.far)}")
    for shown, decision in decisions:
        say(f"  {shown:<26} {output.format_decision(decision)}")
    say(
        "\nWith your own photos, by the networks (`onlyme doctor` says whether they are there):\n"
        "  onlyme enroll NAME photos/\n"
        "  onlyme verify NAME photo.jpg"
    )
