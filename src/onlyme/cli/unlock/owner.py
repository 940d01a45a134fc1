"""Run `unlock enroll`, `examples`, `tune`, `not-me` and the other changes of one's own face.

They change the system vault, which belongs to root. The daemon makes the changes, and asks for
the user's password for each of them.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from onlyme.cli import options, output
from onlyme.cli.complete import complete_user
from onlyme.cli.examples import (
    RemoveExample,
    RemoveLook,
    ask_before_removing,
    print_examples,
    print_removed,
)
from onlyme.cli.lines import say
from onlyme.cli.passwords import (
    TeachAnyway,
    confirm_erasing,
    confirm_not_me,
    read_passphrase,
    read_secret,
)
from onlyme.cli.unlock.pictures import (
    capture_photos,
    encode_file,
    encode_photos,
    fill_in_names,
    read_enrollment,
    require_pictures,
)

__all__ = ["User", "choose_user", "register"]

User = Annotated[
    str | None,
    typer.Option(
        "--user",
        metavar="NAME",
        help="The user of this computer; by default you, or who called sudo. Only root may name "
        "another.",
        show_default=False,
        autocompletion=complete_user,
    ),
]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    for command in (enroll, examples, tune, adapt, revoke, retry, forget):
        app.command()(command)
    app.command(name="not-me")(not_me)
    app.command(name="import")(import_)


def enroll(
    photo: options.Photos = None,
    *,
    not_me: options.NotMe = None,
    look_alike: options.LookAlike = None,
    camera: options.Camera = None,
    add: options.Add = False,
    replace: options.Replace = False,
    look: options.Look = "",
    yes: options.Yes = False,
    user: User = None,
    json: options.Json = False,
) -> None:
    """Enroll your face, so that it opens this computer.

    onlyme unlock enroll my-photos/
    onlyme unlock enroll --camera 0
    onlyme unlock enroll --camera 0 --add --look glasses
    """
    options.require_one(photo, camera is not None, "give photos of yourself, or --camera N")
    if replace:
        confirm_erasing("Forget the face that opens this computer, and start anew?", yes=yes)
    mine = capture_photos(camera) if camera is not None else encode_photos(photo)
    require_pictures(mine, camera)
    others, alike = encode_photos(not_me), encode_photos(look_alike)
    with fill_in_names(tuple(mine)):
        answer = _request_change(
            "enroll",
            user,
            me=[photo.data for photo in mine.values()],
            kinds=[photo.kind for photo in mine.values()],
            not_me=[photo.data for photo in others.values()],
            look_alikes=[photo.data for photo in alike.values()],
            add=add,
            replace=replace,
            look=look,
        )
    if json:
        output.print_json(answer)
        return
    enrollment = read_enrollment(answer, (*mine, *others, *alike))
    for report in (*enrollment.me, *enrollment.not_me):
        say(output.format_photo(report))
    output.print_enrollment(enrollment)
    options.report_unread((*(photo or ()), *(not_me or ()), *(look_alike or ())))


def examples(
    *,
    remove: RemoveExample = None,
    remove_look: RemoveLook = None,
    yes: options.Yes = False,
    user: User = None,
    json: options.Json = False,
) -> None:
    """List the photos that your face was learned from for this computer, or remove some of them.

    onlyme unlock examples
    onlyme unlock examples --remove-look glasses
    """
    ask_before_removing(choose_user(user), remove, remove_look, yes=yes)
    answer = _request_change("examples", user, remove=remove, remove_look=remove_look)
    if remove or remove_look is not None:
        print_removed(answer, json=json)
    else:
        print_examples(answer["examples"], json=json)


def tune(
    *,
    far: options.Far = None,
    preset: options.PresetName = None,
    alpha: options.Alpha = None,
    user: User = None,
    json: options.Json = False,
) -> None:
    """Set how strictly your face is recognised before it opens this computer."""
    from onlyme.siamese.presets import choose_far
    from onlyme.types import Tuning

    far, alpha = choose_far(far=far, preset=preset, alpha=alpha)
    answer = _request_change("tune", user, far=far, alpha=alpha)
    if json:
        output.print_json(answer)
    else:
        output.print_tuning(Tuning(**answer))


def not_me(
    photo: options.WrongPhoto = None,
    *,
    undo: options.UndoLesson = False,
    yes: TeachAnyway = False,
    user: User = None,
    json: options.Json = False,
) -> None:
    """Say "that wasn't me": teach that this face belongs to another person.

    A face that is accepted now may be your own, so it is asked about first; without a terminal it
    is refused unless --yes is given.
    """
    from onlyme.faceid.own_face import describe_own_face
    from onlyme.settings import Settings
    from onlyme.types import Lesson
    from onlyme.unlock.client.changes import change

    options.require_one(photo, undo, "give a photo, or --undo")
    pictures = [one.data for one in encode_photos([photo] if photo else None).values()]
    name = choose_user(user)
    settings, password = Settings.load(), _read_password(name)
    asked = {"me": pictures, "undo": undo, "password": password}
    answer = change(settings, "not-me", name, **asked, yes=yes)
    if compared := answer.get("looks_like_owner"):
        confirm_not_me(describe_own_face(compared))
        answer = change(settings, "not-me", name, **asked, yes=True)
    if json:
        output.print_json(answer)
    else:
        output.print_lesson(Lesson(**answer))


def adapt(
    *,
    on: options.AdaptOn = False,
    off: options.AdaptOff = False,
    undo: options.AdaptUndo = False,
    user: User = None,
    json: options.Json = False,
) -> None:
    """Let your template follow the changes of your face; without an option, show the status.

    At present no login teaches anything: see the threat model.
    """
    consent = options.parse_consent(on=on, off=off, undo=undo)
    name = choose_user(user)
    answer = _request_change("adapt", name, consent=consent, undo=undo or None)
    if json:
        output.print_json(answer)
        return
    learned = datetime.fromisoformat(answer["learned"]) if answer["learned"] else None
    output.print_adaptation(
        name, consent=answer["consent"], learned=learned, waiting=answer["waiting"]
    )


def revoke(*, user: User = None) -> None:
    """Make stolen copies of your template useless; you go on as before."""
    answer = _request_change("revoke", user)
    output.print_revoked(answer["revoked"])
    output.print_notes(answer["notes"])


def retry(*, user: User = None) -> None:
    """Let your face try again after too many failed attempts or missed gestures."""
    name = _request_change("retry", user)["reset"]
    say(f"✓ the face of {name} may try again")


def forget(*, yes: options.Yes = False, user: User = None) -> None:
    """Erase everything that this computer's login stores about you; on a terminal it asks first."""
    confirm_erasing("Erase everything that this computer's login stores about you?", yes=yes)
    answer = _request_change("forget", user)
    output.print_forgotten(answer["forgotten"])
    output.print_notes(answer["notes"])


