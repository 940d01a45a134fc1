"""Find the place for our lines in a PAM file, or say why they may not be put there.

A recognised face ends the auth rules of a service. That is right only where the password would
have ended them as well. So the stack is simulated, without calling a module: does it reach a
password, does the right one open, does a wrong one not open, and what else would it have asked?
"""

from __future__ import annotations

from itertools import chain, product
from typing import TYPE_CHECKING, Final, NoReturn

from onlyme.errors import PamError
from onlyme.unlock.pam.rules import insert_lines, is_our_rule, remove_lines
from onlyme.unlock.pam.simulate import CODES, parse_control, simulate_stack, skip_rules
from onlyme.unlock.pam.stack import StackRule, flatten_rules, list_includes
from onlyme.unlock.services import BESIDE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from onlyme.unlock.pam.rules import PamLines

    Read = Callable[[str], str]

__all__ = ["asks_password", "check_rules", "find_sharing", "place_lines"]

PASSWORD_MODULES: Final = frozenset(
    (
        *("pam_unix", "pam_sss", "pam_ldap", "pam_winbind", "pam_krb5", "pam_systemd_home"),
        *("pam_tcb", "pam_pwdfile", "pam_userdb", "pam_heimdal", "pam_authd", "pam_kanidm"),
    )
)
"""Modules that ask for a password and check it."""

FINGERPRINT_MODULES: Final = frozenset(("pam_fprintd", "pam_fprint", "pam_fingerprint"))
"""Modules that read a fingerprint: the only question of the services in `BESIDE`."""

HARMLESS_MODULES: Final = frozenset(
    (
        *("pam_permit", "pam_env", "pam_faildelay", "pam_group", "pam_cap", "pam_warn"),
        *("pam_echo", "pam_issue", "pam_usertype", "pam_localuser", "pam_gnome_keyring"),
        *("pam_kwallet", "pam_kwallet5", "pam_keyinit", "pam_motd", "pam_mail", "pam_deny"),
        *("pam_faillock", "pam_tally2"),
    )
)
"""Modules that set something up, choose between others, or need the typed password. None of them
keeps a user out, with two exceptions: `pam_deny`, which no password passes either, and those that
count wrong passwords. Our own gate counts faces."""

_MAX_COMBINED_MODULES: Final = 10  # so at most 2 ** 10 combinations are simulated
_TWO_ANSWERS: Final = ("success", "auth_err")

_REFUSALS: Final = tuple(code for code in CODES if code not in ("success", "new_authtok_reqd"))


def place_lines(read: Read, service: str, lines: PamLines) -> str:
    """Return the text of a service's file with our lines in it.

    Lines of ours that are there already are replaced, so that a second run changes nothing.

    Args:
        read: returns the text of a PAM file by its name.
        service: the service, which is the name of its file.
        lines: our lines.

    Raises:
        PamError: they may not be put there; the message says why.
    """
    if service == "other":
        _refuse(service, "it applies to every service without a file of its own")
    if service.startswith("common-"):
        _refuse(service, "pam-auth-update writes it; use `onlyme unlock profile`, or name services")
    text = remove_lines(read(service), session=False)

    def read_plain(name: str) -> str:
        return text if name == service else read(name)

    auth = flatten_rules(read_plain, service, "auth")
    if not auth:
        _refuse(service, "it has no auth rules of its own; PAM uses those of `other`")
    password, _ = _find_password_rule(auth, service)
    at = auth[_find_insertion(auth, password)].by.start
    places = {at: lines.auth}
    account = flatten_rules(read_plain, service, "account")
    if account:  # without any, PAM uses those of `other`; our line would end that
        place = account[0].by.start
        places = {at: f"{lines.account}\n{lines.auth}"} if place == at else places
        if place != at:
            places[place] = lines.account
    return insert_lines(text, places)


