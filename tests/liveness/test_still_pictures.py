"""Attack liveness with pictures that fill the frame, alone and moved; people must still pass."""

from dataclasses import replace
from itertools import islice

import cv2
import numpy as np
import pytest

from onlyme import FaceID, check_liveness
from onlyme.evaluate.simulations import MOVES, STRESSES, move_picture, stress_frames
from onlyme.image.sources import read_frames
from onlyme.liveness import motion
from onlyme.liveness.bend import remove_bend
from onlyme.liveness.face_view import make_view
from onlyme.liveness.grain import measure_grain
from onlyme.liveness.judge import NO_OWN_MOTION, NOT_FILMED, STILL_PICTURE
from onlyme.liveness.light import match_light
from onlyme.liveness.motion import MotionDetector, OwnMotion, measure_own_motion
from onlyme.liveness.passive import TOO_NOISY
from onlyme.types import Face, Frame, Verdict

RATE = 15.0


def face_of(width, height, side):
    """A face of a size in the middle of a frame."""
    box = np.array([(width - side) / 2, (height - side) / 2, side, side], np.float32)
    offsets = np.array([[-0.2, -0.15], [0.2, -0.15], [0, 0.05], [-0.16, 0.25], [0.16, 0.25]])
    landmarks = np.array([width / 2, height / 2]) + side * offsets
    return Face(box, landmarks.astype(np.float32), 0.9)


