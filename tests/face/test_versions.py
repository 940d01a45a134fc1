"""Test that no stage changes its output without a new version, and that each version counts."""

from dataclasses import replace

import pytest

from onlyme.face import pipeline as pipeline_module
from onlyme.face.versions import STAGE_VERSIONS
from onlyme.image.reader import ImageReader
from tests.face import golden

STAGES = ["decode", "detect", "subject", "align", "embed"]


def test_every_stage_is_compared():
    assert list(golden.list_stages()) == STAGES == list(golden.read_stored())
    assert list(STAGE_VERSIONS) == STAGES[1:]  # what reads pictures is handed in


@pytest.mark.parametrize("name", STAGES)
def test_the_output_of_a_stage_changes_only_with_its_version(name):
    change = golden.find_change(name, golden.list_stages()[name], golden.read_stored())
    assert not change, change


@pytest.mark.parametrize("name", STAGES)
def test_a_change_without_a_new_version_is_found(name):
    stage = golden.list_stages()[name]
    outputs = stage.compute()
    case = list(outputs)[-1]
    outputs[case] = [value + 2.0 * (-1) ** n for n, value in enumerate(outputs[case])]
    changed = replace(stage, compute=lambda: outputs)
    assert golden.find_change(name, changed, golden.read_stored()) == (
        f"the output of stage {name} changed ({case}): raise its VERSION in src/onlyme/"
        f"{stage.module} and run `python -m tests.face.golden` to store the new numbers"
    )
    missing = replace(stage, compute=dict)
    assert "raise its VERSION" in golden.find_change(name, missing, golden.read_stored())


def test_a_new_version_needs_new_numbers():
    stage = replace(golden.list_stages()["align"], version="999")
    change = golden.find_change("align", stage, golden.read_stored())
    assert "has version 999, the stored numbers have version 1" in change


def test_the_fingerprint_covers_reader_runtime_and_every_stage(pipeline, monkeypatch):
    usual = pipeline.fingerprint()
    assert len(usual) == 64
    assert pipeline.fingerprint() == usual
    assert replace(pipeline, reader=ImageReader()).fingerprint() == usual
    assert replace(pipeline, reader=ImageReader(max_pixels=1000)).fingerprint() != usual
    assert replace(pipeline, runtime="other").fingerprint() != usual
    assert replace(pipeline, runtime_version=999).fingerprint() != usual
    found = {usual}
    for stage in STAGE_VERSIONS:
        raised = {**STAGE_VERSIONS, stage: STAGE_VERSIONS[stage] + 1}
        monkeypatch.setattr(pipeline_module, "STAGE_VERSIONS", raised)
        found.add(pipeline.fingerprint())
    assert len(found) == 1 + len(STAGE_VERSIONS)


def test_a_new_version_of_reading_changes_the_fingerprint(pipeline, monkeypatch):
    from onlyme.image import reader as reader_module

    usual = pipeline.fingerprint()
    monkeypatch.setattr(reader_module, "VERSION", 999)
    assert pipeline.fingerprint() != usual
