"""A folder of PAM files and a service come in; where our lines go, or why they may not, goes out.

A yes from us ends the auth rules of a service. That is right only where the password would
have ended them as well. So each stack is asked, without calling a module: does it reach a
password, does the right one open and a wrong one not, and what else would it have asked?
"""

from __future__ import annotations

from itertools import chain, product
from typing import TYPE_CHECKING, Final, NoReturn

from onlyme.errors import PamError
from onlyme.unlock.pam.rules import inserted, marked, without
from onlyme.unlock.pam.simulate import CODES, actions, landing, outcome
from onlyme.unlock.pam.stack import Step, flattened, includes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from onlyme.unlock.pam.rules import Lines

    Read = Callable[[str], str]

__all__ = ["checked", "fitted", "sharing"]

PASSWORD: Final = frozenset(
    (
        *("pam_unix", "pam_sss", "pam_ldap", "pam_winbind", "pam_krb5", "pam_systemd_home"),
        *("pam_tcb", "pam_pwdfile", "pam_userdb", "pam_heimdal", "pam_authd", "pam_kanidm"),
    )
)
"""Modules that ask for a password and check it."""

HARMLESS: Final = frozenset(
    (
        *("pam_permit", "pam_env", "pam_faildelay", "pam_group", "pam_cap", "pam_warn"),
        *("pam_echo", "pam_issue", "pam_usertype", "pam_localuser", "pam_gnome_keyring"),
        *("pam_kwallet", "pam_kwallet5", "pam_keyinit", "pam_motd", "pam_mail", "pam_deny"),
        *("pam_faillock", "pam_tally2"),
    )
)
"""Modules that set something up, choose between others, or need the typed password. None is
there to keep somebody out, except `pam_deny`, which nobody passes with a password either, and
those that count wrong passwords: faces are counted by our own gate."""

_MOST_TOGETHER: Final = 10
_TWO: Final = ("success", "auth_err")

_REFUSALS: Final = tuple(code for code in CODES if code not in ("success", "new_authtok_reqd"))


def fitted(read: Read, service: str, lines: Lines) -> str:
    """Return the service's file with our lines in it, in their places.

    Lines of ours that are there already are put anew, so that doing it twice changes nothing.

    Args:
        read: returns the text of a PAM file by its name.
        service: the service, which is its file's name.
        lines: what to put there.

    Raises:
        PamError: they may not be put there; the message says why.
    """
    if service == "other":
        _no(service, "it stands for every service that has no file")
    if service.startswith("common-"):
        _no(service, "it is pam-auth-update's; use `onlyme unlock profile`, or name services")
    text = without(read(service))

    def plain(name: str) -> str:
        return text if name == service else read(name)

    auth = flattened(plain, service, "auth")
    if not auth:
        _no(service, "it has no auth rules of its own; PAM takes those of `other`")
    password, _ = _password(auth, service)
    at = auth[_insertion(auth, password)].by.start
    places = {at: lines.auth}
    account = flattened(plain, service, "account")
    if account:  # otherwise PAM takes those of `other`, and no longer would
        place = account[0].by.start
        places = {at: f"{lines.account}\n{lines.auth}"} if place == at else places
        if place != at:
            places[place] = lines.account
    return inserted(text, places)


def checked(read: Read, service: str, before: Read) -> tuple[str, ...]:
    """Hold that the rules of a service, with our lines in them, do what they should.

    Args:
        read: returns the text of a PAM file with our lines in it.
        service: a service in whose rules they are, by itself or by an include.
        before: returns the text as it was.

    Returns:
        Sentences on what a face passes over that a password would not have.

    Raises:
        PamError: they do not; the message says why.
    """
    auth = flattened(read, service, "auth")
    ours = [number for number, step in enumerate(auth) if _ours(step, read)]
    if len(ours) != 1:
        files = " and ".join(sorted({auth[number].file for number in ours})) or "none"
        _no(service, f"a face would be looked for {len(ours)} times (files with our line: {files})")
    old = [step for step in flattened(before, service, "auth") if not _ours(step, before)]
    _, answers = _password(old, service)
    _account_unchanged(read, before, service)
    for code in CODES:
        if code != "success" and _with(auth, ours[0], code, answers) != outcome(old, answers)[0]:
            _no(service, f"our line would not be without effect when it answers {code}")
    called = outcome(auth, _put(answers, ours[0], "success"))
    if called[0] != "success":
        _no(service, "a face would not open it")
    for step in (auth[number] for number in called[1] if number < ours[0]):
        if step.rule.name == "pam_env" and "user_readenv=1" in step.rule.arguments:
            _no(service, f"{step} lets each user set what our program would start with")
    if gates := _gates(old, auth, answers, ours[0]):
        _no(service, f"a face would pass over {', '.join(map(str, gates))}, which may refuse")
    return tuple(
        f"with a face {step} is not asked, which only matters after a password"
        for step in _skipped(old, answers, ours[0])
    )


