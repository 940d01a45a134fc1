"""The steps of `unlock setup`: user, camera, enrolment, a try, and the services."""

from __future__ import annotations

import os
import sys
from itertools import islice
from typing import TYPE_CHECKING

import typer

from onlyme.cli import options, output
from onlyme.cli.lines import say
from onlyme.cli.passwords import read_secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from onlyme.cli.unlock.pictures import EncodedPhoto
    from onlyme.enrollment.guided import Guidance
    from onlyme.image.cameras import Camera
    from onlyme.settings import Settings
    from onlyme.types import Frame

__all__ = [
    "ask_password",
    "check_services",
    "choose_camera",
    "choose_services",
    "choose_user",
    "drop_settings",
    "enroll",
    "forget_faces",
    "save_settings",
    "try_face",
]

_LOOK_FRAMES = 10  # of a camera, until its exposure has settled
_TESTS = 3


def choose_user(user: str | None, *, asks: bool) -> str:
    """Return the user whose face shall open the computer.

    Raises:
        UsageError: there is no such user, or none was named.
    """
    import pwd

    from onlyme.errors import UsageError

    name = user or os.environ.get("SUDO_USER", "")
    if name in {"", "root"} and asks:
        name = typer.prompt("Your user name")
    if name in {"", "root"}:
        raise UsageError("say whose face it is with --user NAME; root's cannot be enrolled")
    try:
        pwd.getpwnam(name)
    except KeyError:
        raise UsageError(f"this computer has no user called {name!r}") from None
    say(f"✓ {name}")
    return name


def ask_password(user: str) -> str | None:
    """Return the user's password, with which the new rules are tried; None where none is typed.

    Raises:
        KeyRefused: it is not the user's password.
    """
    from onlyme.errors import KeyRefused
    from onlyme.gate.password import is_kept_here, is_login_password

    typed = read_secret(f"Password of {user}, so that it is tried as well (Enter: skip): ")
    if not typed:
        say("note: the password is not tried; only that the login asks for it")
        return None
    if not is_login_password(typed, user):
        hint = (
            ""
            if is_kept_here(user)
            else "; if a directory keeps it, it cannot be checked here: press Enter instead"
        )
        raise KeyRefused(f"that is not the password of {user}; nothing was changed{hint}")
    say("✓ the password is right")
    return typed


def choose_camera(named: str | None, *, asks: bool) -> str:
    """Show what each camera sees, and return the name of the one to use.

    Raises:
        CameraError: none was found, or the one that was named cannot be used.
    """
    from onlyme.errors import CameraError
    from onlyme.image.cameras import list_cameras

    if named is not None:
        _show_camera(named, named)
        return named
    found = list_cameras()
    usable: list[Camera] = []
    for camera in found:
        kind = "infrared" if camera.infrared else "colour"
        try:
            _show_camera(camera.path, f"{len(usable) + 1}. {camera.card} ({kind})")
        except CameraError as error:
            say(f"✗ {camera.card}: {error}")
            continue
        usable.append(camera)
        if camera.infrared:
            say("   note: an infrared picture has no colour, so that liveness is undecided")
        if camera.virtual:
            say("   note: a program feeds this camera; the login refuses it")
    if not usable:
        what = "no camera can be used now" if found else "no camera was found; plug one in"
        raise CameraError(f"{what}, or name one with --camera")
    usable.sort(key=lambda camera: (camera.virtual, camera.infrared))
    best = usable[0]
    if len(usable) > 1 and asks:
        names = {str(number): camera for number, camera in enumerate(usable, 1)}
        for number, camera in names.items():
            say(f"  {number}: {camera.card} {camera.name}")
        best = names[_ask_which(names)]
    say(f"✓ {best.card}: {best.name}")
    return best.name


def _ask_which(numbers: Mapping[str, Camera]) -> str:
    """Ask for the number of a camera, until it is one of these."""
    while (typed := str(typer.prompt("Which camera", default="1")).strip()) not in numbers:
        say(f"type a number from 1 to {len(numbers)}", err=True)
    return typed


