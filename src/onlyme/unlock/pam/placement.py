"""A folder of PAM files and a service come in; where our lines go, or why they may not, goes out.

A yes from us ends the auth rules of a service. That is right only where the password would
have ended them as well. So each stack is asked, without calling a module: does it reach a
password, does the right one open and a wrong one not, and what else would it have asked?
"""

from __future__ import annotations

from itertools import chain, product
from typing import TYPE_CHECKING, Final, NoReturn

from onlyme.errors import PamError
from onlyme.unlock.pam.rules import find_lines, insert_lines, remove_lines
from onlyme.unlock.pam.simulate import CODES, parse_control, simulate_stack, skip_rules
from onlyme.unlock.pam.stack import StackRule, flatten_rules, list_includes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from onlyme.unlock.pam.rules import PamLines

    Read = Callable[[str], str]

__all__ = ["check_rules", "find_sharing", "place_lines"]

PASSWORD_MODULES: Final = frozenset(
    (
        *("pam_unix", "pam_sss", "pam_ldap", "pam_winbind", "pam_krb5", "pam_systemd_home"),
        *("pam_tcb", "pam_pwdfile", "pam_userdb", "pam_heimdal", "pam_authd", "pam_kanidm"),
    )
)
"""Modules that ask for a password and check it."""

