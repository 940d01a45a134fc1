"""Describe the JSON documents of CompreFace's recognition API for OpenAPI."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from onlyme.serve.schemas import make_config

__all__ = [
    "DOCUMENTS",
    "DeletedFaces",
    "DeletedSubjects",
    "FacePage",
    "Recognized",
    "StoredFace",
    "SubjectList",
    "SubjectName",
    "SubjectUpdated",
    "VerifiedFaces",
    "describe_document",
]


def describe_document(model: type[BaseModel], *, several: bool = False) -> dict[str, Any]:
    """Return the description of a body that is a JSON document without pictures."""
    schema: dict[str, Any] = {"$ref": f"#/components/schemas/{model.__name__}"}
    if several:
        schema = {"type": "array", "items": {"type": "string"}}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


class SubjectName(BaseModel):
    """The name of a subject, which is a person."""

    model_config = make_config(subject="ada")
    subject: str


class SubjectList(BaseModel):
    """The names of all subjects."""

    model_config = make_config(subjects=["ada", "bob"])
    subjects: list[str]


class SubjectUpdated(BaseModel):
    """A subject has another name."""

    updated: bool


class DeletedSubjects(BaseModel):
    """The number of subjects that were erased."""

    deleted: int


class DeletedFaces(BaseModel):
    """The number of faces that were erased."""

    deleted: int


class StoredFace(BaseModel):
    """A face from which a subject was learned."""

    model_config = make_config(image_id="YWRh.1", subject="ada")
    image_id: str
    subject: str


class FacePage(BaseModel):
    """A page of faces."""

    faces: list[StoredFace]
    page_number: int
    page_size: int
    total_pages: int
    total_elements: int


class FaceBox(BaseModel):
    """Where a face is, in pixels, and how certain it is that it is one."""

    probability: float
    x_max: int
    y_max: int
    x_min: int
    y_min: int


class Likeness(BaseModel):
    """How much a face is like a subject."""

    subject: str
    similarity: float = Field(
        description="For tokens that may not see scores, 1 for an accepted face and 0 otherwise."
    )


class RecognizedFace(BaseModel):
    """A face of a picture, and whom it shows."""

    box: FaceBox
    subjects: list[Likeness] = Field(description="Empty for a stranger.")
    landmarks: list[list[int]] | None = None


class Recognized(BaseModel):
    """The faces of a picture, the largest first."""

    model_config = make_config(
        result=[
            {
                "box": {"probability": 0.99, "x_max": 331, "y_max": 256, "x_min": 210, "y_min": 96},
                "subjects": [{"subject": "ada", "similarity": 1.0}],
            }
        ]
    )
    result: list[RecognizedFace]
    plugins_versions: dict[str, str] | None = None


class VerifiedFace(Likeness):
    """A face of a picture, compared with one subject."""

    box: FaceBox
    landmarks: list[list[int]] | None = None


class VerifiedFaces(BaseModel):
    """The faces of a picture, compared with one subject."""

    result: list[VerifiedFace]
    plugins_versions: dict[str, str] | None = None


DOCUMENTS: list[type[BaseModel]] = [
    *(SubjectName, SubjectList, SubjectUpdated, DeletedSubjects, DeletedFaces, StoredFace),
    *(FacePage, Recognized, VerifiedFaces),
]
"""The documents of these routes."""
