"""Print messages as lines that fit the terminal and break between words."""

from __future__ import annotations

import re
import shutil
import sys
from typing import Any

import typer

__all__ = ["count_cells", "read_width", "say", "wrap_line", "wrap_text"]

_DEFAULT_WIDTH, _MIN_WIDTH = 80, 40  # of a terminal, in characters
_HANG = "  "
"""How much further the rest of a broken line is indented."""

_STYLES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_COLUMN = re.compile(r"(?<!:) {2,}")
"""What stands between two columns of a table, where a row is best broken; not after a label."""


def read_width() -> int:
    """Return the width of the terminal in characters, as COLUMNS or the terminal says."""
    return max(_MIN_WIDTH, shutil.get_terminal_size((_DEFAULT_WIDTH, 24)).columns)


def say(text: str = "", *, err: bool = False, **style: Any) -> None:
    """Print a message; on a terminal no line of it is wider than that.

    Elsewhere each line stays whole, so that programs can read it.
    What another program must be able to copy, such as JSON or a file's text, is for `typer.echo`.

    Args:
        text: one line or several.
        err: whether to print on standard error.
        style: as `typer.style` takes it.
    """
    stream = sys.stderr if err else sys.stdout  # None where it was closed
    if stream is not None and stream.isatty():
        text = wrap_text(text)
    typer.secho(text, err=err, **style)


def wrap_text(text: str, indent: str | None = None) -> str:
    """Break the lines of a text, so that none is wider than the terminal.

    Args:
        text: one line or several.
        indent: of every line; by default the rest of a broken line hangs by two.
    """
    width = read_width()
    lines = (f"{indent or ''}{line}" for line in text.split("\n"))
    return "\n".join(wrap_line(line, width, indent) for line in lines)


def wrap_line(line: str, width: int, indent: str | None = None) -> str:
    """Break a line between columns where these fit, and else between words.

    A word that is wider than the line, such as a path, stays whole.

    Args:
        line: without a line end; styles have no width.
        width: in characters of the terminal.
        indent: of the lines after the first; by default two more than the first has.

    >>> print(wrap_line("ada   3 photos   set for 1 in 10,000 strangers", 32))
    ada   3 photos
      set for 1 in 10,000 strangers
    """
    if count_cells(line) <= width:
        return line
    body = line.lstrip(" ")
    begin = line[: len(line) - len(body)]
    rest = begin + _HANG if indent is None else indent
    rows, row, gap = [], begin, ""
    for piece, follows in _split(body, width - len(rest)):
        if row.strip() and count_cells(row + gap + piece) > width:
            rows.append(row)
            row, gap = rest, ""
        row, gap = row + gap + piece, follows
    return "\n".join([*rows, row])


def _split(body: str, width: int) -> list[tuple[str, str]]:
    """Return the pieces that stay whole, each with the space after it.

    These are columns, if the row has several and all fit a line of their own, and else words.
    """
    columns = _COLUMN.split(body)
    if len(columns) == 1 or any(count_cells(column) > width for column in columns):
        columns = re.split(r" +", body)
        gaps = re.findall(r" +", body)
    else:
        gaps = _COLUMN.findall(body)
    return list(zip(columns, [*gaps, ""], strict=True))


def count_cells(text: str) -> int:
    """Return how many characters of the terminal a text takes.

    >>> count_cells("né"), count_cells("e\N{COMBINING ACUTE ACCENT}"), count_cells("李")
    (2, 1, 2)
    """
    plain = _STYLES.sub("", text)
    if plain.isascii():
        return len(plain)
    from unicodedata import combining, east_asian_width  # most lines have no such letters

    return sum(
        0 if combining(sign) else 2 if east_asian_width(sign) in "WF" else 1 for sign in plain
    )