def _show_camera(source: str, title: str) -> None:
    """Open a camera, and show a small picture of what it sees and how bright that is.

    Raises:
        CameraError: it cannot be used, or gives no picture.
    """
    from onlyme.cli.terminal_picture import describe_view, draw_picture
    from onlyme.errors import CameraError
    from onlyme.image.sources import CameraCapture

    last: Frame | None = None
    with CameraCapture(options.parse_source(source)) as capture:
        for frame in islice(capture, _LOOK_FRAMES):
            last = frame
    if last is None:
        raise CameraError(f"{source}: it gave no picture; `onlyme cameras` lists the others")
    say(f"{title}: {describe_view(last.pixels)}")
    if sys.stdout.isatty():
        typer.echo("\n".join(draw_picture(last.pixels)))


def enroll(settings: Settings, user: str, photos: list[Path] | None, *, replace: bool) -> None:
    """Enroll the user from photos, or before the camera; keep what is enrolled already.

    Raises:
        OnlymeError: the photos do not make a template, or the daemon does not answer.
    """
    from onlyme.cli.unlock.pictures import (
        encode_photos,
        fill_in_names,
        read_enrollment,
        require_pictures,
    )
    from onlyme.unlock.client.changes import ask_status, change

    needs_reenroll = ask_status(settings, user)["reason"] == "needs_reenroll"
    if not (replace or needs_reenroll) and _is_enrolled(settings, user):
        say(f"✓ {user} is enrolled already; --replace starts anew")
        return
    pictures = require_pictures(encode_photos(photos)) if photos else _capture_guided(settings)
    with fill_in_names(tuple(pictures)):
        answer = change(
            settings,
            "enroll",
            user,
            me=[photo.data for photo in pictures.values()],
            kinds=[photo.kind for photo in pictures.values()],
            replace=replace or needs_reenroll,
        )
    enrollment = read_enrollment(answer, tuple(pictures))
    for report in enrollment.me:
        say(output.format_photo(report))
    output.print_enrollment(enrollment)


def _is_enrolled(settings: Settings, user: str) -> bool:
    """Say whether the vault holds the user. That the face opens nothing now does not tell.

    Raises:
        OnlymeError: the vault cannot be read, or the daemon does not answer.
    """
    from onlyme.errors import UnknownOwner
    from onlyme.unlock.client.changes import change

    try:
        change(settings, "examples", user)
    except UnknownOwner:
        return False
    return True


def _capture_guided(settings: Settings) -> dict[str, EncodedPhoto]:
    """Return photos of the user before the login's camera, who is told what to do.

    Raises:
        CameraError: the camera cannot be used, or showed no face that fits.
    """
    from onlyme.cli.progress import show_progress
    from onlyme.cli.unlock.pictures import encode_frame, require_pictures
    from onlyme.enrollment.guided import WANTED_PHOTOS, Guide
    from onlyme.faceid.networks import make_pipeline
    from onlyme.image.sources import CameraCapture
    from onlyme.types import PhotoReport

    said, taken = [""], {}
    with show_progress() as move:

        def say(guidance: Guidance) -> None:
            move("photos", sum(guidance.covered.values()), sum(WANTED_PHOTOS.values()))
            if guidance.advice != said[0]:
                said[0] = guidance.advice
                output.ask("→", guidance.advice)

        guide = Guide(make_pipeline(settings, lasting=True).detector, say)
        with CameraCapture(options.parse_source(settings.camera)) as capture:
            for number, frame in enumerate(guide.frames(capture), 1):
                guide.add_report(PhotoReport(frame.source, taken=True))  # the daemon judges it
                taken[f"picture {number}"] = encode_frame(frame)
    return require_pictures(taken, settings.camera, said[0])