def _skipped(old: Sequence[Step], answers: Sequence[str], ours: int) -> list[Step]:
    """List the modules after our line that only a password leads to, but those that ask for it."""
    return [
        old[number]
        for number in outcome(old, answers)[1]
        if number >= ours and old[number].rule.name not in PASSWORD | {"pam_permit"}
    ]


def sharing(read: Read, names: Iterable[str], service: str) -> list[str]:
    """List the other services whose auth rules come from this service's file as well.

    Raises:
        PamError: one that includes it is not understood.
    """
    found = []
    for name in names:
        if name == service:
            continue
        try:
            direct = includes(read(name), name)
        except PamError:
            continue  # broken already; whether it includes this one nobody can say, PAM included
        if direct and any(step.file == service for step in flattened(read, name, "auth")):
            found.append(name)
    return found


def _password(steps: Sequence[Step], service: str) -> tuple[int, list[str]]:
    """Find the module that asks for a password, and what the others say on the way to it."""
    asking = [number for number, step in enumerate(steps) if _asks(step)]
    if not asking:
        _no(service, "none of its auth rules asks for a password")
    first = asking[0]
    # Those who come in by another way (root, a smart card) do not today.
    answers = ["auth_err" if step.rule.name == "pam_deny" else "success" for step in steps]
    while first not in (called := outcome(steps, answers)[1]):
        way_out = [n for n in called if n < first and _may_stand_aside(steps[n], answers[n])]
        if not way_out:
            _no(service, f"its rules never come to {steps[first]}, which asks for the password")
        answers[way_out[-1]] = "ignore"
    if outcome(steps, answers)[0] != "success":
        _no(service, f"the right password at {steps[first]} would not open it")
    wrong = ["auth_err" if n in asking else answer for n, answer in enumerate(answers)]
    if outcome(steps, wrong)[0] == "success":
        _no(service, f"a wrong password at {steps[first]} would open it already")
    return first, answers


def _may_stand_aside(step: Step, answer: str) -> bool:
    return answer == "success" and step.rule.name != "pam_permit"  # which never does


def _insertion(steps: Sequence[Step], password: int) -> int:
    """Return before which rule our line goes: the password's, and never inside of a jump."""
    at = next(n for n, step in enumerate(steps) if step.by is steps[password].by)
    for number in range(at - 1, -1, -1):
        if steps[number].runs and any(
            isinstance(action, int) and landing(steps, number, action)[0] > at
            for action in actions(steps[number].rule.control).values()
        ):
            return _insertion(steps, number)
    return at


def _gates(old: Sequence[Step], auth: Sequence[Step], answers: list[str], ours: int) -> list[Step]:
    """Find modules for which a face opens where the right password would not.

    Each is let answer everything there is. Since several may stand in for each other, all of
    them together are also let succeed, fail and stand aside in every combination.
    """
    others = [
        number
        for number, step in enumerate(old)
        if step.runs and step.rule.name not in HARMLESS | PASSWORD
    ]
    if len(others) > _MOST_TOGETHER:
        return [old[number] for number in others if number >= ours]
    alone = ({n: code} for n in others for code in _REFUSALS)
    each = ("success", "auth_err", "ignore") if len(others) <= _MOST_TOGETHER // 2 else _TWO
    together = (dict(zip(others, said, strict=True)) for said in product(each, repeat=len(others)))
    for said in chain(alone, together):
        heard = [said.get(number, answer) for number, answer in enumerate(answers)]
        by_face = _with(auth, ours, "success", heard) == "success"
        if by_face and outcome(old, heard)[0] != "success":
            behind = [n for n, code in said.items() if n >= ours and code != "success"]
            return [old[number] for number in behind or said]
    return []


def _account_unchanged(read: Read, before: Read, service: str) -> None:
    new, old = flattened(read, service, "account"), flattened(before, service, "account")
    old = [step for step in old if not _ours(step, before)]
    ours = [number for number, step in enumerate(new) if _ours(step, read)]
    if bool(new) != bool(old):
        _no(service, "it has no account rules of its own")
    for base in ("success", "ignore", "perm_denied"):
        answers = [base] * len(old)
        for code in CODES if len(ours) == 1 else ():
            if _with(new, ours[0], code, answers) != outcome(old, answers)[0]:
                _no(service, "our account line would not be without effect")


def _ours(step: Step, read: Read) -> bool:
    rows = read(step.file).split("\n")[step.rule.start : step.rule.end]
    return bool(marked("\n".join(rows)))


def _asks(step: Step) -> bool:
    return step.runs and step.rule.name in PASSWORD


def _with(steps: Sequence[Step], ours: int, code: str, answers: Sequence[str]) -> str:
    return outcome(steps, _put(answers, ours, code))[0]


def _put(answers: Sequence[str], at: int, code: str) -> list[str]:
    return [*answers[:at], code, *answers[at:]]


def _no(service: str, why: str) -> NoReturn:
    raise PamError(f"{service}: {why}; nothing was changed")
