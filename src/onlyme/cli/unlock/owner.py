"""`unlock enroll`, `tune`, `not-me`, `adapt`, `revoke`, `import`, `forget`: the system vault.

It is root's; the daemon makes the changes, and wants the user's password for each.
"""

from __future__ import annotations

import os
import pwd
import sys
from base64 import b64encode
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onlyme.cli import options, output
from onlyme.cli.enroll import Add, LookAlike, NotMe, Photos, Replace
from onlyme.cli.tune import Alpha, Far, PresetName

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["register"]

User = Annotated[
    str | None,
    typer.Option(
        "--user", metavar="NAME", help="Whose face; only root may say another.", show_default=False
    ),
]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    for command in (enroll, tune, adapt, revoke, forget):
        app.command()(command)
    app.command(name="not-me")(not_me)
    app.command(name="import")(import_)


def enroll(
    photo: Photos = None,
    *,
    not_me: NotMe = None,
    look_alike: LookAlike = None,
    camera: options.Camera = None,
    add: Add = False,
    replace: Replace = False,
    user: User = None,
    json: options.Json = False,
) -> None:
    """Let your face open this computer.

    onlyme unlock enroll my-photos/
    onlyme unlock enroll --camera 0
    """
    if (camera is None) != bool(photo):
        raise typer.BadParameter("give photos of yourself, or --camera N", param_hint="PHOTO")
    mine = _capture_photos(camera) if camera is not None else _encode_photos(photo)
    others, alike = _encode_photos(not_me), _encode_photos(look_alike)
    answer = _request_change(
        "enroll",
        user,
        me=list(mine.values()),
        not_me=list(others.values()),
        look_alikes=list(alike.values()),
        add=add,
        replace=replace,
    )
    if json:
        output.print_json(answer)
        return
    for name, report in zip((*mine, *others, *alike), answer["me"] + answer["not_me"], strict=True):
        mark = "✓" if report["taken"] else "✗"
        note = report["note"].replace("bytes", "another one")  # the daemon knows no names
        typer.echo(f"  {mark} {name}" + (f": {note}" if note else ""))
    typer.secho(f"{answer['name']} is learned from {answer['taken']} photos", bold=True)
    typer.echo(f"alpha {answer['alpha']:+.3f}: {output.format_odds(answer['far'])}")
    for sentence in (*answer["notes"], *answer["advice"]):
        typer.echo(f"note: {sentence}")


def tune(
    *,
    far: Far = None,
    preset: PresetName = None,
    alpha: Alpha = None,
    user: User = None,
    json: options.Json = False,
) -> None:
    """Set how sure your face must be recognised before it opens this computer."""
    from onlyme.siamese.presets import choose_far
    from onlyme.types import Tuning

    far, alpha = choose_far(far=far, preset=preset, alpha=alpha)
    answer = _request_change("tune", user, far=far, alpha=alpha)
    if json:
        output.print_json(answer)
    else:
        output.print_tuning(Tuning(**answer))


def not_me(
    photo: Annotated[
        Path | None,
        typer.Argument(
            metavar="PHOTO", help="A photo of whoever was taken for you.", show_default=False
        ),
    ] = None,
    *,
    undo: Annotated[bool, typer.Option("--undo", help="Take the last lesson back.")] = False,
    user: User = None,
    json: options.Json = False,
) -> None:
    """Say "that wasn't me": the face will be kept apart from yours from now on."""
    if (photo is None) != undo:
        raise typer.BadParameter("give a photo, or --undo", param_hint="PHOTO")
    pictures = list(_encode_photos([photo] if photo else None).values())
    answer = _request_change("not-me", user, me=pictures, undo=undo)
    if json:
        output.print_json(answer)
        return
    typer.echo(f"that face:  margin {answer['margin_before']:+.3f} → {answer['margin_after']:+.3f}")
    typer.echo(f"alpha:      {answer['alpha_before']:+.3f} → {answer['alpha_after']:+.3f}")


