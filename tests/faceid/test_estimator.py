"""The rule as an estimator of scikit-learn."""

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import check_estimator

from onlyme import FaceID, OnlymeVerifier, embed_all


def test_it_behaves_as_scikit_learn_wants():
    results = check_estimator(OnlymeVerifier(), on_skip=None, on_fail=None)
    failed = {one["check_name"]: one["exception"] for one in results if one["status"] == "failed"}
    passed = [one["check_name"] for one in results if one["status"] == "passed"]
    assert (failed, len(passed) > 40) == ({}, True)


@pytest.mark.data
def test_it_says_what_the_product_says(photos, tmp_path):
    names = ("obama_1", "obama_2", "obama_4", "biden_1", "macron_1", "sunak_1")
    table = embed_all([photos / f"{name}.jpg" for name in names])
    verifier = OnlymeVerifier().fit(table.vectors, [1, 1, 1, 0, 0, 0])
    with FaceID.open(tmp_path) as face_id:
        me, not_me = ([photos / f"{name}.jpg" for name in part] for part in (names[:3], names[3:]))
        face_id.enroll("obama", me, not_me)
        probe = embed_all([photos / "obama_3.jpg", photos / "biden_1.jpg"]).vectors
        expected = face_id.margins("obama", probe)
    got = verifier.decision_function(probe) + verifier.alpha_
    np.testing.assert_allclose(got, expected, atol=1e-5)
    assert verifier.predict(probe).tolist() == [1, 0]


def test_it_is_evaluated_like_any_other():
    rng = np.random.default_rng(1)
    me = rng.normal(size=16) + 0.2 * rng.normal(size=(20, 16))
    X = np.concatenate([me, rng.normal(size=(60, 16))])  # noqa: N806 - scikit-learn's name
    scores = cross_val_score(OnlymeVerifier(), X, [1] * 20 + [0] * 60, cv=4)
    assert scores.mean() > 0.9
