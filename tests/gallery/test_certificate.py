"""A gallery promises no more than was counted, or says that it extrapolates."""

import json
import subprocess
import sys

import pytest

from onlyme.errors import NotCalibrated, UnknownOwner
from onlyme.face.models import SHIPPED, find_model
from onlyme.gallery.certificate import make_gallery_certificate
from onlyme.gallery.identify import compute_shared_far
from onlyme.siamese.head import Base


@pytest.fixture(scope="module")
def base():
    return Base.load(find_model("embedder", SHIPPED).sha256)


def test_a_small_gallery_is_counted_and_the_bound_is_above_the_promise(base):
    made = make_gallery_certificate(base, 50, 1e-2)
    assert made.far == pytest.approx(1e-2 / 50)
    assert made.modelled is None
    assert 1e-2 < made.counted < 3e-2
    assert made.comparisons > 10_000_000
    words = " ".join(made.sentences())
    assert "Proven" in words
    assert "Modelled" not in words
    assert "Not covered" in words


def test_one_person_is_not_called_one_of_one(base):
    share = make_gallery_certificate(base, 1, 1e-3).sentences()[0]
    assert "taken for the one person." in share
    assert "taken for one of 2 people." in make_gallery_certificate(base, 2, 1e-3).sentences()[0]


def test_a_large_gallery_is_modelled_and_says_so(base):
    made = make_gallery_certificate(base, 3000, 1e-3)
    assert made.counted is None
    assert made.modelled > 1e-3
    assert "Modelled, not proven" in " ".join(made.sentences())


def test_a_huge_gallery_claims_no_more(base):
    made = make_gallery_certificate(base, 1_000_000, 1e-3)
    assert made.counted is None
    assert made.modelled is None
    assert "no more is claimed" in " ".join(made.sentences())


def test_the_bound_grows_with_the_gallery_at_one_alpha(base):
    small, large = (make_gallery_certificate(base, n, 1e-4 * n) for n in (10, 100))
    assert small.far == pytest.approx(large.far)
    assert large.counted == pytest.approx(10 * small.counted)


def test_what_no_calibration_reaches_is_refused(base):
    with pytest.raises(NotCalibrated):
        make_gallery_certificate(base, 10**9, 1e-3)
    with pytest.raises(NotCalibrated):
        make_gallery_certificate(Base.make_plain("ab" * 32, 128), 10, 1e-3)
    assert compute_shared_far(base, 1e-3, 10) == pytest.approx(1e-4)


def test_no_gallery_promises_nothing(opens):
    with pytest.raises(UnknownOwner, match="enroll-folder"):
        opens().certificate()
    everybody = opens()
    everybody.ensure_gallery()
    with pytest.raises(UnknownOwner):
        everybody.certificate()


def test_the_command_says_it(opens, crowd, settings):
    opens().ensure_gallery().put(crowd.people(40)[0])
    words = [sys.executable, "-m", "onlyme", "store", "certificate", "--vault", settings.vault]
    said = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stderr
    assert "one of 40 people" in " ".join(said.stdout.split())
    document = json.loads(
        subprocess.run([*words, "--json"], capture_output=True, text=True, timeout=60).stdout
    )
    assert document["people"] == 40
    assert document["far"] == pytest.approx(1e-3 / 40)
