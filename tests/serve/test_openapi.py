"""The OpenAPI document: it describes the answers, also under fuzzing."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from onlyme.events.event import DoorEvent
from onlyme.gate.audit import AuditEntry
from onlyme.serve import assertion_schemas, event_schemas, face_schemas, schemas
from onlyme.serve.compreface import documents
from onlyme.siamese.certificate import OwnerCertificate
from onlyme.types import Decision, Enrollment, Lesson, Liveness, PhotoReport, Tuning

ROOT = Path(__file__).parents[2]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.mark.parametrize(
    ("model", "made"),
    [
        (schemas.Decided, Decision),
        (schemas.Seen, Liveness),
        (schemas.Learned, Enrollment),
        (schemas.Report, PhotoReport),
        (schemas.Tuned, Tuning),
        (schemas.NotMeResult, Lesson),
        (schemas.Entry, AuditEntry),
        (event_schemas.EventRecord, DoorEvent),
    ],
    ids=lambda kind: kind.__name__,
)
def test_the_documents_have_the_fields_of_what_they_are_made_of(model, made):
    fields = (
        made._fields if made is AuditEntry else {each.name for each in dataclasses.fields(made)}
    )
    extra = {schemas.Decided: {"assertion"}, schemas.Learned: {"taken"}}.get(model, set())
    assert set(model.model_fields) == set(fields) | extra


def test_what_is_said_of_the_certificate_is_in_it():
    assert set(schemas.Certificate.model_fields) <= {
        each.name for each in dataclasses.fields(OwnerCertificate)
    }


PARTS = (schemas, face_schemas, assertion_schemas, event_schemas, documents)
DOCUMENTS = [document for part in PARTS for document in part.DOCUMENTS]


@pytest.mark.parametrize("model", DOCUMENTS, ids=lambda model: model.__name__)
def test_the_examples_are_examples(model):
    for example in model.model_config.get("json_schema_extra", {}).get("examples", []):
        assert set(example) <= set(model.model_validate(example).model_fields_set)


def test_every_document_that_is_referred_to_is_there(running):
    document = running.client().get("/v1/openapi.json").text
    import json
    import re

    schemas_ = json.loads(document)["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', document)) <= set(schemas_)


def test_the_reference_page_is_current():
    done = subprocess.run(
        [sys.executable, ROOT / "tools/rest_reference.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("scope", ["admin", "verify", "embeddings"])
def test_whatever_is_sent_the_answer_is_as_documented(served, scope):
    """Schemathesis makes up requests, good and bad, from the document; see its docs."""
    with served(compreface=True, embeddings=True) as running:
        headers = {"Authorization": f"Bearer {running.secrets[scope]}"}
        schema = schemathesis.openapi.from_url(f"{running.url}/v1/openapi.json", headers=headers)
        seen = [fuzz(each.ok(), headers) for each in schema.get_all_operations()]
        assert len(seen) >= 15
        assert running.client().get("/v1/names").status_code == 200


def fuzz(operation, headers):
    @hypothesis.settings(
        max_examples=8,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(operation.as_strategy())
    def one(case):
        case.call_and_validate(headers=headers, checks=CHECKS, timeout=60)

    one()
    return operation.label
