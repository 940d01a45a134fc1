"""Try to open with further networks that are missing, altered, broken, or say no."""

import hashlib

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from onlyme.errors import SettingsError
from onlyme.faceid import networks
from onlyme.liveness.extra import ExtraCheck, apply_extra_checks
from onlyme.settings import Settings
from onlyme.types import ExtraNetwork, Face, Liveness, LivenessLevel, Verdict

LIVE = Liveness(LivenessLevel.PASSIVE, Verdict.LIVE, 0.9)
FACE = Face(np.array([40, 30, 60, 60], np.float32), np.zeros((5, 2), np.float32), 0.9)
PIXELS = np.full((120, 160, 3), (200, 100, 50), np.uint8)

ENTRY = """
[[liveness.extra]]
path = "{path}"
sha256 = "{sha256}"
side = 32
colours = "rgb"
scale = 1.0
mean = 0.0
context = 1.5
live_class = 1
output = "{output}"
threshold = 0.5
"""


def write_network(path, live, other=0.0):
    """Write a tiny network with two outputs: of an attack and of a living person."""
    picture = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 32, 32])
    scores = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])
    values = np.array([other, live], np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["x"], ["m"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("Mul", ["m", "zero"], ["z"]),
            helper.make_node("Reshape", ["z", "one"], ["r"]),
            helper.make_node("Add", ["r", "b"], ["y"]),
        ],
        "tiny", [picture], [scores],
        [
            helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0]),
            helper.make_tensor("one", TensorProto.INT64, [2], [1, 1]),
            helper.make_tensor("b", TensorProto.FLOAT, [1, 2], values),
        ],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return hashlib.sha256(path.read_bytes()).hexdigest()


def settings_with(tmp_path, monkeypatch, text):
    file = tmp_path / "config.toml"
    file.write_text(text)
    monkeypatch.setenv("ONLYME_CONFIG", str(file))
    return Settings.load()


def judge_with(tmp_path, monkeypatch, live, *, output="logits", spoil=None):
    path = tmp_path / "extra.onnx"
    sha256 = write_network(path, live)
    if spoil is not None:
        spoil(path)
    entry = ENTRY.format(path=path, sha256=sha256, output=output)
    settings = settings_with(tmp_path, monkeypatch, entry)
    checks = networks.load_extra_checks(settings.liveness_extra)
    measured = [tuple(one.measure(PIXELS, FACE) for one in checks)] * 3
    return apply_extra_checks(LIVE, checks, measured)


def test_a_further_network_that_agrees_changes_nothing(tmp_path, monkeypatch):
    assert judge_with(tmp_path, monkeypatch, 4.0) == LIVE
    assert judge_with(tmp_path, monkeypatch, 0.9, output="probabilities") == LIVE


def test_a_further_network_refuses(tmp_path, monkeypatch):
    refused = judge_with(tmp_path, monkeypatch, -4.0)
    assert refused.verdict is Verdict.ATTACK
    assert "extra.onnx refused" in refused.note


@pytest.mark.parametrize("verdict", [Verdict.ATTACK, Verdict.UNDECIDED])
def test_a_further_network_accepts_nothing(tmp_path, monkeypatch, verdict):
    path = tmp_path / "extra.onnx"
    entry = ENTRY.format(path=path, sha256=write_network(path, 9.0), output="logits")
    settings = settings_with(tmp_path, monkeypatch, entry)
    checks = networks.load_extra_checks(settings.liveness_extra)
    before = Liveness(LivenessLevel.PASSIVE, verdict, 0.3)
    assert apply_extra_checks(before, checks, [(1.0,)]) == before


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes() + b"\0"),
        lambda path: path.write_bytes(b""),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["missing", "altered", "empty", "a folder"],
)
def test_a_missing_or_altered_network_denies(tmp_path, monkeypatch, spoil):
    denied = judge_with(tmp_path, monkeypatch, 9.0, spoil=spoil)
    assert denied.verdict is Verdict.UNDECIDED
    assert "gave no answer" in denied.note


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_network_without_a_number_denies(tmp_path, monkeypatch, value):
    assert judge_with(tmp_path, monkeypatch, value).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("shape", "allows"),
    [((2,), True), ((1, 2), True), ((1, 2, 1, 1), True)]
    + [(shape, False) for shape in ((2, 2), (2, 1, 2), (1, 2, 3, 3), (1, 1), (1, 0), ())],
)
@pytest.mark.parametrize("output", ["logits", "probabilities"])
def test_only_one_number_for_each_class_is_an_answer(tmp_path, shape, allows, output):
    """A map of scores or several rows would be read at a place that means something else."""
    path = tmp_path / "shaped.onnx"
    path.write_bytes(b"")
    network = ExtraNetwork(
        path, "0" * 64, side=32, colours="rgb", scale=1.0, mean=0.0, context=1.5,
        live_class=1, output=output, threshold=0.5,
    )  # fmt: skip
    check = ExtraCheck(network, lambda _: [np.ones(shape, np.float32)])
    measured = check.measure(PIXELS, FACE)
    assert np.isfinite(measured) == allows
    if not allows:
        denied = apply_extra_checks(LIVE, [check], [(measured,)] * 3)
        assert denied.verdict is Verdict.UNDECIDED


