"""Write a network into a folder of the user's own networks, with its entry in the manifest."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from typing import TYPE_CHECKING

from onlyme.errors import UsageError
from onlyme.storage.files import replace_public

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["check_entry", "write_entry"]

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_RESERVED = frozenset({"detector", "embedder", "liveness"})


def check_entry(folder: Path, name: str, *, replace: bool) -> None:
    """Check that a network can be written under a name.

    Raises:
        UsageError: when the name is not allowed, or is taken and `replace` is False.
    """
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise UsageError(
            f"{name!r} cannot be the name of a network: use a small letter, then small letters, "
            "digits and hyphens, 40 in all, but not detector, embedder or liveness"
        )
    if name in _read_entries(folder / "manifest.toml") and not replace:
        raise UsageError(
            f"{folder} already holds a network called {name}; to replace it, add --replace"
        )


def write_entry(folder: Path, name: str, content: bytes, entry: Mapping[str, object]) -> Path:
    """Write a network's file, then its entry; return the file's path.

    The file has a new name each time: a process that uses the old one keeps it.

    Args:
        folder: of further networks; created when it is missing.
        name: of the entry, which is replaced where there is one.
        content: the file's bytes.
        entry: title and input of the network, as in `face.models.Model`; None is left out.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    path = folder / f"{name}-{sha256[:12]}.onnx"
    folder.mkdir(parents=True, exist_ok=True)
    replace_public(path, content)
    entries = _read_entries(folder / "manifest.toml")
    entries[name] = {
        "file": path.name, "sha256": sha256, "licence": "LicenseRef-own",
        "origin": "trained in the onlyme lab", "needed_for": f"--embedder {name}",
        **{key: value for key, value in entry.items() if value is not None},
    }  # fmt: skip
    lines = ["# Networks exported by `onlyme lab export`. Checked by sha256 at each load."]
    for title, values in entries.items():
        rows = (f"{key} = {_format_toml(value)}" for key, value in values.items())
        lines += ["", f"[{title}]", *rows]
    replace_public(folder / "manifest.toml", ("\n".join(lines) + "\n").encode())
    return path


def _read_entries(path: Path) -> dict[str, dict[str, object]]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} is not a manifest of models ({error}); choose another folder"
        ) from None


def _format_toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_format_toml(v)}" for key, v in value.items()) + " }"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    return json.dumps(str(value), ensure_ascii=False)  # JSON and TOML escape alike
