"""Test the liveness network on real webcam frames, prints and screens, and where it abstains."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from onlyme.face.models import find_model
from onlyme.face.models.opencv import load_network
from onlyme.liveness.fusion import Fusion
from onlyme.liveness.passive import TOO_NOISY, LivenessNetwork
from onlyme.types import Face, Liveness, LivenessLevel, Verdict
from tests.liveness.noise import add_noise


@pytest.fixture(scope="module")
def passive():
    return LivenessNetwork(load_network(find_model("liveness")))


@pytest.fixture(scope="module")
def fusion():
    return Fusion.load(find_model("liveness").sha256)


def face_at(x, y, w, h):
    box = np.array([x, y, w, h], np.float32)
    return Face(box, np.zeros((5, 2), np.float32), 0.9)


def grey(width, height, level=90, seed=0):
    """A soft picture with a good camera's noise."""
    coarse = np.random.default_rng(seed).integers(0, 40, (height // 8 + 1, width // 8 + 1, 3))
    soft = cv2.resize(coarse.astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(soft.astype(int) + level, 0, 255).astype(np.uint8)


def glances(passive, pipeline, paths):
    sights = [pipeline.look(path) for path in paths]
    return [passive.look(s.frame.pixels, s.face) for s in sights if s.face is not None]


@pytest.mark.data
@pytest.mark.parametrize("subject", ["0001", "0002", "0003", "0005", "0008", "0009"])
def test_people_pass_and_their_prints_do_not(passive, fusion, pipeline, data, subject):
    live = sorted((data / "nuaa_dev/live" / subject).glob("*.jpg"))[::6]
    prints = sorted((data / "nuaa_dev/print" / subject).glob("*.jpg"))[::6]
    verdicts = [fusion.fuse([g]).verdict for g in glances(passive, pipeline, live)]
    assert verdicts.count(Verdict.LIVE) >= len(verdicts) - 1
    assert len(verdicts) >= 8
    verdicts = [fusion.fuse([g]).verdict for g in glances(passive, pipeline, prints)]
    assert Verdict.LIVE not in verdicts
    assert verdicts.count(Verdict.ATTACK) >= len(verdicts) - 1
    assert len(verdicts) >= 8


@pytest.mark.data
def test_blue_and_red_are_not_mixed_up(passive, pipeline, data):
    path = min((data / "nuaa_dev/live/0008").glob("*.jpg"))
    sight = pipeline.look(path)
    right = passive.look(sight.frame.pixels, sight.face).odds
    swapped = np.ascontiguousarray(sight.frame.pixels[:, :, ::-1])
    assert right > passive.look(swapped, sight.face).odds


@pytest.mark.data
def test_a_print_shown_in_the_dark_is_still_a_print(passive, fusion, pipeline, data):
    for path in sorted((data / "nuaa_dev/print").glob("*/*.jpg"))[::20]:
        sight = pipeline.look(path)
        if sight.face is None:
            continue
        dark = (sight.frame.pixels * 0.3).astype(np.uint8)
        assert fusion.fuse([passive.look(dark, sight.face)]).verdict is not Verdict.LIVE


@pytest.mark.data
@pytest.mark.parametrize("of_sensor", [False, True])
@pytest.mark.parametrize(("share", "sigma"), [(1.0, 8), (0.3, 3), (0.15, 3), (0.1, 3)])
def test_noise_makes_no_person_of_a_print(passive, fusion, pipeline, data, share, sigma, of_sensor):
    """Noise, and brightening makes more of it, lets the network take prints for people."""
    alone, seen, noisy = 0, 0, 0
    for path in sorted((data / "nuaa_dev/print").glob("*/*.jpg"))[::30]:
        sight = pipeline.look(path)
        if sight.face is None:
            continue
        pixels = add_noise(
            sight.frame.pixels, share, sigma, of_sensor=of_sensor, rng=np.random.default_rng(0)
        )
        evidence = passive.look(pixels, sight.face)
        alone += evidence.odds is not None and evidence.odds > 1
        seen, noisy = seen + 1, noisy + (evidence.why == TOO_NOISY)
        assert fusion.fuse([evidence]).verdict is not Verdict.LIVE
    assert alone == 0
    assert noisy >= seen / 2 > 3


@pytest.mark.data
def test_cameras_in_good_light_are_not_too_noisy(passive, pipeline, data):
    live = sorted((data / "nuaa_dev/live").glob("*/*.jpg"))[::15]
    seen = glances(passive, pipeline, live)
    assert all(one.why != TOO_NOISY for one in seen)
    assert max(one.grain.sigma for one in seen) < 0.75


@pytest.mark.data
def test_a_tight_crop_is_undecided_never_live(passive, fusion, pipeline, data):
    for path in sorted((data / "nuaa_dev/live").glob("*/*.jpg"))[::40]:
        sight = pipeline.look(path)
        x, y, w, h = (int(value) for value in sight.face.box)
        left, top = max(0, x - w // 8), max(0, y - h // 8)
        pixels = np.ascontiguousarray(
            sight.frame.pixels[top : y + h + h // 8, left : x + w + w // 8]
        )
        moved = replace(sight.face, box=sight.face.box - np.array([left, top, 0, 0], np.float32))
        glance = passive.look(pixels, moved)
        assert glance.odds is None
        assert "move back" in glance.why
        assert fusion.fuse([glance]).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("face", "word"),
    [
        (face_at(100, 100, 50, 70), "come closer"),
        (face_at(-20, 100, 150, 200), "outside the picture"),
        (face_at(540, 100, 150, 200), "outside the picture"),
        (face_at(200, -40, 150, 200), "outside the picture"),
        (face_at(200, 320, 150, 200), "outside the picture"),
        (face_at(20, 20, 480, 440), "move back"),
        (face_at(-5000, -5000, 150, 200), "outside the picture"),
    ],
)
def test_without_context_there_is_no_evidence(passive, face, word):
    glance = passive.look(grey(640, 480), face)
    assert glance.odds is None
    assert word in glance.why
    assert glance.fingerprint.shape == (576,)


@pytest.mark.parametrize("corner", [(0, 0), (490, 0), (0, 280), (490, 280), (245, 140)])
def test_a_face_beside_the_border_is_looked_at_within_the_frame(passive, corner):
    glance = passive.look(grey(640, 480), face_at(*corner, 150, 200))
    assert glance.odds is not None
    assert np.isfinite(glance.odds)
    assert glance.context == pytest.approx(2.4)


@pytest.mark.parametrize("level", [0, 5, 60, 215])
def test_any_brightness_can_be_looked_at(passive, level):
    assert np.isfinite(passive.look(grey(640, 480, level), face_at(250, 140, 150, 200)).odds)


def test_glances_agree_with_opencv_run_by_hand(passive):
    import cv2

    pixels, face = grey(640, 480, 120), face_at(250, 140, 150, 200)
    # 2.4 times the box, about its centre (325, 240), moved to stay inside.
    crop = cv2.resize(pixels[0:480, 145:505], (128, 128))[:, :, ::-1].astype(np.float32)
    net = cv2.dnn.readNetFromONNX(np.frombuffer(find_model("liveness").read(), np.uint8))
    net.setInput(np.ascontiguousarray(crop.transpose(2, 0, 1)[None]))
    a, b, c = np.array(net.forward(), np.float64).ravel()
    share = np.exp(a) / (np.exp(a) + np.exp(b) + np.exp(c))
    expected = np.log(share / (1 - share))
    assert passive.look(pixels, face).odds == pytest.approx(expected, abs=1e-3)


@pytest.mark.data
@pytest.mark.parametrize(
    ("clip", "verdict"),
    [
        ("lestari_replay", Verdict.ATTACK),
        ("tranvan_replay", Verdict.ATTACK),
        ("lestari_live", Verdict.LIVE),
        ("tranvan_live", Verdict.LIVE),
        ("liveportrait_d9_live", Verdict.LIVE),
        ("liveportrait_s32_live", Verdict.LIVE),
    ],
)
def test_people_and_screens_on_video(data, clip, verdict):
    from onlyme import check_liveness
    from onlyme.image.sources import read_frames

    some = [
        f for n, f in enumerate(read_frames(data / f"clips/{clip}.mp4")) if n % 2 == 0 and n < 20
    ]
    answer = check_liveness(some)
    assert answer.verdict is verdict
    assert answer.level is LivenessLevel.PASSIVE
    assert 0 <= answer.score <= 1


@pytest.mark.data
def test_one_picture_can_be_checked_too(data):
    from onlyme import check_liveness

    live = sorted((data / "nuaa_dev/live/0009").glob("*.jpg"))[3]
    printed = sorted((data / "nuaa_dev/print/0009").glob("*.jpg"))[3]
    assert check_liveness(live).verdict is Verdict.LIVE
    assert check_liveness(printed).verdict is Verdict.ATTACK
    assert check_liveness(data / "hard/imageio_bricks.jpg").verdict is Verdict.UNDECIDED


def test_liveness_off_has_no_verdict():
    assert Liveness() == Liveness(LivenessLevel.OFF, None, None)


def without_colour(pixels):
    return np.repeat(pixels.mean(axis=2).astype(np.uint8)[..., None], 3, axis=2)


def test_a_picture_without_colour_is_no_evidence_unless_asked_for(passive):
    """Infrared cameras give such pictures. In colour the network was made, and measured."""
    coloured, face = grey(640, 480), face_at(260, 180, 120, 140)
    assert passive.look(coloured, face).odds is not None
    for pixels in (without_colour(coloured), without_colour(coloured) // 8 * 8):
        glance = passive.look(pixels, face)
        assert glance.odds is None
        assert "no colour" in glance.why
    infrared = LivenessNetwork(load_network(find_model("liveness")), colourless=True)
    assert infrared.look(without_colour(coloured), face).odds is not None


@pytest.mark.data
def test_people_before_a_colour_camera_have_colour_enough(passive, pipeline, data):
    """Also in poor light: the darkest frames at hand have three times what is needed."""
    paths = sorted((data / "nuaa_dev").glob("*/*/*.jpg"))[::15]
    assert all("colour" not in glance.why for glance in glances(passive, pipeline, paths))
    dim = [(pipeline.look(path), path) for path in paths[:6]]
    for sight, path in dim:
        darker = (sight.frame.pixels * 0.4).astype(np.uint8)
        assert "colour" not in passive.look(darker, sight.face).why, path
