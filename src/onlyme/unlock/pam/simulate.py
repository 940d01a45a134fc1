"""Rules and what each module answers come in; what PAM answers goes out.

This is Linux-PAM's own walk (`pam_dispatch.c`) in Python, so that a stack can be asked
"what if" without a module being called. A test runs random stacks through both.
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
"""What a module may answer, in the order of PAM's numbers (`_pam_types.h`)."""

_WORDS: Final = {
    "required": {"success": "ok", "new_authtok_reqd": "ok", "ignore": "ignore", "default": "bad"},
    "requisite": {"success": "ok", "new_authtok_reqd": "ok", "ignore": "ignore", "default": "die"},
    "optional": {"success": "ok", "new_authtok_reqd": "ok", "default": "ignore"},
    "sufficient": {"success": "done", "new_authtok_reqd": "done", "default": "ignore"},
}
_VERBS: Final = ("ignore", "ok", "done", "bad", "die", "reset")
_PAIR: Final = re.compile(r"\s*([a-z_]+)\s*=\s*([a-z]+|[0-9]{1,3})(?=\s|$)")
_MUST_FAIL: Final = "perm_denied"  # PAM_MUST_FAIL_CODE


@cache
def parse_control(control: str) -> dict[str, Action]:
    """Say what a control does with each answer: `ok`, `done`, …, or how many rules it skips.

    Raises:
        PamError: it is none that PAM knows.

    >>> [parse_control(word)["success"] for word in ("sufficient", "[success=2 default=ignore]")]
    ['done', 2]
    """
    said = dict(_WORDS[control]) if control in _WORDS else _parse_brackets(control)
    default = said.pop("default", "bad")
    return {code: said.get(code, default) for code in CODES}


def simulate_stack(steps: Sequence[StackRule], answers: Sequence[str]) -> tuple[str, list[int]]:
    """Walk through a stack as PAM does.

    Args:
        steps: its rules.
        answers: what each rule's module answers, one of `CODES`.

    Returns:
        What PAM answers, and the numbers of the rules whose modules were called.
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
    """Say which rule comes next when `skipped` rules after one are passed over.

    A substack counts as one rule. Returns its number, and how many rules were missing.
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
    said: dict[str, Action] = {}
    at = 0
    while inside[at:].strip(" \t"):
        pair = _PAIR.match(inside, at)
        code, verb = pair.groups() if pair else ("", "")
        if code not in (*CODES, "default") or not (verb.isdecimal() or verb in _VERBS):
            raise PamError(f"{control:.80} is no control that PAM knows")
        said[code] = int(verb) if verb.isdecimal() else verb
        if said[code] == 0:
            raise PamError(f"{control:.80} passes over no rule, which versions of PAM read apart")
        at = pair.end() if pair else len(inside)
    return said
