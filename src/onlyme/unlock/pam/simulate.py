"""Compute what PAM answers, from a service's rules and the answers of their modules.

This is Linux-PAM's own procedure (`pam_dispatch.c`) in Python. It answers "what if" questions
without calling a module. A test runs random stacks through both.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final, TypeAlias

from onlyme.errors import PamError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onlyme.unlock.pam.stack import StackRule

__all__ = ["CODES", "Action", "parse_control", "simulate_stack", "skip_rules"]

Action: TypeAlias = "str | int"

CODES: Final = (
    *("success", "open_err", "symbol_err", "service_err", "system_err", "buf_err"),
    *("perm_denied", "auth_err", "cred_insufficient", "authinfo_unavail", "user_unknown"),
    *("maxtries", "new_authtok_reqd", "acct_expired", "session_err", "cred_unavail"),
    *("cred_expired", "cred_err", "no_module_data", "conv_err", "authtok_err"),
    *("authtok_recover_err", "authtok_lock_busy", "authtok_disable_aging", "try_again"),
    *("ignore", "abort", "authtok_expired", "module_unknown", "bad_item", "conv_again"),
    "incomplete",
)
"""The answers of a module, in the order of PAM's numbers (`_pam_types.h`)."""

_SIMPLE_CONTROLS: Final = {
    "required": {"success": "ok", "new_authtok_reqd": "ok", "ignore": "ignore", "default": "bad"},
    "requisite": {"success": "ok", "new_authtok_reqd": "ok", "ignore": "ignore", "default": "die"},
    "optional": {"success": "ok", "new_authtok_reqd": "ok", "default": "ignore"},
    "sufficient": {"success": "done", "new_authtok_reqd": "done", "default": "ignore"},
}
_VERBS: Final = ("ignore", "ok", "done", "bad", "die", "reset")
_PAIR: Final = re.compile(r"\s*([a-z_]+)\s*=\s*([a-z]+|[0-9]{1,3})(?=\s|$)")
_MUST_FAIL: Final = "perm_denied"  # PAM_MUST_FAIL_CODE
_MAX_SHOWN_CHARACTERS: Final = 80  # of a wrong control, in a message


@cache
def parse_control(control: str) -> dict[str, Action]:
    """Return what a control does with each answer: `ok`, `done`, …, or how many rules it skips.

    Raises:
        PamError: PAM does not know this control.

    >>> [parse_control(word)["success"] for word in ("sufficient", "[success=2 default=ignore]")]
    ['done', 2]
    """
    simple = _SIMPLE_CONTROLS.get(control)
    actions = dict(simple) if simple is not None else _parse_brackets(control)
    default = actions.pop("default", "bad")
    return {code: actions.get(code, default) for code in CODES}


def simulate_stack(steps: Sequence[StackRule], answers: Sequence[str]) -> tuple[str, list[int]]:
    """Go through a stack as PAM does.

    Args:
        steps: the rules of the stack.
        answers: the answer of each rule's module, one of `CODES`.

    Returns:
        PAM's answer, and the numbers of the rules whose modules were called.
    """
    impression, status = 0, _MUST_FAIL  # 0 none yet, 1 good, -1 bad
    entered = {0: (impression, status)}
    called: list[int] = []
    at, before = 0, 0
    while at < len(steps):
        level = steps[at].level
        if before < level:
            entered[level] = (impression, status)
        before = level
        if not steps[at].runs:
            at += 1
            continue
        called.append(at)
        answer = answers[at]
        action = parse_control(steps[at].rule.control)[answer]
        leave = False
        if action == "reset":
            impression, status = entered[level]
        elif action in ("ok", "done"):
            if impression == 0 or (impression == 1 and status == "success"):
                impression, status = 1, answer
            leave = action == "done" and impression == 1
        elif action in ("bad", "die"):
            if impression != -1:
                impression, status = -1, _MUST_FAIL if answer == "ignore" else answer
            leave = action == "die"
        elif isinstance(action, int):
            at, missing = skip_rules(steps, at, action)
            if missing:
                impression, status = -1, _MUST_FAIL
            continue
        at += 1
        while leave and at < len(steps) and steps[at].level >= level:
            at += 1
    if status == "success" and impression != 1:
        status = _MUST_FAIL
    return status, called


def skip_rules(steps: Sequence[StackRule], at: int, skipped: int) -> tuple[int, int]:
    """Find the rule that comes next after `skipped` rules are passed over.

    Args:
        steps: the rules of the stack.
        at: number of the rule that skips others.
        skipped: how many rules it skips; a substack counts as one.

    Returns:
        The number of the next rule, and how many of the rules to skip did not exist.
    """
    level = steps[at].level
    while at + 1 < len(steps) and steps[at + 1].level >= level and skipped > 0:
        at += 1
        while at + 1 < len(steps) and steps[at + 1].level > level:
            at += 1
        skipped -= 1
    return at + 1, skipped


def _parse_brackets(control: str) -> dict[str, Action]:
    inside = control[1:-1] if control.startswith("[") and control.endswith("]") else "?"
    actions: dict[str, Action] = {}
    at = 0
    while inside[at:].strip(" \t"):
        pair = _PAIR.match(inside, at)
        code, verb = pair.groups() if pair else ("", "")
        if code not in (*CODES, "default") or not (verb.isdecimal() or verb in _VERBS):
            raise PamError(f"PAM does not know the control {control:.{_MAX_SHOWN_CHARACTERS}}")
        actions[code] = int(verb) if verb.isdecimal() else verb
        if actions[code] == 0:
            raise PamError(
                f"versions of PAM differ on {control:.{_MAX_SHOWN_CHARACTERS}}, which skips 0 rules"
            )
        at = pair.end() if pair else len(inside)
    return actions