def check_rules(read: Read, service: str, before: Read) -> tuple[str, ...]:
    """Check that the rules of a service do what they should with our lines in them.

    Args:
        read: returns the text of a PAM file with our lines in it.
        service: a service whose rules hold our lines, in its own file or in an included one.
        before: returns the text as it was.

    Returns:
        Sentences on the modules that are called after a password, but not after a face.

    Raises:
        PamError: they do not; the message says why.
    """
    auth = flatten_rules(read, service, "auth")
    ours = [number for number, step in enumerate(auth) if is_our_rule(step.rule, read(step.file))]
    if len(ours) != 1:
        files = " and ".join(sorted({auth[number].file for number in ours})) or "none"
        _refuse(
            service,
            f"a face would be looked for {len(ours)} times in place of once "
            f"(files with our line: {files})",
        )
    old = [
        step
        for step in flatten_rules(before, service, "auth")
        if not is_our_rule(step.rule, before(step.file))
    ]
    _, answers = _find_password_rule(old, service)
    _check_account(read, before, service)
    for code in CODES:
        if (
            code != "success"
            and _simulate_with(auth, ours[0], code, answers) != simulate_stack(old, answers)[0]
        ):
            _refuse(service, f"our line would change PAM's answer when it answers {code}")
    answer, called = simulate_stack(auth, _insert_answer(answers, ours[0], "success"))
    if answer != "success":
        _refuse(service, "a face would not open it")
    for step in (auth[number] for number in called if number < ours[0]):
        if step.rule.name == "pam_env" and "user_readenv=1" in step.rule.arguments:
            _refuse(service, f"{step} lets each user set the environment of our program")
    asking = _list_asking(service)
    if bypassed := _find_bypassed(old, auth, answers, ours[0], asking):
        names = ", ".join(map(str, bypassed))
        _refuse(service, f"a face would pass over {names}, which may refuse")
    return tuple(
        f"after a face {step} is not called; it matters only after a {_name_question(service)}"
        for step in _find_skipped(old, answers, ours[0], asking)
    )


def _find_skipped(
    old: Sequence[StackRule], answers: Sequence[str], ours: int, asking: frozenset[str]
) -> list[StackRule]:
    """List the rules after our line that run after a password, without those that ask for it."""
    return [
        old[number]
        for number in simulate_stack(old, answers)[1]
        if number >= ours and old[number].rule.name not in asking | {"pam_permit"}
    ]


def find_sharing(read: Read, names: Iterable[str], service: str) -> list[str]:
    """List the other services whose auth rules also come from this service's file.

    Raises:
        PamError: a service that includes the file is not understood.
    """
    found = []
    for name in names:
        if name == service:
            continue
        try:
            direct = list_includes(read(name), name)
        except PamError:
            continue  # broken already: not even PAM can say whether it includes this one
        if direct and any(step.file == service for step in flatten_rules(read, name, "auth")):
            found.append(name)
    return found


def asks_password(service: str) -> bool:
    """Say whether a service asks for a password; one beside it reads fingerprints instead."""
    return service not in BESIDE


def _name_question(service: str) -> str:
    return "password" if asks_password(service) else "fingerprint"


def _list_asking(service: str) -> frozenset[str]:
    """Return the modules of which a face takes the place in a service."""
    return PASSWORD_MODULES if asks_password(service) else FINGERPRINT_MODULES