def adapt(
    *,
    on: Annotated[bool, typer.Option("--on", help="Agree that good matches may teach.")] = False,
    off: Annotated[bool, typer.Option("--off", help="Take that back.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Forget what was learned so far.")] = False,
    user: User = None,
    json: options.Json = False,
) -> None:
    """Let what is kept of you follow as you change; say where that stands.

    Only matches that the password confirmed teach anything: see the threat model.
    """
    if on + off + undo > 1:
        raise typer.BadParameter("say one of --on, --off, --undo")
    answer = _request_change("adapt", user, consent=on if on or off else None, undo=undo or None)
    if json:
        output.print_json(answer)
        return
    typer.echo(
        "you agreed to adaptation" if answer["consent"] else "you did not agree to adaptation"
    )
    learned = (answer["learned"] or "never")[:10]
    typer.echo(f"last learned: {learned}; {answer['waiting']} matches wait")


def revoke(*, user: User = None) -> None:
    """Make whatever was stolen of your template so far worthless."""
    answer = _request_change("revoke", user)
    typer.echo(f"what was stored of {answer['revoked']} so far no longer matches anything")


def forget(*, user: User = None) -> None:
    """Erase everything that this computer's login keeps of you."""
    answer = _request_change("forget", user)
    typer.echo(f"{answer['forgotten']} is forgotten")


def import_(
    file: Annotated[Path, typer.Argument(help="What `onlyme export` wrote.")],
    *,
    replace: Replace = False,
    user: User = None,
) -> None:
    """Take over what you exported from your own vault, or from another computer."""
    passphrase = _ask_secret("Passphrase of the export: ")
    answer = _request_change(
        "import", user, sealed=_encode_file(file), passphrase=passphrase, replace=replace
    )
    typer.echo(f"{answer['imported']} is enrolled")


# ----------------------------------------------------------------------------- within


def _request_change(what: str, user: str | None, **particulars: Any) -> dict[str, Any]:
    """Ask the daemon for a change, with the password of whoever is not root."""
    from onlyme.settings import Settings
    from onlyme.unlock.client.changes import change

    uid = os.geteuid()
    # Root by way of sudo means the person who called it.
    caller = os.environ.get("SUDO_USER") if uid == 0 else None
    name = user or caller or pwd.getpwuid(uid).pw_name
    password = None if uid == 0 else _ask_secret(f"Login password of {name}: ")
    return change(Settings.load(), what, name, password=password, **particulars)


def _ask_secret(prompt: str) -> str:
    """Ask on the terminal; without one, take a line of standard input."""
    if sys.stdin.isatty():
        return getpass(prompt)
    return sys.stdin.readline().rstrip("\n")


def _encode_photos(paths: list[Path] | None) -> dict[str, str]:
    """Return photos as the daemon takes them, by what they are called here."""
    from onlyme.image.sources import list_photos

    return {str(path): _encode_file(path) for path in list_photos(paths)} if paths else {}


def _encode_file(path: Path) -> str:
    """Return a file's bytes as text: the daemon opens no path that somebody else names."""
    return b64encode(path.read_bytes()).decode()


def _capture_photos(camera: str) -> dict[str, str]:
    """Return frames of a sitting, as pictures without loss."""
    from onlyme.enrollment.camera import EnrollmentCamera
    from onlyme.types import PhotoReport

    typer.echo("Look at the camera, and turn your head slowly from side to side.", err=True)

    def encode_frames() -> Iterator[str]:
        import cv2

        sitting = EnrollmentCamera(options.parse_source(camera))
        for frame in sitting.frames():
            sitting.add_report(PhotoReport(frame.source, taken=True))  # the daemon judges them
            bgr = cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2BGR)
            yield b64encode(cv2.imencode(".png", bgr)[1].tobytes()).decode()

    return {f"picture {number}": text for number, text in enumerate(encode_frames(), 1)}
