"""The coach says which photo would help, and which hurts."""

from onlyme.enrollment.advice import advise_on_photos
from onlyme.siamese.learning import PhotoValue
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
