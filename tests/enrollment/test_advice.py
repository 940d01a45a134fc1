"""The coach says which photo would help, and which hurts."""

import re

import numpy as np
import pytest

from onlyme.enrollment.advice import advise_on_photos, advise_owner, explain_raise
from onlyme.face.models import SHIPPED, find_model
from onlyme.siamese.distance import normalize
from onlyme.siamese.examples import Examples
from onlyme.siamese.head import Base
from onlyme.siamese.learning import PhotoValue
from onlyme.siamese.owner import Owner
from onlyme.types import PhotoReport, Quality, QualityCheck


def report(source, yaw=0.0, light=45.0):
    checks = (
        QualityCheck("exposure", light, "%", ok=True),
        QualityCheck("yaw", yaw, "degrees", ok=True),
    )
    return PhotoReport(source, taken=True, quality=Quality(checks))


def test_nothing_to_say_when_all_sides_and_lights_are_covered():
    reports = [
        report("a"),
        report("b", yaw=20),
        report("c", yaw=-20),
        report("d", light=20),
        report("e", light=70),
    ]
    assert advise_on_photos(reports, [PhotoValue(k, 0.01, 0.5) for k in range(5)]) == ()


def test_what_is_missing_is_said_the_most_helpful_first():
    (sentence,) = advise_on_photos(
        [report("a", yaw=20)], [PhotoValue(0, float("nan"), float("nan"))]
    )
    assert sentence == (
        "what would help most: one straight from the front, "
        "or one with the head turned a little to the right"
    )


def test_a_photo_that_hurts_is_named():
    said = advise_on_photos(
        [report("good.jpg"), report("bad.jpg")],
        [PhotoValue(0, 0.02, 0.5), PhotoValue(1, -0.1, 0.1)],
    )
    assert "bad.jpg hurts" in said[0]
    assert not any("good.jpg" in sentence for sentence in said)


def test_embeddings_without_a_photo_are_no_coverage():
    said = advise_on_photos([PhotoReport("embedding", taken=True)], [PhotoValue(0, 0.0, 0.5)])
    assert "straight from the front" in said[0]


@pytest.fixture(scope="module")
def base():
    return Base.load(find_model("embedder", SHIPPED).sha256)


def make_owner(base, heads):
    """Return an owner whose photos lie at these heads, float32[m, r]."""
    raw = heads @ np.linalg.pinv(base.projection).T
    for _ in range(30):  # the length at which the centred vector, scaled back, is of unit length
        raw = normalize(raw + base.mean) - base.mean
    me = normalize(raw + base.mean)
    none = me[:0]
    return Owner.learn(base, "ada", Examples(me, none, none, none, none))


@pytest.mark.parametrize("way", range(0, 24, 4))
def test_photos_of_a_poor_camera_are_told_with_what_they_cost(base, way):
    head = normalize(base.effects.directions[[way]])
    (sentence,) = (s for s in explain_raise(base, make_owner(base, head)) if "poor camera" in s)
    raised, usual = map(float, re.findall(r"([\d.]+)% (?:of tries in|\(estimate)", sentence))
    assert raised > usual > 0


def test_an_ordinary_owner_hears_by_how_much_more_photos_help(base):
    owner = make_owner(base, base.draws[:1])
    first = advise_owner(base, owner, [], added=True)[0]
    then, now = map(float, re.findall(r"([\d.]+)%", first))
    assert 0 < then < now
    assert "other people" in first
