"""Rotate the vectors of a template before it is stored, and rotate them back when it is read.

Each write draws a new salt, hence a new rotation for each group of vectors. The owner's vectors
and other people's have different rotations: photos of others may be public, and an attacker who
knows them learns their rotation, but not the owner's.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from onlyme.errors import UsageError, VaultDamaged
from onlyme.storage.crypto import derive_key, encode_parts
from onlyme.storage.rotation import Rotation

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from onlyme.storage.crypto import Keys
    from onlyme.storage.template import Template, Value

__all__ = ["protect", "unprotect"]

_SALT_BYTES = 32


def protect(template: Template, keys: Keys) -> Template:
    """Rotate the vectors of people, with a new salt.

    Raises:
        UsageError: it is rotated already, or a value that it calls secret holds no vectors.
    """
    if template.salt:
        raise UsageError("this template is rotated already")
    salt = os.urandom(_SALT_BYTES)
    return replace(template, values=_rotate_values(template, keys, salt, back=False), salt=salt)


def unprotect(template: Template, keys: Keys) -> Template:
    """Undo `protect`.

    Raises:
        VaultDamaged: a value that it calls secret holds no vectors.
    """
    if not template.salt:
        return template
    try:
        values = _rotate_values(template, keys, template.salt, back=True)
    except UsageError as error:
        raise VaultDamaged(str(error)) from None
    return replace(template, values=values, salt=b"")


def _rotate_values(template: Template, keys: Keys, salt: bytes, *, back: bool) -> dict[str, Value]:
    rotations: dict[tuple[str, int], Rotation] = {}
    values = dict(template.values)
    for name, group in template.secret.items():
        rows = _check_vectors(values.get(name), name)
        if not rows.size:
            continue
        dimension = rows.shape[-1]
        if (group, dimension) not in rotations:
            seed = derive_key(
                keys.transform, salt, encode_parts("rotation", group, dimension).hex()
            )
            rotations[group, dimension] = Rotation(seed, dimension)
        rotation = rotations[group, dimension]
        rotate = rotation.rotate_back if back else rotation.rotate
        values[name] = rotate(rows.reshape(-1, dimension)).reshape(rows.shape)
    return values


def _check_vectors(value: object, name: str) -> NDArray[Any]:
    if isinstance(value, np.ndarray) and value.ndim in {1, 2} and value.dtype.name == "float32":
        return value
    raise UsageError(f"{name} is called secret, but holds no float32 vectors")