HARMLESS_MODULES: Final = frozenset(
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

_MAX_COMBINED_MODULES: Final = 10
_TWO_ANSWERS: Final = ("success", "auth_err")

_REFUSALS: Final = tuple(code for code in CODES if code not in ("success", "new_authtok_reqd"))


def place_lines(read: Read, service: str, lines: PamLines) -> str:
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
        _refuse(service, "it stands for every service that has no file")
    if service.startswith("common-"):
        _refuse(service, "it is pam-auth-update's; use `onlyme unlock profile`, or name services")
    text = remove_lines(read(service))

    def read_plain(name: str) -> str:
        return text if name == service else read(name)

    auth = flatten_rules(read_plain, service, "auth")
    if not auth:
        _refuse(service, "it has no auth rules of its own; PAM takes those of `other`")
    password, _ = _find_password(auth, service)
    at = auth[_find_insertion(auth, password)].by.start
    places = {at: lines.auth}
    account = flatten_rules(read_plain, service, "account")
    if account:  # otherwise PAM takes those of `other`, and no longer would
        place = account[0].by.start
        places = {at: f"{lines.account}\n{lines.auth}"} if place == at else places
        if place != at:
            places[place] = lines.account
    return insert_lines(text, places)


def check_rules(read: Read, service: str, before: Read) -> tuple[str, ...]:
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
    auth = flatten_rules(read, service, "auth")
    ours = [number for number, step in enumerate(auth) if _is_ours(step, read)]
    if len(ours) != 1:
        files = " and ".join(sorted({auth[number].file for number in ours})) or "none"
        _refuse(
            service, f"a face would be looked for {len(ours)} times (files with our line: {files})"
        )
    old = [step for step in flatten_rules(before, service, "auth") if not _is_ours(step, before)]
    _, answers = _find_password(old, service)
    _check_account(read, before, service)
    for code in CODES:
        if (
            code != "success"
            and _simulate_with(auth, ours[0], code, answers) != simulate_stack(old, answers)[0]
        ):
            _refuse(service, f"our line would not be without effect when it answers {code}")
    called = simulate_stack(auth, _replace_answer(answers, ours[0], "success"))
    if called[0] != "success":
        _refuse(service, "a face would not open it")
    for step in (auth[number] for number in called[1] if number < ours[0]):
        if step.rule.name == "pam_env" and "user_readenv=1" in step.rule.arguments:
            _refuse(service, f"{step} lets each user set what our program would start with")
    if gates := _find_passed_over(old, auth, answers, ours[0]):
        _refuse(service, f"a face would pass over {', '.join(map(str, gates))}, which may refuse")
    return tuple(
        f"with a face {step} is not asked, which only matters after a password"
        for step in _find_skipped(old, answers, ours[0])
    )


def _find_skipped(old: Sequence[StackRule], answers: Sequence[str], ours: int) -> list[StackRule]:
    """List the modules after our line that only a password leads to, but those that ask for it."""
    return [
        old[number]
        for number in simulate_stack(old, answers)[1]
        if number >= ours and old[number].rule.name not in PASSWORD_MODULES | {"pam_permit"}
    ]


def find_sharing(read: Read, names: Iterable[str], service: str) -> list[str]:
    """List the other services whose auth rules come from this service's file as well.

    Raises:
        PamError: one that includes it is not understood.
    """
    found = []
    for name in names:
        if name == service:
            continue
        try:
            direct = list_includes(read(name), name)
        except PamError:
            continue  # broken already; whether it includes this one nobody can say, PAM included
        if direct and any(step.file == service for step in flatten_rules(read, name, "auth")):
            found.append(name)
    return found


def _find_password(steps: Sequence[StackRule], service: str) -> tuple[int, list[str]]:
    """Find the module that asks for a password, and what the others say on the way to it."""
    asking = [number for number, step in enumerate(steps) if _asks(step)]
    if not asking:
        _refuse(service, "none of its auth rules asks for a password")
    first = asking[0]
    # Those who come in by another way (root, a smart card) do not today.
    answers = ["auth_err" if step.rule.name == "pam_deny" else "success" for step in steps]
    while first not in (called := simulate_stack(steps, answers)[1]):
        way_out = [n for n in called if n < first and _may_stand_aside(steps[n], answers[n])]
        if not way_out:
            _refuse(service, f"its rules never come to {steps[first]}, which asks for the password")
        answers[way_out[-1]] = "ignore"
    if simulate_stack(steps, answers)[0] != "success":
        _refuse(service, f"the right password at {steps[first]} would not open it")
    wrong = ["auth_err" if n in asking else answer for n, answer in enumerate(answers)]
    if simulate_stack(steps, wrong)[0] == "success":
        _refuse(service, f"a wrong password at {steps[first]} would open it already")
    return first, answers


def _may_stand_aside(step: StackRule, answer: str) -> bool:
    return answer == "success" and step.rule.name != "pam_permit"  # which never does


def _find_insertion(steps: Sequence[StackRule], password: int) -> int:
    """Return before which rule our line goes: the password's, and never inside of a jump."""
    at = next(n for n, step in enumerate(steps) if step.by is steps[password].by)
    for number in range(at - 1, -1, -1):
        if steps[number].runs and any(
            isinstance(action, int) and skip_rules(steps, number, action)[0] > at
            for action in parse_control(steps[number].rule.control).values()
        ):
            return _find_insertion(steps, number)
    return at


def _find_passed_over(
    old: Sequence[StackRule], auth: Sequence[StackRule], answers: list[str], ours: int
) -> list[StackRule]:
    """Find modules for which a face opens where the right password would not.

    Each is let answer everything there is. Since several may stand in for each other, all of
    them together are also let succeed, fail and stand aside in every combination.
    """
    others = [
        number
        for number, step in enumerate(old)
        if step.runs and step.rule.name not in HARMLESS_MODULES | PASSWORD_MODULES
    ]
    if len(others) > _MAX_COMBINED_MODULES:
        return [old[number] for number in others if number >= ours]
    alone = ({n: code} for n in others for code in _REFUSALS)
    each = (
        ("success", "auth_err", "ignore")
        if len(others) <= _MAX_COMBINED_MODULES // 2
        else _TWO_ANSWERS
    )
    together = (dict(zip(others, said, strict=True)) for said in product(each, repeat=len(others)))
    for said in chain(alone, together):
        heard = [said.get(number, answer) for number, answer in enumerate(answers)]
        by_face = _simulate_with(auth, ours, "success", heard) == "success"
        if by_face and simulate_stack(old, heard)[0] != "success":
            behind = [n for n, code in said.items() if n >= ours and code != "success"]
            return [old[number] for number in behind or said]
    return []


def _check_account(read: Read, before: Read, service: str) -> None:
    new, old = flatten_rules(read, service, "account"), flatten_rules(before, service, "account")
    old = [step for step in old if not _is_ours(step, before)]
    ours = [number for number, step in enumerate(new) if _is_ours(step, read)]
    if bool(new) != bool(old):
        _refuse(service, "it has no account rules of its own")
    for base in ("success", "ignore", "perm_denied"):
        answers = [base] * len(old)
        for code in CODES if len(ours) == 1 else ():
            if _simulate_with(new, ours[0], code, answers) != simulate_stack(old, answers)[0]:
                _refuse(service, "our account line would not be without effect")


def _is_ours(step: StackRule, read: Read) -> bool:
    rows = read(step.file).split("\n")[step.rule.start : step.rule.end]
    return bool(find_lines("\n".join(rows)))


def _asks(step: StackRule) -> bool:
    return step.runs and step.rule.name in PASSWORD_MODULES


def _simulate_with(steps: Sequence[StackRule], ours: int, code: str, answers: Sequence[str]) -> str:
    return simulate_stack(steps, _replace_answer(answers, ours, code))[0]


def _replace_answer(answers: Sequence[str], at: int, code: str) -> list[str]:
    return [*answers[:at], code, *answers[at:]]


def _refuse(service: str, why: str) -> NoReturn:
    raise PamError(f"{service}: {why}; nothing was changed")
