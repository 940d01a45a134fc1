"""Alpha follows the owner's neighbours and the owner's camera, and never a looser promise."""

import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from onlyme.face.models import SHIPPED, find_model
from onlyme.faceid import networks
from onlyme.settings import Settings
from onlyme.siamese.calibrate import CameraEffects, compute_centres
from onlyme.siamese.distance import normalize
from onlyme.siamese.examples import Examples
from onlyme.siamese.head import Base
from onlyme.siamese.owner import Owner
from onlyme.siamese.presets import ALIKE_SHARE, estimate_far_alike
from onlyme.siamese.training.crossfit import CrossFit, DegradedPhotos, make_trials
from onlyme.siamese.training.curves import measure_trials
from onlyme.siamese.training.whitening import draw_strangers_evenly, fit_whitening

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from degradations import degrade


def unit(rows: np.ndarray) -> np.ndarray:
    return normalize(rows).astype(np.float32)


@pytest.fixture(scope="module")
def base() -> Base:
    return Base.load(find_model("embedder", SHIPPED).sha256)


def test_the_excess_is_what_plain_loops_find() -> None:
    generator = np.random.default_rng(1)
    directions = generator.standard_normal((3, 8)).astype(np.float32) * 0.2
    distances, limit = generator.uniform(1.1, 1.3, 3), 1.28
    templates = unit(generator.standard_normal((20, 8)))
    wanted = [
        max(
            0.0,
            max(float(row @ way) / 2**0.5 + d for way, d in zip(directions, distances, strict=True))
            - limit,
        )
        for row in templates
    ]
    found = CameraEffects(directions, distances, limit).measure_excess(templates)
    assert found == pytest.approx(wanted, abs=1e-6)
    assert 0 < np.count_nonzero(found) < len(found)


def test_no_effects_are_no_excess() -> None:
    none = CameraEffects(np.empty((0, 8), np.float32), np.empty(0), 0.0)
    assert none.measure_excess(np.eye(8, dtype=np.float32)).tolist() == [0.0] * 8


def test_near_strangers_and_a_poor_camera_raise_the_centre() -> None:
    centres = compute_centres(np.array([1.25, 1.15, 1.25]), np.array([0.0, 0.0, 0.1]))
    assert centres[1] > centres[0]
    assert centres[2] > centres[0]


def test_each_collection_has_as_many_strangers_however_small() -> None:
    generator = np.random.default_rng(2)
    heads = unit(generator.standard_normal((500, 16)))
    heads[450:, 0] = 3.0  # the small collection lies apart
    drawn = draw_strangers_evenly(
        normalize(heads), np.arange(500), np.repeat([0, 1], [450, 50]), 401, 0
    )
    assert drawn.shape == (401, 16)
    assert abs(int((normalize(drawn.astype(float))[:, 0] > 0.4).sum()) - 201) < 15


def test_degraded_photos_of_people_held_out_are_not_used() -> None:
    """Effects of a fold come from the people that its head was trained on."""
    generator = np.random.default_rng(3)
    labels = np.repeat(np.arange(60), 3)
    people = generator.standard_normal((60, 16))
    photos = unit(people[labels] + 0.3 * generator.standard_normal((180, 16)))
    shift = np.zeros(16)
    shift[0] = 3.0
    way = DegradedPhotos("shift", unit(photos + shift), labels)

    def make(degraded: DegradedPhotos) -> CrossFit:
        return CrossFit(photos, labels, fit_whitening, folds=3, degraded=[degraded])

    whole, changed = make(way), None
    out = whole.fold == 0
    other = np.where(out[:, None], unit(photos - shift), way.embeddings)
    changed = make(replace(way, embeddings=other.astype(np.float32)))
    held = whole.find_model(0, 0).base.effects, changed.find_model(0, 0).base.effects
    assert np.array_equal(held[0].directions, held[1].directions)
    used = whole.find_model(1, 1).base.effects, changed.find_model(1, 1).base.effects
    assert not np.array_equal(used[0].directions, used[1].directions)


