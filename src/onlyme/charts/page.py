"""Build one HTML page that loads nothing from outside.

A policy in the page forbids scripts and every outside resource, in case a name
slips through unescaped.
"""

from __future__ import annotations

import base64
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from onlyme.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["embed_image", "render_figure", "render_page", "render_table"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def render_page(title: str, body: str) -> str:
    """Return the whole page.

    Args:
        title: plain text.
        body: HTML, with all names in it escaped.
    """
    folder = files("onlyme.charts")
    style = "".join(
        folder.joinpath(name).read_text(encoding="utf-8") for name in ("chart.css", "page.css")
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def render_figure(content: str, caption: str) -> str:
    """Frame a chart or pictures; content and caption are HTML already."""
    return f"<figure>{content}<figcaption>{caption}</figcaption></figure>"


def render_table(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = ""
) -> str:
    """Return a table whose first column names the rows.

    Args:
        caption: plain text.
        head: plain text, one for each column.
        rows: cells, HTML already.
        kind: CSS class: `words` for columns of text, which then stand at the left.
    """
    columns = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(f"<td>{cell}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll"><table class="{kind}"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def embed_image(content: bytes, text: str) -> str:
    """Return a picture that is part of the page.

    Args:
        content: a JPEG or PNG file.
        text: plain text for readers who do not see it.

    Raises:
        UsageError: when the content is neither JPEG nor PNG.
    """
    if content.startswith(b"\xff\xd8\xff"):
        kind = "jpeg"
    elif content.startswith(b"\x89PNG\r\n\x1a\n"):
        kind = "png"
    else:
        raise UsageError(f"the picture of {text} is neither JPEG nor PNG")
    data = base64.b64encode(content).decode("ascii")
    return f'<img alt="{escape(text)}" src="data:image/{kind};base64,{data}">'