@pytest.mark.parametrize("value", [-0.5, 1.5])
def test_a_probability_out_of_range_denies(tmp_path, monkeypatch, value):
    denied = judge_with(tmp_path, monkeypatch, value, output="probabilities")
    assert denied.verdict is Verdict.UNDECIDED


def test_no_network_at_all_and_no_frames_deny(tmp_path, monkeypatch):
    path = tmp_path / "text.onnx"
    path.write_bytes(b"no network")
    sha256 = hashlib.sha256(b"no network").hexdigest()
    entry = ENTRY.format(path=path, sha256=sha256, output="logits")
    settings = settings_with(tmp_path, monkeypatch, entry)
    checks = networks.load_extra_checks(settings.liveness_extra)
    for measured in ([(checks[0].measure(PIXELS, FACE),)], [], [()]):
        assert apply_extra_checks(LIVE, checks, measured).verdict is Verdict.UNDECIDED


@pytest.mark.data
def test_the_judge_that_cameras_and_check_liveness_use_asks_it(tmp_path, monkeypatch, data):
    from onlyme import check_liveness

    photo = sorted((data / "nuaa_dev/live/0009").glob("*.jpg"))[3]
    assert check_liveness(photo).verdict is Verdict.LIVE
    path = tmp_path / "extra.onnx"
    entry = ENTRY.format(path=path, sha256=write_network(path, -5.0), output="logits")
    settings_with(tmp_path, monkeypatch, entry)
    assert check_liveness(photo).verdict is Verdict.ATTACK
    path.unlink()
    networks.load_extra_checks.cache_clear()
    assert check_liveness(photo).verdict is Verdict.UNDECIDED


def test_level_and_networks_share_a_table(tmp_path, monkeypatch):
    entry = ENTRY.format(path="/a.onnx", sha256="0" * 64, output="logits")
    settings = settings_with(tmp_path, monkeypatch, f'[liveness]\nlevel = "challenge"\n{entry}')
    assert settings.liveness == "challenge"
    assert len(settings.liveness_extra) == 1
    monkeypatch.setenv("ONLYME_LIVENESS_EXTRA", "")
    assert Settings.load().liveness_extra == settings.liveness_extra


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('colours = "rgb"', 'colours = "grey"', "colours"),
        ('output = "logits"', "", "output"),
        ("side = 32", "side = 4000", "side"),
        ("side = 32", "side = 32.5", "whole"),
        ("threshold = 0.5", "threshold = nan", "threshold"),
        ("threshold = 0.5", "threshold = true", "threshold"),
        ("live_class = 1", "live_class = -1", "live_class"),
        ("context = 1.5", "", "context"),
        ('path = "/a.onnx"', 'path = "a.onnx"', "path"),
        ("sha256", "sha512", "known"),
        ("0" * 64, "0" * 63, "sha256"),
    ],
)
def test_a_contract_with_a_mistake_is_refused(tmp_path, monkeypatch, old, new, word):
    entry = ENTRY.format(path="/a.onnx", sha256="0" * 64, output="logits")
    assert old in entry
    with pytest.raises(SettingsError, match=word):
        settings_with(tmp_path, monkeypatch, entry.replace(old, new))


@pytest.mark.parametrize(
    "text",
    [
        "liveness_extra = []",
        "[liveness]\nmodel = 1",
        "[liveness]\nextra = 3",
        "[liveness]\nlevel = 3",
    ],
)
def test_other_tables_are_refused(tmp_path, monkeypatch, text):
    with pytest.raises(SettingsError):
        settings_with(tmp_path, monkeypatch, text)


def test_doctor_says_what_is_wrong_with_each_further_network(tmp_path, monkeypatch):
    from onlyme.cli.doctor import examine

    entries = ""
    for name in ("sound", "missing", "altered", "broken", "other"):
        path = tmp_path / f"{name}.onnx"
        sha256 = write_network(path, 2.0)
        if name == "missing":
            path.unlink()
        if name == "altered":
            path.write_bytes(path.read_bytes() + b"x")
        if name == "broken":
            path.write_bytes(b"no network")
            sha256 = hashlib.sha256(b"no network").hexdigest()
        entry = ENTRY.format(path=path, sha256=sha256, output="logits")
        entries += entry.replace("live_class = 1", "live_class = 7") if name == "other" else entry
    findings = {one.part: one for one in examine(settings_with(tmp_path, monkeypatch, entries))}
    assert findings["liveness sound.onnx"].state == "ok"
    for name, cause in (
        ("missing", "not found"),
        ("altered", "expected sha256"),
        ("broken", "cannot be loaded"),
        ("other", "gives no probability"),
    ):
        finding = findings[f"liveness {name}.onnx"]
        assert (finding.state, cause in finding.detail) == ("broken", True), finding
        assert "config.toml" in finding.advice


@pytest.mark.parametrize("reason", ["not_live", "liveness_undecided"])
def test_the_command_line_says_what_liveness_noted(tmp_path, monkeypatch, reason):
    """General advice, such as for better light, would mislead where a network is missing."""
    from onlyme.cli.output import format_decision
    from onlyme.types import Decision, Reason

    noted = judge_with(tmp_path, monkeypatch, 5.0, spoil=lambda path: path.unlink())
    decision = Decision(accepted=False, name="ada", reason=Reason(reason), liveness=noted)
    assert "extra.onnx gave no answer; run onlyme doctor" in format_decision(decision)
    assert "light" not in format_decision(decision)