def import_(
    file: Annotated[Path, typer.Argument(help="A file that `onlyme export` wrote.")],
    *,
    replace: options.Replace = False,
    user: User = None,
) -> None:
    """Enroll yourself from a file that `onlyme export` wrote, here or on another computer."""
    passphrase = read_passphrase("export")
    answer = _request_change(
        "import", user, sealed=encode_file(file), passphrase=passphrase, replace=replace
    )
    output.print_imported(answer["imported"])


# ------------------------------------------------------------------- asking the daemon


def choose_user(user: str | None) -> str:
    """Return the user whose template is meant; root by way of sudo means the calling user."""
    import pwd

    uid = os.geteuid()
    caller = os.environ.get("SUDO_USER") if uid == 0 else None
    return user or caller or pwd.getpwuid(uid).pw_name


def _request_change(what: str, user: str | None, **particulars: Any) -> dict[str, Any]:
    """Ask the daemon for a change, with the user's password unless root asks."""
    from onlyme.settings import Settings
    from onlyme.unlock.client.changes import change

    name = choose_user(user)
    return change(Settings.load(), what, name, password=_read_password(name), **particulars)


def _read_password(name: str) -> str | None:
    """Ask for the user's login password; None for root, who need not know it."""
    return None if os.geteuid() == 0 else read_secret(f"Login password of {name}: ")
