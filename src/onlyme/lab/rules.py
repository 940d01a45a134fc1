"""Name the rules by which a trained network decides about a face.

The article's demo asks one pair: one stored photo of the owner and one of a stranger. The
face is accepted when the loss of that one triplet is zero. onlyme's lab can also ask all
pairs, and accept only when the loss of every triplet is zero. The same network has other
errors by the one rule than by the other, so every figure says by which rule it was counted.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from onlyme.errors import UsageError

__all__ = ["RULES", "Rule", "check_rule", "describe_rule", "draw_pair", "get_default_rule"]

Rule = Literal["pair", "all"]

RULES: tuple[Rule, ...] = get_args(Rule)

_DESCRIPTIONS: dict[Rule, str] = {
    "pair": "the article's rule, one stored pair",
    "all": "our rule, all stored photos",
}


def get_default_rule(way: str) -> Rule:
    """Return the rule of a way: the article's for its own networks, ours for `compact`.

    A classifier compares with no stored photo, so both rules are the same for it.

    >>> get_default_rule("article"), get_default_rule("compact")
    ('pair', 'all')
    """
    return "all" if way == "compact" else "pair"


def describe_rule(rule: Rule) -> str:
    """Return the name of a rule, for people."""
    return _DESCRIPTIONS[rule]


def check_rule(word: str) -> Rule:
    """Return the rule of that name.

    Raises:
        UsageError: when there is no such rule.
    """
    for rule in RULES:
        if rule == word:
            return rule
    raise UsageError(f"no rule is called {word!r}; known: {', '.join(RULES)}")


def draw_pair(count: int, seed: int) -> int:
    """Draw the pair that the article's rule asks.

    Args:
        count: number of pairs.
        seed: the same seed draws the same pair.

    >>> draw_pair(70, seed=0) == draw_pair(70, seed=0)
    True
    """
    return int(np.random.default_rng((seed, count)).integers(count))