def _find_password_rule(steps: Sequence[StackRule], service: str) -> tuple[int, list[str]]:
    """Find the rule that asks for a password, and the answers of the others that lead to it.

    In a service beside that of the password it is the rule that reads a fingerprint.
    """
    modules = _list_asking(service)
    asking = [n for n, step in enumerate(steps) if step.runs and step.rule.name in modules]
    if not asking:
        _refuse(service, f"none of its auth rules asks for a {_name_question(service)}")
    first = asking[0]
    # Suppose that no other way in, such as being root or a smart card, applies.
    answers = ["auth_err" if step.rule.name == "pam_deny" else "success" for step in steps]
    while first not in (called := simulate_stack(steps, answers)[1]):
        others = [n for n in called if n < first and _may_be_ignored(steps[n], answers[n])]
        if not others:
            _refuse(service, f"its rules never reach {steps[first]}, which asks for the password")
        answers[others[-1]] = "ignore"
    if simulate_stack(steps, answers)[0] != "success":
        _refuse(service, f"the right password at {steps[first]} would not open it")
    wrong = ["auth_err" if n in asking else answer for n, answer in enumerate(answers)]
    if simulate_stack(steps, wrong)[0] == "success":
        _refuse(service, f"a wrong password at {steps[first]} would open it, even without our line")
    return first, answers


def _may_be_ignored(step: StackRule, answer: str) -> bool:
    return answer == "success" and step.rule.name != "pam_permit"  # it always succeeds


def _find_insertion(steps: Sequence[StackRule], password: int) -> int:
    """Return the rule before which our line goes: the password's, but never inside a jump."""
    at = next(n for n, step in enumerate(steps) if step.by is steps[password].by)
    for number in range(at - 1, -1, -1):
        if steps[number].runs and any(
            isinstance(action, int) and skip_rules(steps, number, action)[0] > at
            for action in parse_control(steps[number].rule.control).values()
        ):
            return _find_insertion(steps, number)
    return at


def _find_bypassed(
    old: Sequence[StackRule],
    auth: Sequence[StackRule],
    answers: list[str],
    ours: int,
    asking: frozenset[str],
) -> list[StackRule]:
    """Find rules that can stop the right password, but would not stop a face.

    Each module is simulated with every answer. Since one module may replace another, all of
    them together are also simulated with every combination of success, failure and "ignore".
    """
    others = [
        number
        for number, step in enumerate(old)
        if step.runs and step.rule.name not in HARMLESS_MODULES | asking
    ]
    if len(others) > _MAX_COMBINED_MODULES:
        return [old[number] for number in others if number >= ours]
    alone = ({n: code} for n in others for code in _REFUSALS)
    each = (
        ("success", "auth_err", "ignore")
        if len(others) <= _MAX_COMBINED_MODULES // 2
        else _TWO_ANSWERS
    )
    combinations = product(each, repeat=len(others))
    together = (dict(zip(others, codes, strict=True)) for codes in combinations)
    for changed in chain(alone, together):
        tried = [changed.get(number, answer) for number, answer in enumerate(answers)]
        opens_by_face = _simulate_with(auth, ours, "success", tried) == "success"
        if opens_by_face and simulate_stack(old, tried)[0] != "success":
            behind = [n for n, code in changed.items() if n >= ours and code != "success"]
            return [old[number] for number in behind or changed]
    return []


def _check_account(read: Read, before: Read, service: str) -> None:
    new, old = flatten_rules(read, service, "account"), flatten_rules(before, service, "account")
    old = [step for step in old if not is_our_rule(step.rule, before(step.file))]
    ours = [number for number, step in enumerate(new) if is_our_rule(step.rule, read(step.file))]
    if bool(new) != bool(old):
        _refuse(service, "our line would be its only account rule")
    for base in ("success", "ignore", "perm_denied"):
        answers = [base] * len(old)
        for code in CODES if len(ours) == 1 else ():
            if _simulate_with(new, ours[0], code, answers) != simulate_stack(old, answers)[0]:
                _refuse(service, "our account line would change PAM's answer")


def _simulate_with(steps: Sequence[StackRule], ours: int, code: str, answers: Sequence[str]) -> str:
    return simulate_stack(steps, _insert_answer(answers, ours, code))[0]


def _insert_answer(answers: Sequence[str], at: int, code: str) -> list[str]:
    return [*answers[:at], code, *answers[at:]]


def _refuse(service: str, why: str) -> NoReturn:
    raise PamError(f"{service}: {why}; nothing was changed")
