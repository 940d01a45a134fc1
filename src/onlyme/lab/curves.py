"""Log the curves of a training as one CSV table that a continued run goes on with."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from onlyme.storage.files import replace_public

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["CurveTable"]


class CurveTable(Logger):
    """Write `metrics.csv`: one row for each step, one column for each figure.

    Lightning's own CSV logger removes the rows of a run that is continued. This one keeps those
    up to the checkpoint, and drops the later ones, since the run takes these steps again.

    Args:
        folder: the folder of the table; created when the first row is written.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._path = folder / "metrics.csv"
        self._columns: list[str] = ["step"]
        self._row: dict[str, Any] = {}
        self._begun = False

    @property
    def name(self) -> str:
        """Name of the logger."""
        return "curves"

    @property
    def version(self) -> str:
        """One table has no versions."""
        return ""

    @rank_zero_only
    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """The options stand in the run's own file."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add figures to the row of a step; the row is written when the next step begins."""
        number = step or 0
        if not self._begun:
            self._keep_rows_before(number)
        if self._row and self._row["step"] != number:
            self._write_row()
        self._row["step"] = number
        self._row |= {key: value for key, value in metrics.items() if key != "epoch"}

    @rank_zero_only
    def finalize(self, status: str) -> None:  # noqa: ARG002 - Lightning's signature
        """Write the last row."""
        if self._row:
            self._write_row()

    def _keep_rows_before(self, step: int) -> None:
        self._begun = True
        self._folder.mkdir(parents=True, exist_ok=True)
        rows: list[dict[str, str]] = []
        if self._path.exists():
            with self._path.open(newline="") as file:
                rows = [row for row in csv.DictReader(file) if int(row["step"]) < step]
        if rows:
            self._columns = list(rows[0])
        self._write_table(rows)

    def _write_row(self) -> None:
        if set(self._row) <= set(self._columns):
            with self._path.open("a", newline="") as file:
                csv.DictWriter(file, self._columns).writerow(self._row)
        else:
            with self._path.open(newline="") as file:
                rows: list[dict[str, Any]] = list(csv.DictReader(file))
            self._columns += [key for key in self._row if key not in self._columns]
            self._write_table([*rows, self._row])
        self._row = {}

    def _write_table(self, rows: list[Any]) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self._columns)
        writer.writeheader()
        writer.writerows(rows)
        replace_public(self._path, text.getvalue().encode())
