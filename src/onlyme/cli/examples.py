"""Run `examples`: list the stored examples of a person, and remove some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from onlyme.cli import options, output
from onlyme.cli.complete import complete_example, complete_look
from onlyme.cli.lines import say
from onlyme.cli.passwords import confirm_erasing

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "RemoveExample",
    "RemoveLook",
    "ask_before_removing",
    "print_examples",
    "print_removed",
    "register",
]

RemoveExample = Annotated[
    list[int] | None,
    typer.Option(
        "--remove",
        metavar="NUMBER",
        help="Remove the example of this number. May be repeated.",
        show_default=False,
        autocompletion=complete_example,
    ),
]
RemoveLook = Annotated[
    str | None,
    typer.Option(
        "--remove-look",
        metavar="LOOK",
        help="Remove all examples of this look.",
        show_default=False,
        autocompletion=complete_look,
    ),
]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command()(examples)


def examples(
    name: options.Name,
    *,
    remove: RemoveExample = None,
    remove_look: RemoveLook = None,
    yes: options.Yes = False,
    vault: options.Vault = None,
    json: options.Json = False,
) -> None:
    """List the photos that a person was learned from, or remove some of them.

    No picture is stored: the list says when each was enrolled, from what, and how good it was.

    onlyme examples ada
    onlyme examples ada --remove 3
    onlyme examples ada --remove-look glasses
    """
    from onlyme.faceid.serialize import serialize_example

    ask_before_removing(name, remove, remove_look, yes=yes)
    with options.open_face_id(vault) as face_id:
        if remove:
            notes = face_id.remove_examples(name, remove)
        elif remove_look is not None:
            notes = face_id.remove_look(name, remove_look)
        else:
            documents = [serialize_example(one) for one in face_id.examples(name)]
            print_examples(documents, json=json)
            return
        left = len(face_id.examples(name))
    print_removed({"name": name, "left": left, "notes": notes}, json=json)


def ask_before_removing(
    name: str, numbers: Sequence[int] | None, look: str | None, *, yes: bool
) -> None:
    """Ask before examples are removed, where a person sits at a terminal.

    Raises:
        BadParameter: both numbers and a look were given.
        UsageError: the answer was no.
    """
    if numbers and look is not None:
        raise typer.BadParameter("give --remove or --remove-look, not both")
    what = f"the look {look}" if look is not None else ""
    if numbers:
        plural = "s" if len(numbers) > 1 else ""
        what = f"example{plural} {', '.join(map(str, numbers))}"
    if what:
        confirm_erasing(f"Remove {what} of {name}?", yes=yes)


def print_examples(documents: Sequence[dict[str, Any]], *, json: bool) -> None:
    """Print a list of examples; each is a document of `serialize_example`."""
    if json:
        output.print_json(documents)
        return
    for one in documents:
        say(_format_example(one))


def print_removed(answer: dict[str, Any], *, json: bool) -> None:
    """Print how many examples are left, and what could not be erased."""
    if json:
        output.print_json(answer)
        return
    left = output.format_count(answer["left"], "example")
    say(f"removed; {answer['name']} is now known by {left}")
    output.print_notes(answer["notes"])


def _format_example(one: dict[str, Any]) -> str:
    when = str(one["added"])[:16].replace("T", " ") + " UTC" if one["added"] else "date not noted"
    measures = {check["name"]: check for check in one["quality"]}
    shown = [
        f"{name} {_format(measures[name])}" for name in ("size", "sharpness") if name in measures
    ]
    parts = [
        f"{one['number']:>4}",
        f"{when:<20}",
        f"{one['kind']:<9}",
        f"{one['look']:<12}",
        *shown,
    ]
    return "  ".join(parts).rstrip()


def _format(check: dict[str, Any]) -> str:
    unit = check["unit"]
    return f"{check['value']:.0f}{unit if unit == '%' else f' {unit}'}".rstrip()
