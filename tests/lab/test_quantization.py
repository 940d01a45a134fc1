"""Eight bits: the file is smaller, all runtimes run it, and its cost is counted on other people."""

import cv2
import numpy as np
import pytest

from onlyme.errors import ModelError, UsageError
from onlyme.face.embed import Embedder
from onlyme.face.models import find_model, read_manifest
from onlyme.lab.calibration import FACES_SUFFIX
from onlyme.lab.face_cache import hash_faces
from onlyme.lab.networks import Article, Compact
from onlyme.lab.networks.sface import read_sface
from onlyme.lab.onnx_file import _make_onnx, export, run_file
from onlyme.lab.quantization import quantize, quantize_content
from onlyme.lab.validation import measure_verification
from onlyme.runtime import openvino


@pytest.fixture(scope="module")
def folder(people, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    learned = hash_faces(people.faces[0])
    export(Compact(16), "mine", folder, people.faces[0], learned=learned, alpha=0.3)
    return folder


@pytest.fixture(scope="module")
def done(folder, people):
    return quantize(find_model("mine", folder), "small", folder, people, seed=3)


def test_the_file_is_smaller_and_the_product_loads_it(done, folder, people):
    before, after = done.sizes
    assert after < 0.4 * before
    assert after == done.path.stat().st_size
    entry, other = read_manifest(folder)["small"], read_manifest(folder)["mine"]
    assert (entry.dimension, entry.size, entry.scale, entry.alpha) == (16, 112, other.scale, 0.3)
    face = people.faces[3][0]
    one, two = (Embedder(find_model(name, folder)).embed(face) for name in ("mine", "small"))
    assert one.model != two.model
    assert float(one.vector @ two.vector) > 0.95
    assert (one.vector != two.vector).any()


def test_openvino_and_opencv_agree_on_eight_bits(done, people):
    content, faces = done.path.read_bytes(), people.faces[5]
    ours = run_file(content, faces)
    run = openvino.OpenVinoEngine().load_network(content, exact=True)
    theirs = run(cv2.dnn.blobFromImages(list(faces), 1 / 255))[0]
    assert (ours * theirs).sum(1).min() > 0.98


def test_the_cost_is_counted_on_people_who_gave_no_ranges(done, folder, people):
    assert done.before.people == done.after.people == len(people) // 2
    first = np.random.default_rng(3).permutation(len(people)) % 2 == 0
    judges = people.select(~first)
    faces = np.concatenate([mine[:4] for mine in judges.faces])
    labels = np.repeat(np.arange(len(judges)), 4)
    for name, told in (("mine", done.before), ("small", done.after)):
        vectors = run_file(find_model(name, folder).read(), faces)
        assert measure_verification(vectors, labels) == told


def test_whom_the_network_learned_is_known_for_the_small_one_too(done, folder):
    mine = find_model("mine", folder).path.with_suffix(FACES_SUFFIX)
    assert done.path.with_suffix(FACES_SUFFIX).read_bytes() == mine.read_bytes()


def test_the_shipped_network_trained_further_can_be_quantised(people):
    """Its last layer has a bias and most of the weights."""
    embedder = read_sface(find_model("embedder").read())
    content = _make_onnx(embedder, 112)
    small = quantize_content(content, people.faces[0][:4], 1 / 255)
    one, two = (run_file(each, people.faces[1][:4], batch=3) for each in (content, small))
    assert len(small) < 0.3 * len(content)
    assert (one * two).sum(1).min() > 0.7


def test_a_network_that_opencv_cannot_run_with_eight_bits_is_not_written(folder, people):
    before = sorted(folder.iterdir())
    export(Article(faithful=False, unit=True, size=56), "odd", folder, people.faces[0])
    with pytest.raises(ModelError, match="eight bits"):
        quantize(find_model("odd", folder), "odd-int8", folder, people)
    assert "odd-int8" not in read_manifest(folder)
    assert len(list(folder.iterdir())) == len(before) + 1


@pytest.mark.usefixtures("done")
def test_too_few_people_and_a_taken_or_wrong_name_are_refused(folder, people):
    mine = find_model("mine", folder)
    with pytest.raises(UsageError, match="needs 4"):
        quantize(mine, "other", folder, people.select(np.arange(len(people)) < 3))
    with pytest.raises(UsageError, match="--replace"):
        quantize(mine, "small", folder, people)
    with pytest.raises(UsageError, match="cannot be the name"):
        quantize(mine, "Embedder", folder, people)
    assert set(read_manifest(folder)) == {"mine", "odd", "small"}