def texture(width=320, height=240, seed=0):
    """A soft random picture, RGB."""
    rng = np.random.default_rng(seed)
    small = rng.integers(30, 220, (height // 8, width // 8, 3)).astype(np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


# ------------------------------------------------------------------ own motion


@pytest.mark.parametrize("kind", MOVES)
def test_a_moved_picture_has_no_motion_of_its_own(kind):
    picture, face = texture(), face_of(320, 240, 110)
    views = [make_view(one, face) for one in move_picture(picture, kind, 7, 12)]
    for late in (3, 7, 11):
        pairs = (views[0], views[1]), (views[late - 1], views[late])
        found = measure_own_motion(*pairs, strict=True)
        assert not found.is_proven, (kind, late, found)


@pytest.mark.parametrize("bend", [0.7, 1.0, 1.4])
@pytest.mark.parametrize("side", [-0.3, 0.0, 0.3])
def test_one_picture_in_another_light_is_lit_alike(bend, side):
    picture = texture()[..., 0]
    lamp = 1 + side * np.linspace(-1, 1, picture.shape[1])
    lit = np.clip(255 * (picture / 255) ** bend * lamp, 0, 255).astype(np.uint8)
    matched = match_light(lit, picture, np.ones(picture.shape, bool))
    before, after = (np.abs(one - picture.astype(float)).mean() for one in (lit, matched))
    assert after < max(1.0, before / 5), (before, after)


def test_what_moved_is_not_lit_away():
    """A part that went elsewhere stays different: only light is matched."""
    picture = texture()[..., 0]
    moved = picture.copy()
    moved[80:160, 100:200] = picture[80:160, 104:204]
    matched = match_light(moved, picture, np.ones(picture.shape, bool))
    there = np.s_[80:160, 100:200]
    before, after = (np.abs(one[there] - picture[there].astype(float)).mean()
                     for one in (moved, matched))  # fmt: skip
    assert after > 0.8 * before


def test_views_that_share_nothing_are_left_alone():
    picture = texture()[..., 0]
    matched = match_light(picture, 255 - picture, np.zeros(picture.shape, bool))
    assert np.array_equal(matched, picture)


@pytest.mark.parametrize("strict", [False, True])
def test_what_little_moves_before_bend_is_taken_out_proves_nothing(strict):
    """A focus that is never at rest, and noise in rows, move soft edges by less than that."""
    found = OwnMotion(0.005, 5.0, 0.9, strict=strict)
    assert found.is_proven is strict
    assert replace(found, amount=0.007).is_proven


@pytest.mark.parametrize(
    ("amount", "certainty", "expected"),
    [(0.001, 9.0, True), (0.005, 1.5, True), (0.005, 2.5, False), (0.009, 1.5, False)],
)
def test_what_is_little_or_uncertain_is_nothing_and_what_is_much_is_not(
    amount, certainty, expected
):
    assert OwnMotion(amount, certainty, 0.9, strict=True).is_nothing is expected


def test_a_part_that_moves_before_its_surroundings_is_own_motion():
    def at(step):
        frame = texture(400)
        return np.vstack([frame[:120, step : step + 320], frame[120:, :320]])

    face = face_of(320, 240, 110)
    views = [make_view(at(step), face) for step in range(8)]
    found = measure_own_motion((views[0], views[1]), (views[4], views[5]))
    assert found.is_proven, found
    detector = MotionDetector()
    for number, view in enumerate(views[:5]):
        detector.add(number / RATE, view)
    assert detector.search()
    detector.begin(5 / RATE)
    assert not detector.proven  # each attempt needs a proof of its own


def test_a_picture_that_was_displaced_is_known_as_one_until_it_moves_on_its_own():
    """Also where its grain is a camera's; what does not move at all shows nothing."""
    face, pictures = face_of(320, 240, 110), move_picture(texture(), "shake", 5, 8)
    views = [make_view(one, face) for one in pictures]
    still = [replace(one, middle=views[0].middle) for one in views]
    for number, one in enumerate(views):
        one.middle[:] += 2.0 * number  # as the detector would find it
    for shown, expected in ((views, True), (still, False)):
        detector = MotionDetector()
        for number, view in enumerate(shown):
            detector.add(number / RATE, view)
        assert not detector.search()
        assert detector.is_picture is expected
    detector.begin(1.0)
    assert not detector.is_picture


@pytest.mark.parametrize("kind", ["curl", "strong curl", "exposure", "flicker", "lamp"])
def test_a_picture_that_was_bent_or_lit_otherwise_is_known_as_one(kind):
    """Where it stands: what bend and light explain, and noise, is no motion of a face's own."""
    face, detector = face_of(320, 240, 110), MotionDetector()
    for number, one in enumerate(move_picture(texture(), kind, 5, 14)):
        detector.add(number / RATE, make_view(one, face))
        assert not detector.search()
    assert detector.is_picture


@pytest.mark.parametrize(
    ("rate", "count", "expected"), [(60, 3, False), (15, 3, False), (30, 5, True), (8, 3, True)]
)
def test_a_picture_is_known_only_after_a_while(rate, count, expected):
    """In less than a tenth of a second a living face has not moved more than that."""
    face, pictures = face_of(320, 240, 110), move_picture(texture(), "shake", 5, count)
    detector = MotionDetector()
    for number, one in enumerate(pictures):
        view = make_view(one, face)
        view.middle[:] += 5.0 * number  # as the detector would find it
        detector.add(number / rate, view)
    assert not detector.search()
    assert detector.is_picture is expected


@pytest.mark.parametrize("power", range(4))
def test_a_smooth_bend_is_removed_and_a_part_that_moved_is_not(power):
    columns, rows = np.meshgrid(*[np.arange(20, 125, 10, dtype=np.float32)] * 2)
    points = np.stack([columns, rows], axis=-1).reshape(-1, 2)
    across, down = ((points - 72) / 52).T
    bend = np.stack([across**power, down ** (3 - power)], axis=1) * 3.0
    assert np.abs(remove_bend(bend, points)).max() < 1e-4
    part = (np.abs(points - (100, 60)) < 12).all(axis=1)
    moved = bend + 2.0 * part[:, None]
    left = remove_bend(moved, points)
    assert left[part].min() > 1.0
    assert np.abs(left[~part]).max() < 0.5
    moved[::2] = np.nan
    assert np.isnan(remove_bend(moved, points)[::2]).all()
    moved[15:] = np.nan
    assert np.isnan(remove_bend(moved, points)).all()


@pytest.mark.parametrize("prepared", [{3}, {2, 3}, {1, 2, 3, 4, 5}, {3, 5}])
@pytest.mark.parametrize("kind", ["own motion", "shake", "jumps"])
def test_what_was_measured_ahead_changes_nothing(monkeypatch, kind, prepared):
    """The search in the frame after needs no more than that frame's own pair then."""
    frame, face = texture(400), face_of(320, 240, 110)
    shown = [
        np.vstack([frame[:120, step : step + 320], frame[120:, :320]]) for step in range(7)
    ] if kind == "own motion" else move_picture(texture(), kind, 5, 7)  # fmt: skip
    measured = []
    measure = motion._measure_leftover
    monkeypatch.setattr(
        motion, "_measure_leftover", lambda *a, **k: measured.append(k["alike"]) or measure(*a, **k)
    )
    plain, ahead = MotionDetector(), MotionDetector()
    for number, view in enumerate(make_view(one, face) for one in shown):
        for detector in (plain, ahead):
            detector.add(number / RATE, view)
            measured.clear()
            if number >= 4:
                detector.search()
        assert number - 1 not in prepared or number < 4 or measured in ([], [False], [False, True])
        assert (ahead.proven, ahead.is_picture) == (plain.proven, plain.is_picture)
        if number in prepared:
            ahead.prepare()


def test_two_pictures_without_connection_are_a_jump():
    face = face_of(320, 240, 110)
    a, b = make_view(texture(seed=1), face), make_view(texture(seed=2), face)
    found = measure_own_motion((a, a), (b, b))
    assert found.is_jump
    assert not found.is_proven


def test_a_view_of_nothing_is_none():
    assert make_view(texture(), face_of(320, 240, 0)) is None


# ------------------------------------------------------------------ real pictures


@pytest.mark.data
def test_portraits_that_fill_the_frame_are_not_live_as_single_pictures(data):
    photos = [min(one.glob("*")) for one in sorted((data / "lfw_dev").iterdir())[::60]]
    answers = [check_liveness(photo) for photo in photos]
    live = [one for one in answers if one.verdict is Verdict.LIVE]
    assert len(live) <= 0.05 * len(answers) + 1
    assert all(one.note == STILL_PICTURE for one in live)
    assert any(one.note == NOT_FILMED for one in answers)


@pytest.mark.data
def test_a_webcam_frame_stays_live_with_a_note(data):
    for path in sorted((data / "nuaa_dev/live").glob("*/*.jpg"))[::30]:
        answer = check_liveness(path)
        assert answer.verdict is Verdict.LIVE, path
        assert answer.note == STILL_PICTURE


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("liveportrait_cartoon_s7.jpg", ("fine shake", "everything")),
        # Its paint has a camera's grain, and a shake as fine as the other shows nothing.
        ("liveportrait_painting_s8.jpg", ("everything",)),
    ],
)
def test_an_enrolled_cartoon_or_painting_does_not_pass(data, tmp_path, name, kinds):
    path = data / "hard" / name
    assert check_liveness(path).verdict is not Verdict.LIVE
    with FaceID.open(tmp_path / "vault") as face_id:
        face_id.enroll("it", [path])
        picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        picture = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        for kind in kinds:
            moved = move_picture(picture, kind, 3, 30)
            frames = [Frame(one, "moved", number / RATE) for number, one in enumerate(moved)]
            decisions = list(face_id.watch("it", frames))
            assert decisions
            assert not any(one.accepted for one in decisions)


