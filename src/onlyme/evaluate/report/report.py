"""Write an evaluation as a JSON document or as one self-contained HTML page."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from onlyme.evaluate.report.document import make_document
from onlyme.evaluate.report.page import list_sources, render_evaluation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onlyme.evaluate.evaluation import Evaluation

__all__ = ["list_pictured_sources", "to_html", "to_json"]

# JSON and the page are often written together; resampling people takes seconds.
_document = lru_cache(maxsize=1)(make_document)


def to_json(evaluation: Evaluation) -> str:
    """Return one JSON document; see `onlyme.evaluate.report.document` for its schema."""
    return json.dumps(_document(evaluation), ensure_ascii=False, indent=2, allow_nan=False)


def list_pictured_sources(evaluation: Evaluation) -> tuple[str, ...]:
    """Return the sources that `to_html` shows when it is given thumbnails of them."""
    return list_sources(_document(evaluation))


def to_html(evaluation: Evaluation, thumbnails: Mapping[str, bytes] | None = None) -> str:
    """Return one HTML page that loads nothing from outside.

    Args:
        evaluation: the results.
        thumbnails: JPEG or PNG bytes by source. **A report with faces is
            biometric data**; without this the page holds names only.

    Raises:
        UsageError: when a thumbnail is neither JPEG nor PNG.
    """
    return render_evaluation(_document(evaluation), thumbnails or {})