def try_face(settings: Settings, user: str) -> None:
    """Let the daemon look for the user up to three times; a failure is a warning, no error."""
    from onlyme.cli.unlock.switch import print_test
    from onlyme.unlock.client.changes import ask_test

    for _ in range(_TESTS):
        say(f"Look at the camera, {user}.")
        answer = ask_test(settings, user)
        print_test(user, answer)
        if answer["accepted"]:
            return
        if not answer.get("frames"):  # no picture was looked at: another try would end alike
            say("note: no picture was looked at; `onlyme unlock status` says why")
            return
    say("note: the face did not open; the password always works. Light from the front helps")


def check_services(named: str) -> None:
    """Refuse a list of services that PAM does not have, before anything is done.

    Raises:
        PamError: a service has no file, or one that may not be changed.
    """
    from onlyme.unlock.pam.folders import PamFolders

    for name in _split_services(named):
        PamFolders().find_own(name)


def _split_services(named: str) -> list[str]:
    return [name.strip() for name in named.split(",") if name.strip()]


def choose_services(named: str | None, settings: Settings, *, asks: bool) -> list[str]:
    """Return the services of PAM that the face shall open.

    Raises:
        PamError: one that was named may not be changed.
    """
    from onlyme.unlock.pam.folders import PamFolders
    from onlyme.unlock.pam.intent import find_intent_problem
    from onlyme.unlock.services import BESIDE, GREETERS, LOCKERS

    if named is not None:
        return _split_services(named)
    chosen = []
    there = set(PamFolders().list_services()) & (GREETERS | LOCKERS | {"sudo"})
    there -= {"gdm-fingerprint"}  # GDM starts it only where there is a fingerprint reader
    instead = {BESIDE[name]: name for name in there & set(BESIDE)}
    for name in sorted(there):
        problem = find_intent_problem(name, settings) or _find_file_problem(name)
        if name in instead:
            problem = f"{name}: the face is looked for in {instead[name]}, at the same time"
        if problem:
            say(f"– {problem}")
        elif not asks or typer.confirm(f"Let your face open {name}?", default=True):
            chosen.append(name)
    return chosen


def _find_file_problem(service: str) -> str:
    """Say why a service's file may not be changed; empty if it may."""
    from onlyme.errors import PamError
    from onlyme.unlock.pam.folders import PamFolders

    try:
        PamFolders().find_own(service)
    except PamError as error:
        return str(error)
    return ""


def save_settings(values: Mapping[str, str], mark: str) -> None:
    """Write settings of the computer's login, marked, so that `drop_settings` finds them."""
    from onlyme.settings import config_file
    from onlyme.unlock.config_file import (
        find_config_file,
        make_config_file,
        write_login_settings,
    )

    path = find_config_file()
    text = before = config_file.read_text(path) or make_config_file()
    for name, value in values.items():
        text = config_file.change_setting(text, name, config_file.parse_value(name, value), mark)
    if text != before or not path.exists():
        write_login_settings(text)


def drop_settings(mark: str) -> None:
    """Remove the settings that `save_settings` wrote."""
    from onlyme.settings import config_file
    from onlyme.unlock.config_file import find_config_file

    path = find_config_file()
    text = before = config_file.read_text(path)
    for name in config_file.list_marked(text, mark):
        text = config_file.change_setting(text, name, None)
    if text != before:
        config_file.write_config_file(path, text)
        say(f"✓ {path} is as it was before setup")


def forget_faces() -> None:
    """Erase every user's face from the system vault.

    The vault says who is in it: the system may not list the users of a directory, or have removed
    an account.

    Raises:
        OnlymeError: the vault cannot be read, or the daemon does not answer.
    """
    from onlyme.faceid import wiring
    from onlyme.settings import Settings
    from onlyme.unlock.client.changes import change

    settings = Settings.load_system()
    if not options.has_vault(settings.vault):
        return
    with wiring.open_vault(settings) as admin:
        names = admin.store.names()
    for name in names:
        answer = change(settings, "forget", name)
        output.print_forgotten(answer["forgotten"])
        output.print_notes(answer["notes"])