@pytest.mark.data
@pytest.mark.parametrize("kind", ["shake", "zoom in", "strong noise", "everything"])
def test_a_moved_portrait_does_not_open_for_the_person_in_it(data, tmp_path, kind):
    photo = data / "lfw_dev/Michael_Powell/Michael_Powell_0001.jpg"
    picture = cv2.cvtColor(cv2.imread(str(photo)), cv2.COLOR_BGR2RGB)
    moved = move_picture(picture, kind, 2, 46)
    with FaceID.open(tmp_path / "vault") as face_id:
        face_id.enroll("he", [photo])
        frames = [Frame(one, "moved", number / RATE) for number, one in enumerate(moved)]
        decisions = list(face_id.watch("he", frames))
    assert decisions
    assert not any(one.accepted for one in decisions)
    assert {one.liveness.note for one in decisions} <= {NO_OWN_MOTION, TOO_NOISY, ""}


@pytest.mark.data
@pytest.mark.parametrize("clip", ["lestari_live", "liveportrait_s32_live", "tranvan_live"])
def test_a_person_before_a_camera_still_passes(data, clip):
    frames = list(islice(read_frames(data / f"clips/{clip}.mp4"), 0, 40, 2))
    assert check_liveness(frames).verdict is Verdict.LIVE


# ------------------------------------------------------------------ simulations


@pytest.mark.parametrize("kind", MOVES)
def test_a_simulation_repeats_with_its_seed(kind):
    picture = texture(64, 48)
    first, again = move_picture(picture, kind, 1, 3), move_picture(picture, kind, 1, 3)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert {one.shape for one in first} == {picture.shape}


@pytest.mark.parametrize("kind", STRESSES)
def test_a_stress_keeps_size_and_repeats(kind):
    frames = [texture(96, 64, seed) for seed in range(2)]
    first, again = stress_frames(frames, kind, 4), stress_frames(frames, kind, 4)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert {(one.shape, one.dtype) for one in first} == {(frames[0].shape, np.dtype(np.uint8))}


def test_an_unknown_simulation_is_wrong_use():
    from onlyme import UsageError

    with pytest.raises(UsageError, match="called 'magic'"):
        move_picture(texture(32, 32), "magic", 0, 1)
    with pytest.raises(UsageError, match="called 'magic'"):
        stress_frames([texture(32, 32)], "magic", 0)


def test_grain_tells_clean_and_noisy_pictures_from_a_cameras():
    clean = texture(256, 256)
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 12, clean.shape), 0, 255)
    assert not measure_grain(clean).is_of_camera
    assert not measure_grain(noisy.astype(np.uint8)).is_of_camera
    assert not measure_grain(clean[:4, :4]).is_of_camera
