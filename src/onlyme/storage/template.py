r"""Write one owner's template as bytes, and read it back.

    magic   8 bytes   b"onlyme\x00" and the format version, 1 or 2
    size    4 bytes   length of the header, little-endian
    header  JSON      name, model, created, and for each value its kind: a number,
                      a string, or an array's dtype and shape; since format 2 also which
                      arrays are a person's vectors, and the salt of their rotation
    arrays  raw       in the order of the header, little-endian, C order
    digest  32 bytes  SHA-256 of all bytes before it, to notice damage

Reading executes nothing, and checks every length against the bytes that are there before it
allocates memory.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from onlyme.errors import UsageError, VaultDamaged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Value = bool | int | float | str | None | list[str] | NDArray[Any]

__all__ = ["TEMPLATE_FORMAT", "Template", "from_bytes", "to_bytes"]

TEMPLATE_FORMAT = 2
_READABLE_FORMATS = (1, 2)
_MAGIC = b"onlyme\x00"
_DTYPES = frozenset({"float32", "float64", "int32", "int64", "uint8"})


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """What is stored of one owner.

    Attributes:
        name: the owner.
        model: sha256 of the network that made the embeddings in it.
        created: when it was made or last changed, in UTC.
        values: numbers, strings, lists of strings and arrays, by name; the vault does not
            know what they mean.
        secret: the values whose rows are vectors of people, each with the group that
            shares a rotation: `me` for the owner, `others` for other people.
        salt: of the rotation that was applied to these rows; empty when they are plain.
        format: version of the format it was read from.
    """

    name: str
    model: str
    created: datetime
    values: Mapping[str, Value]
    secret: Mapping[str, str] = field(default_factory=dict)
    salt: bytes = b""
    format: int = TEMPLATE_FORMAT

    def __repr__(self) -> str:
        """Say whose it is, without its values: an embedding never reaches a log."""
        return f"Template({self.name!r}, model={self.model[:12]}…, created={self.created:%Y-%m-%d})"

    def needs_reenroll(self, model: str) -> bool:
        """Whether `model`, the network in use, is another than the one that made this template."""
        return self.model != model


def to_bytes(template: Template) -> bytes:
    """Return a template as bytes.

    Raises:
        UsageError: it holds a value that the format cannot store.
    """
    fields: list[list[Any]] = []
    arrays: list[bytes] = []
    for key, value in template.values.items():
        if isinstance(value, np.ndarray):
            if value.dtype.name not in _DTYPES:
                raise UsageError(f"{key}: arrays of {value.dtype} cannot be stored")
            fields.append([key, value.dtype.name, list(value.shape)])
            arrays.append(
                np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<")).tobytes()
            )
        else:
            fields.append([key, "json", value])
    header = {
        "name": template.name,
        "model": template.model,
        "created": template.created.astimezone(UTC).isoformat(),
        "fields": fields,
        "secret": dict(template.secret),
        "salt": template.salt.hex(),
    }
    try:
        text = json.dumps(header, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise UsageError(f"this template cannot be stored: {error}") from None
    body = b"".join([_MAGIC, bytes([TEMPLATE_FORMAT]), struct.pack("<I", len(text)), text, *arrays])
    return body + hashlib.sha256(body).digest()


def from_bytes(data: bytes) -> Template:
    """Read a template.

    Raises:
        VaultDamaged: `to_bytes` did not write these bytes.
    """
    body, digest = data[:-32], data[-32:]
    if len(body) < 12 or body[:7] != _MAGIC:
        raise VaultDamaged("this is not a template of onlyme")
    if body[7] not in _READABLE_FORMATS:
        raise VaultDamaged(
            f"this template has format {body[7]}; this onlyme reads up to format {TEMPLATE_FORMAT}"
        )
    if hashlib.sha256(body).digest() != digest:
        raise VaultDamaged("a template is damaged: its bytes are not those that were written")
    try:
        return _parse(body)
    except (KeyError, ValueError, TypeError, AttributeError, struct.error, RecursionError) as error:
        raise VaultDamaged(f"a template is damaged ({type(error).__name__})") from None


def _parse(body: bytes) -> Template:
    (size,) = struct.unpack_from("<I", body, 8)
    header = json.loads(body[12 : 12 + size])
    at = 12 + size
    values: dict[str, Value] = {}
    for key, kind, content in header["fields"]:
        if kind == "json":
            values[key] = content
            continue
        if kind not in _DTYPES:
            raise ValueError(kind)
        dtype = np.dtype(kind).newbyteorder("<")
        length = math.prod(content) * dtype.itemsize
        if min(content, default=0) < 0 or at + length > len(body):
            raise ValueError(key)
        array = np.frombuffer(body[at : at + length], dtype).reshape(content)
        values[key] = array.astype(dtype.newbyteorder("="))
        at += length
    if at != len(body):
        raise ValueError("bytes left over")
    return Template(
        name=str(header["name"]),
        model=str(header["model"]),
        created=datetime.fromisoformat(header["created"]),
        values=values,
        secret={str(key): str(group) for key, group in header.get("secret", {}).items()},
        salt=bytes.fromhex(header.get("salt", "")),
        format=body[7],
    )
