"""Count errors, say how sure the rate is, and write rates as text.

The intervals are exact (Clopper and Pearson) and treat the comparisons as
independent. `onlyme.evaluate.intervals` adds intervals over people.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from onlyme.errors import UsageError

__all__ = [
    "ErrorRate",
    "capitalize",
    "clopper_pearson",
    "describe_modelled_bound",
    "describe_proven_bound",
    "describe_set_rate",
    "format_odds",
    "format_percent",
    "format_rate",
    "make_rate",
    "upper_bound",
]

_MOST_PASS, _LEAST_SAID = 0.5, 1e-7
"""False accept rates above the one are no promise; below the other no number is said."""


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """Errors counted among comparisons.

    Attributes:
        count: number of errors.
        total: number of comparisons.
        low: lower end of the interval, 0 to 1.
        high: upper end of the interval, 0 to 1.
    """

    count: int
    total: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share of errors, 0 to 1; NaN when nothing was compared."""
        return self.count / self.total if self.total else math.nan

    def to_dict(self) -> dict[str, float | int | None]:
        """Return all numbers for JSON; the value of 0 of 0 is None.

        >>> make_rate(0, 0).to_dict()
        {'count': 0, 'total': 0, 'value': None, 'low': 0.0, 'high': 1.0}
        """
        return {
            "count": self.count,
            "total": self.total,
            "value": self.value if self.total else None,
            "low": self.low,
            "high": self.high,
        }


