"""Test that two engines agree on the same faces, and that an engine that does not is not used."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from importlib.machinery import PathFinder

import numpy as np
import pytest

from onlyme.errors import ModelRefused, SettingsError
from onlyme.face.detect import Detector
from onlyme.face.embed import Embedder
from onlyme.face.mesh import Mesh
from onlyme.face.models import find_model
from onlyme.faceid import networks
from onlyme.image.decode import decode
from onlyme.runtime import agreement
from onlyme.runtime.drawn_faces import draw_test_faces
from onlyme.runtime.openvino import EngineUnavailable, OpenVinoEngine
from onlyme.settings import Settings
from tests.processes import list_modules

PORTRAITS = ("obama_1", "obama_2", "obama_4", "biden_1", "macron_2", "ardern_2", "sunak_1")
MESH = ("mesh", "blendshapes", "canonical")


@pytest.fixture(scope="module")
def both():
    """The whole way through each engine."""
    settings = Settings.load(runtime="openvino")
    opencv = networks.make_pipeline(replace(settings, runtime="opencv"))
    openvino = networks.make_pipeline(settings)
    assert (opencv.runtime, openvino.runtime) == ("opencv", "openvino")
    return opencv, openvino


def judged_alike(both, frame):
    """Compare every number that leaves a network; say how many faces were compared."""
    one, other = both
    expected, found = (p.detector.detect(frame.pixels, every=True) for p in both)
    assert len(expected) == len(found)
    for a, b in zip(expected, found, strict=True):
        width = float(a.box[2])
        np.testing.assert_allclose(b.box, a.box, atol=0.005 * width)
        np.testing.assert_allclose(b.landmarks, a.landmarks, atol=0.005 * width)
        assert b.score == pytest.approx(a.score, abs=0.005)
        odds = [networks.load_judge(p.runtime).look(frame.pixels, a).odds for p in both]
        assert odds[0] == (odds[1] if odds[1] is None else pytest.approx(odds[1], abs=0.1))
    seen, again = one.look(frame), other.look(frame)
    assert seen.reason == again.reason
    if seen.embedding is not None:
        assert seen.embedding.model == again.embedding.model
        assert seen.embedding.vector @ again.embedding.vector >= agreement.MIN_EMBEDDING_COSINE
    return len(expected)


def test_openvino_reports_nothing_about_its_user(tmp_path):
    """Its telemetry would ask a server as soon as it is imported, and write an identity."""
    # Asked of the disk: another test's engine has already hidden the module in this process.
    assert PathFinder.find_spec("openvino_telemetry"), "nothing that could report is installed"
    code = "from onlyme.runtime.openvino import OpenVinoEngine; OpenVinoEngine()"
    loaded = {name.partition(".")[0] for name in list_modules(code, HOME=str(tmp_path))}
    assert "openvino" in loaded
    assert "openvino_telemetry" not in loaded
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", PORTRAITS)
def test_portraits_are_seen_alike(both, photos, name):
    assert judged_alike(both, decode(photos / f"{name}.jpg")) >= 1


@pytest.mark.parametrize("name", PORTRAITS)
def test_meshes_are_alike(both, photos, name):
    pixels = decode(photos / f"{name}.jpg").pixels
    face = both[0].detector.detect(pixels)[0]
    one, other = (networks.load_mesh(p.runtime) for p in both)
    assert one is not other
    expected, found = one.locate(pixels, face), other.locate(pixels, face)
    np.testing.assert_allclose(found.points, expected.points, atol=0.001 * float(face.box[2]))
    assert found.presence == pytest.approx(expected.presence, abs=0.005)
    scores = one.score_expression(expected)
    assert other.score_expression(expected) == pytest.approx(scores, abs=0.005)


def test_where_openvino_cannot_run_the_mesh_opencv_does(monkeypatch):
    def refuse(*models):
        raise EngineUnavailable("points of a mesh differ")

    monkeypatch.setattr(agreement, "make_mesh", refuse)
    networks._load_mesh.cache_clear()
    try:
        assert networks.load_mesh("openvino") is networks.load_mesh("opencv")
    finally:
        networks._load_mesh.cache_clear()


@pytest.mark.parametrize("shape", [(1, 1), (7, 9), (33, 31), (3000, 2), (480, 640)])
def test_pictures_without_faces_are_seen_alike_in_any_shape(both, shape):
    noise = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    assert judged_alike(both, decode(noise)) == 0


@pytest.mark.data
def test_small_pictures_of_many_people_are_seen_alike(both, data):
    paths = sorted((data / "lfw_dev").glob("*/*.jpg"))[::97]
    assert sum(judged_alike(both, decode(path)) for path in paths) >= 0.9 * len(paths)


def test_drawn_faces_are_faces_where_they_were_drawn(both):
    """The comparison at start would otherwise compare how two engines find nothing."""
    for pixels, drawn in draw_test_faces():
        (found,) = both[0].detector.detect(pixels)
        assert found.score > 0.9
        assert np.abs(found.landmarks - drawn.landmarks).max() < 0.15 * found.box[2]


def test_fingerprints_tell_the_engines_apart(both):
    assert both[0].fingerprint() != both[1].fingerprint()


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize("name", ["detector", "embedder", "liveness", *MESH])
@pytest.mark.parametrize("runtime", ["opencv", "openvino"])
def test_one_flipped_bit_is_refused_by_either(tmp_path, monkeypatch, name, runtime):
    weights = bytearray(find_model(name).read())
    weights[len(weights) // 2] ^= 1
    (tmp_path / "altered.onnx").write_bytes(weights)

    def altered(wanted, *folders):
        model = find_model(wanted, *folders)
        return replace(model, path=tmp_path / "altered.onnx") if wanted == name else model

    monkeypatch.setattr(networks, "find_model", altered)
    parts = {
        "detector": networks._load_detector.__wrapped__,
        "embedder": lambda on: networks._load_embedder.__wrapped__(on, "embedder", tmp_path),
        "liveness": networks.load_judge.__wrapped__,
        **dict.fromkeys(MESH, networks._load_mesh.__wrapped__),
    }
    with pytest.raises(ModelRefused, match=r"altered\.onnx is not the"):
        parts[name](runtime)


class Faulty(OpenVinoEngine):
    """The real engine, but what its networks say is changed on the way."""

    def __init__(self, change):
        super().__init__()
        self.change = change

    def load_network(self, weights, **options):
        run = super().load_network(weights, **options)
        return lambda blob: [self.change(answer.copy()) for answer in run(blob)]

    def load_tflite(self, weights, shape, **options):
        run = super().load_tflite(weights, shape, **options)
        return lambda blob: [self.change(answer.copy()) for answer in run(blob)]


def noisy(answer, *, share):
    noise = np.random.default_rng(1).normal(0, share * answer.std(), answer.shape)
    return (answer + noise).astype(np.float32)


CHANGES = {
    "rounds too much": partial(noisy, share=0.1),
    "says nothing": np.zeros_like,
    "says NaN": lambda answer: np.full_like(answer, np.nan),
    "says an array of no size": lambda answer: answer[:0],
    "raises something": lambda _: 1 / 0,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_engine_that_disagrees_is_not_used(change):
    faulty = Faulty(change)
    with pytest.raises(EngineUnavailable):
        agreement.make_detector(faulty, find_model("detector"))
    with pytest.raises(EngineUnavailable):
        agreement.make_embedder(faulty, find_model("embedder"))
    with pytest.raises(EngineUnavailable):
        agreement.make_passive(faulty, find_model("liveness"))
    with pytest.raises(EngineUnavailable):
        agreement.make_mesh(faulty, *(find_model(name) for name in MESH))


def test_one_that_agrees_is(both):
    same = Faulty(lambda answer: answer)
    assert isinstance(agreement.make_detector(same, find_model("detector")), Detector)
    assert isinstance(agreement.make_embedder(same, find_model("embedder")), Embedder)
    assert isinstance(agreement.make_mesh(same, *(find_model(name) for name in MESH)), Mesh)


# ------------------------------------------------------------------ choosing


@pytest.mark.parametrize(
    ("setting", "lasting", "chosen"),
    [
        ("auto", False, "opencv"),  # a single verification would pay more than it gets
        ("auto", True, "openvino"),
        ("opencv", True, "opencv"),
        ("openvino", False, "openvino"),
    ],
)
def test_who_gets_which_engine(setting, lasting, chosen):
    assert networks.choose_runtime(Settings.load(runtime=setting), lasting=lasting) == chosen


def test_there_is_no_other_engine():
    with pytest.raises(SettingsError, match="auto, opencv, openvino"):
        Settings.load(runtime="tensorrt")


ASK = """
import sys
{before}
from onlyme import ModelRefused
from onlyme.faceid import networks
from onlyme.settings import Settings
assert "openvino" not in sys.modules or sys.modules["openvino"] is None
print(networks.choose_runtime(Settings.load(runtime="auto"), lasting=True))
print(networks.explain_unfit(Settings.load()))
try:
    networks.choose_runtime(Settings.load(runtime="openvino"))
