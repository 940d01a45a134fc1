"""An evaluation comes in; a JSON document or one self-contained HTML page goes out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from onlyme.evaluate.document import document
from onlyme.evaluate.page import page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from onlyme.evaluate.study import Evaluation

__all__ = ["to_html", "to_json"]


def to_json(evaluation: Evaluation) -> str:
    """Return one JSON document; its schema is told in `onlyme.evaluate.document`."""
    return json.dumps(document(evaluation), ensure_ascii=False, indent=2, allow_nan=False)


def to_html(evaluation: Evaluation, thumbnails: Mapping[str, bytes] | None = None) -> str:
    """Return one HTML page that needs nothing beside itself.

    Args:
        evaluation: what was found.
        thumbnails: JPEG or PNG bytes by source. **A report with faces is
            biometric data**; without this the page holds names only.

    Raises:
        UsageError: when a thumbnail is neither JPEG nor PNG.
    """
    return page(document(evaluation), thumbnails or {})