def clopper_pearson(count: int, total: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact two-sided interval of a binomial share.

    Source: Clopper and Pearson, "The use of confidence or fiducial limits
    illustrated in the case of the binomial", Biometrika 26 (1934). It holds
    its confidence for every share, and is rather too wide than too narrow. It
    treats the comparisons as independent.

    Args:
        count: errors, 0 to total.
        total: comparisons; 0 gives (0, 1): nothing is known.
        confidence: between 0 and 1.

    Raises:
        UsageError: when count, total or confidence is out of range.

    >>> low, high = clopper_pearson(0, 3000)
    >>> low, round(high * 3000, 2)
    (0.0, 3.69)
    """
    _check_count(count, total, confidence)
    from scipy.special import betaincinv

    if total == 0:
        return 0.0, 1.0
    tail = (1.0 - confidence) / 2.0
    low = 0.0 if count == 0 else float(betaincinv(count, total - count + 1, tail))
    high = 1.0 if count == total else float(betaincinv(count + 1, total - count, 1.0 - tail))
    return low, high


def upper_bound(count: int, total: int, *, confidence: float = 0.95) -> float:
    """Return the exact one-sided upper bound: "at most …, with 95 % confidence".

    Without any error this is the "rule of three": 3 / total (Hanley and
    Lippman-Hand, JAMA 249, 1983; ISO/IEC 19795-1 names it as well).

    Raises:
        UsageError: when count, total or confidence is out of range.

    >>> round(upper_bound(0, 3000) * 3000, 2)
    2.99
    """
    _check_count(count, total, confidence)
    from scipy.special import betaincinv

    return 1.0 if count == total else float(betaincinv(count + 1, total - count, confidence))


def make_rate(count: int, total: int, *, confidence: float = 0.95) -> ErrorRate:
    """Return a counted rate with its Clopper-Pearson interval.

    Raises:
        UsageError: when count, total or confidence is out of range.

    >>> make_rate(3, 1000).value
    0.003
    """
    return ErrorRate(int(count), int(total), *clopper_pearson(count, total, confidence=confidence))


def format_odds(value: float) -> str:
    """Write a small rate as odds.

    >>> format_odds(1e-4), format_odds(0.00029), format_odds(0.3)
    ('1 in 10,000', '1 in 3,450', '1 in 3.3')
    """
    if not value > 0:
        return "none"
    one_in = 1.0 / value
    if one_in < 20:
        return f"1 in {one_in:.1f}".removesuffix(".0")
    digits = max(0, len(str(int(one_in))) - 3)
    return f"1 in {round(one_in, -digits):,.0f}"


def capitalize(text: str) -> str:
    """Return text with a capital letter in front, the rest as it is."""
    return text[:1].upper() + text[1:]


def describe_set_rate(far: float | None, of: str = "strangers") -> str:
    """Say which false accept rate an alpha is set for: an estimate, by calibration.

    With `describe_proven_bound` it is the one wording of a rate: command line, service, page,
    certificates and evaluation use these two.

    Args:
        far: the rate; None without calibration.
        of: what is counted; `searches` for a gallery.

    >>> describe_set_rate(1e-4), describe_set_rate(1e-3, "searches")
    ('set for 1 in 10,000 strangers (estimate)', 'set for 1 in 1,000 searches (estimate)')
    >>> describe_set_rate(None)
    'no promise: this network is not calibrated'
    """
    if far is None:
        return "no promise: this network is not calibrated"
    if far > _MOST_PASS:
        return "set so that almost every stranger passes"
    if far < _LEAST_SAID:
        return f"set for less than {format_odds(_LEAST_SAID)} {of} (estimate)"
    return f"set for {format_odds(far)} {of} (estimate)"


def describe_proven_bound(bound: float, of: str = "strangers", *, confidence: float = 0.95) -> str:
    """Say which rate was shown not to be exceeded, by counting; see `describe_set_rate`.

    The number of tries is rounded down: rounded up it would claim more than was shown.

    >>> describe_proven_bound(1 / 4497.9)
    'proven: at most 1 in 4,497 strangers (95 % bound)'
    >>> describe_proven_bound(0.4, "searches")
    'proven: at most 1 in 2.5 searches (95 % bound)'
    """
    return f"proven: at most {_format_least_odds(bound)} {of} ({100 * confidence:.0f} % bound)"


def describe_modelled_bound(bound: float, of: str = "strangers") -> str:
    """Say which bound a model of the tail gives, beyond what was counted.

    >>> describe_modelled_bound(1 / 88_000)
    'modelled, not proven: at most 1 in 88,000 strangers (extrapolated)'
    """
    return f"modelled, not proven: at most {_format_least_odds(bound)} {of} (extrapolated)"


def _format_least_odds(rate: float) -> str:
    one_in = 1.0 / rate
    if one_in < 20:
        return f"1 in {math.floor(10 * one_in + 1e-9) / 10:.1f}".removesuffix(".0")
    return f"1 in {math.floor(one_in + 1e-6):,}"


def format_percent(value: float) -> str:
    """Write a share in percent, with two or three significant digits.

    >>> [format_percent(share) for share in (0.00374, 0.1234, 0.0000123, 0)]
    ['0.37 %', '12 %', '0.0012 %', '0 %']
    """
    if value == 0:
        return "0 %"
    hundred = 100 * value
    if hundred >= 10:
        return f"{hundred:.2f} %" if 99 <= hundred < 100 else f"{hundred:.0f} %"
    decimals = 1
    while decimals < 8 and hundred < 10 ** (1 - decimals):
        decimals += 1
    return f"{hundred:.{decimals}f} %"


def format_rate(rate: ErrorRate) -> str:
    """Write a counted rate with its counts and its interval.

    >>> format_rate(make_rate(1, 40))
    '2.5 % (1 of 40; 95 %: 0.1 to 13.2 %)'
    """
    share = f"{100 * rate.value:.1f} %" if rate.total else "–"
    low, high = 100 * rate.low, 100 * rate.high
    return f"{share} ({rate.count} of {rate.total}; 95 %: {low:.1f} to {high:.1f} %)"


def _check_count(count: int, total: int, confidence: float) -> None:
    if not 0 <= count <= total:
        raise UsageError(f"{count} errors among {total} comparisons are impossible")
    if not 0.0 < confidence < 1.0:
        raise UsageError("a confidence lies between 0 and 1, such as 0.95")
