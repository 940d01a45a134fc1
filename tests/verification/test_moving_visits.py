"""A person who moves is one visit: blur makes no second one, and buys no new looks."""

import cv2
import numpy as np
import pytest

from onlyme.face.tracker import REJOIN_COSINE, SAME_PERSON_COSINE
from onlyme.verification import visits
from onlyme.verification.visits import MAX_LOOKS, CameraVisits, VisitRules
from tests.verification.doors import EMPTY, half, list_events, stream
from tests.verification.test_visits import ADA, Spending

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def tran(data):
    return list(half(data, "tranvan_live", 16))


@pytest.fixture(scope="module")
def blurred(tran, pipeline):
    """A frame in motion: by itself it may show the person, or not."""
    frame = cv2.blur(tran[8], (1, 25))
    still = np.sum([pipeline.look(one).embedding.vector for one in tran[:4]], axis=0)
    cosine = pipeline.look(frame).embedding.vector @ still / np.linalg.norm(still)
    assert SAME_PERSON_COSINE < cosine < REJOIN_COSINE
    return frame


def watch(identify, pipeline, pictures, rate=10):
    door = CameraVisits(VisitRules("door", pipeline, identify))
    made = [door.see(frame) for frame in stream(pictures, rate=rate)]
    return [*made, door.end()]


def test_who_comes_back_in_motion_continues_the_visit(tran, blurred, pipeline):
    identify = Spending()
    made = watch(
        identify, pipeline, [*tran, *[EMPTY] * 8, blurred, *tran, *[EMPTY] * 8, blurred, *tran]
    )
    assert list_events(made) == [("came", 1), ("unknown", 1), ("left", 1)]
    assert made[-1][-1].since == 0.0
    # What was looked at before it was clear that it is the same person counts as well.
    assert len(identify.shares) <= MAX_LOOKS
    assert sum(identify.shares) <= 1
    assert sorted(identify.shares, reverse=True) == identify.shares


def test_looks_of_both_count_as_those_of_one(tran, blurred, pipeline):
    identify = Spending()
    pictures = [*tran[:8], *[EMPTY] * 8, blurred] * 9
    made = watch(identify, pipeline, pictures)
    assert sum(identify.shares) <= 1
    assert {one.id for people in made for one in people} == {1}


def test_who_stays_blurred_is_another_person_after_five_embeddings(
    tran, blurred, pipeline, monkeypatch
):
    monkeypatch.setattr(visits, "REJOIN_COSINE", 2.0)  # nothing is enough
    made = watch(Spending(), pipeline, [*tran, *[EMPTY] * 8, blurred, *tran])
    events = list_events(made)
    assert ("came", 2) in events
    frame = next(n for n, people in enumerate(made) if ("came", 2) in list_events([people]))
    assert frame <= len(tran) + 8 + 5


@pytest.mark.parametrize("first", ["blurred", "still"])
def test_a_known_person_who_comes_back_is_not_called_unknown(first, tran, blurred, pipeline):
    back = [blurred, *tran, *tran] if first == "blurred" else [*tran, *tran]
    identify = Spending(ADA)  # and then no match
    made = watch(identify, pipeline, [*tran, *[EMPTY] * 8, *back])
    assert len(identify.shares) > 1
    assert list_events(made) == [("came", 1), ("known", 1), ("left", 1)]
    later = [one for people in made[len(tran) + 8 :] for one in people if one.at > 2.4]
    assert later
    assert not any(one.decision.accepted or one.names for one in later)


def test_but_no_longer_than_half_a_minute(tran, pipeline):
    made = watch(Spending(ADA), pipeline, [*tran, *[EMPTY] * 2, *tran * 8], rate=3)
    assert list_events(made) == [
        ("came", 1), ("known", 1), ("came", 2), ("left", 1), ("unknown", 2), ("left", 2),
    ]  # fmt: skip
    frame = next(n for n, people in enumerate(made) if ("left", 1) in list_events([people]))
    assert frame / 3 == pytest.approx(len(tran) / 3 + visits.MAX_CLAIM_SECONDS, abs=1.0)