def test_owners_are_scored_against_the_first_collection_only() -> None:
    generator = np.random.default_rng(4)
    labels = np.concatenate([np.repeat(np.arange(40), 2), np.arange(40, 60)])
    photos = generator.standard_normal((60, 12))[labels]
    photos = unit(photos + 0.3 * generator.standard_normal(photos.shape))
    collection = np.repeat([0, 1], [80, 20])
    cross = CrossFit(photos, labels, fit_whitening, folds=3, collection=collection)
    scores = measure_trials(cross, make_trials(labels[:80], 1, 1, 0), 1)
    assert all(len(z) == 78 for z in scores.impostor)
    assert all((who < 40).all() for who in scores.stranger)


def test_a_person_who_looks_like_the_owner_is_bounded_by_the_share() -> None:
    assert estimate_far_alike(None) is None
    assert estimate_far_alike(1e-4) == pytest.approx(1e-4 / ALIKE_SHARE)
    assert estimate_far_alike(0.5) == 1.0


def test_an_alpha_set_by_hand_with_an_earlier_base_is_not_looser(base: Base) -> None:
    assert base.earlier, "the base must keep the curves of the bases that it replaces"
    me = unit(np.random.default_rng(5).standard_normal((1, 128)) + 0.5)
    examples = replace(Examples.make_empty(128), me=me)
    for made, curve in base.earlier.items():
        for far in (1e-2, 1e-4, 1e-6):
            owner = Owner.learn(base, "ada", examples, alpha=0.2)
            template = owner.to_template()
            template.values.update(
                {
                    "learned.base": made,
                    "learned.centre": 0.1,
                    "learned.spread": 1.0,
                    "alpha": 0.1 + curve.z_at(far, 1),
                    "promised": None,
                }
            )
            again = Owner.from_template(base, template)
            assert again.promised is None
            assert again.far == pytest.approx(far, rel=0.02)


def test_an_alpha_of_an_unknown_base_is_never_lowered(base: Base) -> None:
    me = unit(np.random.default_rng(6).standard_normal((1, 128)))
    owner = Owner.learn(base, "ada", replace(Examples.make_empty(128), me=me), alpha=-0.5)
    template = owner.to_template()
    template.values["learned.base"] = "somebody else's"
    again = Owner.from_template(base, template)
    assert again.far is not None
    assert again.far <= 1e-4 * 1.01


@pytest.mark.data
def test_blurred_photos_raise_alpha(base: Base, data: Path) -> None:
    """Who enrolls with photos that all are blurred alike must be matched more closely."""
    pipeline = networks.make_pipeline(Settings.load())
    folders = sorted(p for p in (data / "lfw_dev").iterdir() if len(list(p.glob("*.jpg"))) >= 3)
    raised = []
    for folder in np.random.default_rng(0).permutation(folders)[:12]:
        sharp, blurred = [], []
        for photo in sorted(folder.glob("*.jpg"))[:3]:
            frame = pipeline.decode(photo)
            face = max(pipeline.detector.detect(frame.pixels), key=lambda face: face.area)
            seed = zlib.crc32(photo.name.encode())
            for way, vectors in (("blur across 17", blurred), (None, sharp)):
                pixels = degrade(way, frame.pixels, face.landmarks, seed) if way else frame.pixels
                seen = pipeline.look(pixels)
                if seen.embedding is not None:
                    vectors.append(seen.embedding.vector)
        templates = [
            normalize(base.project(np.array(vectors)).mean(axis=0))
            for vectors in (sharp, blurred)
            if vectors
        ]
        if len(templates) == 2:
            raised.append(np.diff(base.measure_centres(np.array(templates)))[0])
    assert len(raised) >= 8
    assert np.mean(np.array(raised) > 0.05) >= 0.8
