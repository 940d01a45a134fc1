"""Eight bits: the file is smaller, all runtimes run it, and its cost is counted on other people."""

import cv2
import numpy as np
import pytest

from onlyme.errors import UsageError
from onlyme.face.embed import Embedder
from onlyme.face.models import find_model, read_manifest
from onlyme.lab.calibration import FACES_SUFFIX
from onlyme.lab.face_cache import hash_faces
from onlyme.lab.networks import Compact
from onlyme.lab.onnx_file import export, run_file
from onlyme.lab.quantization import quantize
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


@pytest.mark.usefixtures("done")
def test_too_few_people_and_a_taken_or_wrong_name_are_refused(folder, people):
    mine = find_model("mine", folder)
    with pytest.raises(UsageError, match="needs 4"):
        quantize(mine, "other", folder, people.select(np.arange(len(people)) < 3))
    with pytest.raises(UsageError, match="--replace"):
        quantize(mine, "small", folder, people)
    with pytest.raises(UsageError, match="cannot be the name"):
        quantize(mine, "Embedder", folder, people)
    assert set(read_manifest(folder)) == {"mine", "small"}
