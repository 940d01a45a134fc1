"""Try new PAM files with the real PAM, before they are written.

They go into a copy of the whole configuration, which libpam reads instead of /etc/pam.d
(`pam_start_confdir`, Linux-PAM 1.4 of 2020). There our lines start `true` once and `false` once:
a face accepted, and a face refused.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from onlyme.errors import PamError
from onlyme.unlock.pam.placement import asks_password
from onlyme.unlock.pam.rules import MARK, is_our_line, remove_lines
from onlyme.unlock.pam.simulate import CODES
from onlyme.unlock.services import BESIDE, LOCKERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["PamResult", "try_service"]

_WORKER: Final = Path(__file__).with_name("trial_worker.py")
_TRIAL_SECONDS: Final = 60.0  # a fingerprint reader in the rules waits for half of that
_MAX_SHOWN_CHARACTERS: Final = 200  # of PAM's own messages
_INCLUDE: Final = re.compile(
    rb"(?im)^([ \t]*(?:@include|-?[a-z]+[ \t]+(?:include|substack))[ \t]+)([^/\s#]+)"
)


@dataclass(frozen=True, slots=True)
class PamResult:
    """What the real PAM did.

    Attributes:
        authenticate: its answer, one of `CODES`.
        credentials: its answer to setting credentials; None without a success before.
        account: its answer for the account rules.
        asked: how often it asked for input that is not shown, such as a password.
        said: the messages that it showed.
    """

    authenticate: str
    credentials: str | None
    account: str | None
    asked: int
    said: tuple[str, ...]

    def __str__(self) -> str:
        """Describe it in words.

        >>> print(PamResult("auth_err", None, "success", 1, ("no",)))
        it answered auth_err, asked for a password, and said 'no'
        """
        asked = "asked for a password" if self.asked else "asked for no password"
        words = f"{' '.join(self.said)!r:.{_MAX_SHOWN_CHARACTERS}}"
        said = f", and said {words}" if self.said else ""
        return f"it answered {self.authenticate}, {asked}{said}"

    @property
    def opens(self) -> bool:
        """Whether it lets the user in."""
        return self.authenticate == "success"


def try_service(
    folders: Iterable[Path],
    texts: Mapping[str, str],
    service: str,
    user: str,
    password: str | None = None,
) -> None:
    """Check that a face opens a service, and that PAM asks for the password without one.

    A service beside that of the password must answer as before without a face.

    Args:
        folders: the folders of PAM's files; a file in a later one replaces one in an earlier.
        texts: the new files by their names.
        service: the service.
        user: a user who has a password.
        password: the user's; if given, it is tried, too.

    Raises:
        PamError: PAM answers otherwise; the message says how.
    """
    with tempfile.TemporaryDirectory(prefix="onlyme-pam-") as scratch:
        root = Path(scratch)
        plain = _copy_folders(folders, texts, root / "before", remove_lines)
        yes = _copy_folders(
            folders, texts, root / "yes", partial(_replace_program, _find_program("true"))
        )
        no = _copy_folders(
            folders, texts, root / "no", partial(_replace_program, _find_program("false"))
        )
        before = ask_pam(plain, service, user)
        if before.opens:
            raise PamError(
                f"{service}: opens for {user} without a password already; "
                "try another user with --user NAME"
            )
        if asks_password(service) and not before.asked:
            raise PamError(
                f"{service}: does not ask {user} for a password ({before.authenticate}); "
                "try another user with --user NAME"
            )
        _check_refusal(service, before, ask_pam(no, service, user))
        face = ask_pam(yes, service, user)
        # KDE's locker ignores what setting credentials answers, which a missing reader refuses.
        sets = face.credentials == "success" or (service in BESIDE and service in LOCKERS)
        if face.opens and not sets:
            raise PamError(
                f"{service}: a face opens it, but then setting the credentials answers "
                f"{face.credentials}, and the login fails. Is each module of its file installed? "
                "pam_fprintd is in the package libpam-fprintd"
            )
        if not face.opens or face.asked:
            raise PamError(f"{service}: a trial with a face accepted did not open it ({face})")
        _check_account(service, before, face)
        if password is not None and asks_password(service):
            typed = ask_pam(no, service, user, password)
            if not typed.opens:
                raise PamError(f"{service}: this password of {user} did not open it ({typed})")


def ask_pam(folder: Path, service: str, user: str, password: str | None = None) -> PamResult:
    """Let the real PAM authenticate a user with the files of a folder.

    Raises:
        PamError: PAM did not answer.
    """
    import pwd

    try:
        uid = pwd.getpwnam(user).pw_uid
    except KeyError:
        raise PamError(f"this computer has no user called {user!r}") from None
    request = {"folder": str(folder), "service": service, "user": user, "uid": uid or None}
    try:
        done = subprocess.run(  # noqa: S603 - our own file, without a shell
            [sys.executable, "-I", str(_WORKER)],
            input=json.dumps(request | {"password": password}),
            capture_output=True,
            text=True,
            timeout=_TRIAL_SECONDS,
            check=True,
        )
        answer = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        kind = type(error).__name__
        raise PamError(f"{service}: the trial with the real PAM failed ({kind})") from None
    return PamResult(
        _name_code(answer["authenticate"]) or "abort",
        _name_code(answer["credentials"]),
        _name_code(answer["account"]),
        answer["asked"],
        tuple(answer["said"]),
    )


def _check_refusal(service: str, before: PamResult, after: PamResult) -> None:
    if after.opens:
        raise PamError(f"{service}: a trial with a face refused opened it")
    if asks_password(service) and not after.asked:
        raise PamError(f"{service}: a trial with a face refused asked for no password ({after})")
    if after.authenticate != before.authenticate:
        raise PamError(
            f"{service}: a trial with a face refused ended with {after.authenticate}, "
            f"not with {before.authenticate} as before"
        )
    _check_account(service, before, after)


def _check_account(service: str, before: PamResult, after: PamResult) -> None:
    if after.account != before.account:
        raise PamError(
            f"{service}: in a trial the account rules answered {after.account}, "
            f"not {before.account} as before"
        )


def _copy_folders(
    folders: Iterable[Path], texts: Mapping[str, str], to: Path, rewrite: Callable[[str], str]
) -> Path:
    """Copy the whole configuration with the new texts in it; `rewrite` changes each text."""
    to.mkdir()
    files = {
        file.name: file.read_bytes().decode("utf-8", "surrogateescape")
        for folder in folders
        if folder.is_dir()
        for file in folder.iterdir()
        if file.is_file()
    }
    for name, text in (files | dict(texts)).items():
        (to / name).write_bytes(
            _redirect_includes(to, rewrite(text).encode("utf-8", "surrogateescape"))
        )
    return to


def _redirect_includes(folder: Path, text: bytes) -> bytes:
    """Make includes name the copy: older versions of PAM look for them in /etc/pam.d."""
    return _INCLUDE.sub(rb"\g<1>" + bytes(folder) + rb"/\g<2>", text)


def _replace_program(program: str, text: str) -> str:
    """Let our lines start another program."""
    rows = []
    for row in text.split("\n"):
        head, pam_exec, _ = row.partition("pam_exec.so")
        is_changed = is_our_line(row) and pam_exec
        rows.append(f"{head}{pam_exec} quiet {program} {MARK}" if is_changed else row)
    return "\n".join(rows)


def _find_program(name: str) -> str:
    found = shutil.which(name, path="/usr/bin:/bin")
    if found is None:
        raise PamError(f"the trial needs the program `{name}`, which this system does not have")
    return found


def _name_code(number: int | None) -> str | None:
    return None if number is None else CODES[number] if 0 <= number < len(CODES) else "abort"