except ModelRefused as error:
    print("refused:", error)
"""


def ask(before="", **environment):
    done = subprocess.run(
        [sys.executable, "-c", ASK.format(before=before)],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | environment,
        check=True,
    )
    return done.stdout.splitlines()


def test_without_openvino_opencv_does_it_all():
    answer = ask("sys.modules['openvino'] = None")
    assert answer[:2] == ["opencv", "OpenVINO is not installed"]
    assert answer[2].startswith("refused: OpenVINO is not installed; set runtime to auto")


@pytest.mark.parametrize(
    ("module", "says"),
    [
        ("raise ImportError('libopenvino.so: cannot open shared object file')", "cannot load"),
        ("raise OSError('illegal instruction')", "does not start"),
        ("", "cannot load"),  # an empty module has no Core
        ("class Core:\n    def __init__(self): raise RuntimeError('no CPU')", "cannot load"),
    ],
)
def test_a_broken_install_is_told_and_not_used(tmp_path, module, says):
    (tmp_path / "openvino.py").write_text(module)
    answer = ask(PYTHONPATH=str(tmp_path))
    assert answer[0] == "opencv"
    assert answer[1].startswith(f"OpenVINO {says}")
    assert answer[2].startswith("refused: ")


# ------------------------------------------------------------------- doctor


def doctor(tmp_path, **environment):
    done = subprocess.run(
        [sys.executable, "-m", "onlyme", "doctor", "--json", "--vault", str(tmp_path / "vault")],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | environment,
        check=False,
    )
    (finding,) = (f for f in json.loads(done.stdout) if f["part"] == "runtime")
    return finding, done.returncode


def test_doctor_says_what_runs_the_networks(tmp_path):
    finding, code = doctor(tmp_path, ONLYME_RUNTIME="auto")
    assert (finding["state"], code) == ("ok", 0)
    assert "OpenVINO" in finding["detail"]
    assert "agree with OpenCV" in finding["detail"]
    finding, _ = doctor(tmp_path, ONLYME_RUNTIME="opencv")
    assert finding["detail"] == "OpenCV, as the settings say"


def test_doctor_says_why_it_is_not_openvino(tmp_path):
    (tmp_path / "openvino.py").write_text("raise OSError('illegal instruction')")
    broken = {"PYTHONPATH": str(tmp_path)}
    finding, code = doctor(tmp_path, ONLYME_RUNTIME="auto", **broken)
    assert (finding["state"], code) == ("missing", 0)  # OpenCV does it all
    assert finding["detail"].startswith("OpenVINO does not start (illegal instruction); OpenCV is")
    assert finding["advice"] == "install openvino again"
    finding, code = doctor(tmp_path, ONLYME_RUNTIME="openvino", **broken)
    assert (finding["state"], code) == ("broken", 2)
    assert "set runtime to auto" in finding["advice"]


# --------------------------------------------------------------- old processors


CRASH = "import os, signal\nopen({log!r}, 'a').write('.')\nos.kill(os.getpid(), signal.{name})"


@pytest.mark.parametrize("name", ["SIGILL", "SIGSEGV", "SIGABRT"])
def test_an_engine_that_crashes_is_tried_once_in_another_process(tmp_path, name):
    """Without AVX2 OpenVINO ends the whole process: no exception can be caught."""
    tries, vault = tmp_path / "tries", tmp_path / "vault"
    vault.mkdir()
    (tmp_path / "module").mkdir()
    (tmp_path / "module/openvino.py").write_text(CRASH.format(log=str(tries), name=name))
    for _ in range(3):
        answer = ask(PYTHONPATH=f"{tmp_path / 'module'}:{os.environ.get('PYTHONPATH', '')}",
                     ONLYME_VAULT=str(vault))  # fmt: skip
        assert answer[0] == "opencv"
        assert answer[1] == f"OpenVINO cannot be used: it crashes on this processor ({name})"
        assert answer[2].startswith("refused: OpenVINO cannot be used")
    assert tries.read_text() == "."  # remembered
    (vault / "engine.json").write_text("[damaged")
    ask(PYTHONPATH=f"{tmp_path / 'module'}:{os.environ.get('PYTHONPATH', '')}",
        ONLYME_VAULT=str(vault))  # fmt: skip
    assert tries.read_text() == ".."


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL", "SIGHUP", "SIGINT", "SIGXCPU", "SIGPIPE"])
def test_a_trial_that_was_ended_from_outside_says_nothing_of_the_processor(tmp_path, name):
    """A service that is stopped while it starts, or a machine without memory, ends it too."""
    from onlyme.runtime import trial

    code = f"import os, signal\nsignal.signal(signal.{name}, signal.SIG_DFL)\n" * (
        name != "SIGKILL"
    )
    code = code or "import os, signal\n"
    said = trial.find_crash(code + f"os.kill(os.getpid(), signal.{name})", (), tmp_path)
    assert said == f"its trial was ended from outside ({name})"
    assert not (tmp_path / trial.FILE).exists()
    assert "SIGILL" in trial.find_crash(code + "os.kill(os.getpid(), signal.SIGILL)", (), tmp_path)
    assert "SIGILL" in (tmp_path / trial.FILE).read_text()


def test_another_processor_or_version_is_tried_anew(monkeypatch, tmp_path):
    from onlyme.runtime import trial

    (tmp_path / "cpu").write_text("model name\t: Old\nflags\t\t: avx\ncpu MHz\t: 1\n")
    monkeypatch.setattr(trial, "_CPU", tmp_path / "cpu")
    one = trial._make_key("code", ("a",))
    (tmp_path / "cpu").write_text("model name\t: Old\nflags\t\t: avx\ncpu MHz\t: 2\n")
    assert trial._make_key("code", ("a",)) == one
    assert trial._make_key("code", ("b",)) != one
    monkeypatch.setattr(trial, "version", lambda _: "2027.0")
    assert trial._make_key("code", ("a",)) != one
    monkeypatch.undo()
    monkeypatch.setattr(trial, "_CPU", tmp_path / "cpu")
    (tmp_path / "cpu").write_text("model name\t: New\nflags\t\t: avx avx2\n")
    assert trial._make_key("code", ("a",)) != one


def test_without_a_vault_nothing_is_written(tmp_path):
    from onlyme.runtime import trial

    assert trial.find_crash("raise ValueError", (str(tmp_path),), tmp_path / "none") == ""
    assert "SIGABRT" in trial.find_crash("import os; os.abort()", (), tmp_path / "none")
    assert list(tmp_path.iterdir()) == []
