"""Describe, for OpenAPI, how people are listed and renamed; see `onlyme.serve.schemas`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["Listed", "Renamed"]


def _make_config(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


class Listed(BaseModel):
    """One of all enrolled people."""

    model_config = _make_config(
        name="ada",
        where="vault",
        photos=5,
        created="2026-11-24T03:44:27+00:00",
        needs_reenroll=False,
    )
    name: str
    where: Literal["vault", "gallery"]
    photos: int
    created: datetime | None
    needs_reenroll: bool


class Renamed(BaseModel):
    """A person has another name."""

    model_config = _make_config(name="Ada Lovelace", renamed_from="ada")
    name: str
    renamed_from: str
