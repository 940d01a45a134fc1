"""Run `unlock disable`, `enable` and `test`: switch the face off and on, and try it."""

from __future__ import annotations

from typing import Annotated

import typer

from onlyme.cli import options, output
from onlyme.cli.complete import complete_one_of
from onlyme.cli.lines import say
from onlyme.cli.passwords import require_root
from onlyme.cli.unlock.owner import User, choose_user

__all__ = ["print_test", "register"]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command(name="test")(try_)
    for command in (disable, enable):
        app.command()(command)


def disable(
    *,
    for_: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="TIME",
            help="Switch it on again after this time, such as 30m, 2h or 1d.",
            show_default=False,
            autocompletion=complete_one_of("30m", "1h", "2h", "8h", "1d"),
        ),
    ] = None,
) -> None:
    """Switch the face off: every login asks for the password, PAM's files stay as they are.

    sudo onlyme unlock disable --for 2h
    """
    from onlyme.unlock.switch import parse_duration, switch_off

    require_root("disable")
    end = switch_off(None if for_ is None else parse_duration(for_))
    if end is None:
        say("the face is switched off; `sudo onlyme unlock enable` switches it on")
    else:
        say(f"the face is switched off until {end.astimezone():%Y-%m-%d %H:%M}")


def enable() -> None:
    """Switch the face on again."""
    from onlyme.unlock.switch import switch_on

    require_root("enable")
    say("the face is switched on" if switch_on() else "the face was switched on already")


def try_(
    *,
    user: User = None,
    json: options.Json = False,
) -> None:
    """Make one attempt before the login's camera now; it opens nothing.

    Says the verdict, the reason, the time of each part and the frame rate. It counts as an
    attempt: after too many failed ones the face has to wait. Exit code 0: the face would open.
    """
    from onlyme.settings import Settings
    from onlyme.unlock.client.changes import ask_test

    name = choose_user(user)
    say(f"Look at the camera, {name}.", err=True)
    answer = ask_test(Settings.load(), name)
    if json:
        output.print_json(answer)
    else:
        print_test(name, answer)
    raise typer.Exit(0 if answer["accepted"] else 1)


def print_test(name: str, answer: dict[str, object]) -> None:
    """Print the result of an attempt that opens nothing."""
    if answer["accepted"]:
        say(f"✓ {name} was recognised", fg="green", bold=True)
    else:
        say(f"✗ {answer['message']} ({answer['reason']})", fg="yellow", bold=True)
    look, camera = float(str(answer["look_ms"])), float(str(answer["camera_ms"]))
    say(f"  {look:.0f} ms, of which {camera:.0f} ms waited for the camera")
    rate = answer.get("frames_per_second")
    if answer.get("frames") and rate:
        say(f"  {answer['frames']} frames, {rate} a second")
    parts = answer.get("parts_ms")
    if isinstance(parts, dict) and parts:
        listed = ", ".join(f"{part} {ms:.1f} ms" for part, ms in parts.items())
        say(f"  computing: {listed}")
