"""A login that ends before an attempt would is decided on what was seen until then."""

import shutil
import time
from itertools import islice, repeat

import pytest

from onlyme import Reason
from onlyme.image.sources import CameraCapture, read_frames
from onlyme.settings import Settings
from onlyme.unlock.daemon.recognizer import RecognitionRequest, Recognizer
from tests.unlock.conftest import clip, film
from tests.unlock.stack import OTHER, USER

pytestmark = pytest.mark.data

FIT_SECONDS = 2.0  # less than an attempt's three
LONG_SECONDS = 60.0


class PacedCapture(CameraCapture):
    """A video that gives its frames no faster than a camera does."""

    def __iter__(self):
        began = time.monotonic()
        for frame in super().__iter__():
            time.sleep(max(0.0, began + frame.at - time.monotonic()))
            yield frame


@pytest.fixture
def look(enrolled, tmp_path):
    """Look once at a video, as long as is said."""
    shutil.copytree(enrolled, tmp_path / "system")
    (tmp_path / "system/lib").chmod(0o700)
    settings = {"vault": tmp_path / "system/lib", "key_file": tmp_path / "system/vault.key"}

    def looked(video, seconds):
        recognizer = Recognizer(Settings.load(**settings, camera=str(video)), PacedCapture)
        try:
            return recognizer.look(RecognitionRequest.within(USER, seconds))
        finally:
            recognizer.close()

    return looked


@pytest.fixture(scope="module")
def frozen(tmp_path_factory, data):
    """A video in which the user does not move at all."""
    (first,) = islice(read_frames(clip(data, USER)), 1)
    return film(repeat(first, 150), tmp_path_factory.mktemp("frozen") / "frozen.avi")


def test_what_was_seen_in_time_is_decided(look, frozen):
    whole, short = look(frozen, LONG_SECONDS), look(frozen, FIT_SECONDS)
    assert not whole.accepted
    assert isinstance(short.reason, Reason)  # a decision, and not a timeout
    assert not short.accepted
    assert 0 < short.frames < whole.frames


def test_too_little_time_opens_nothing(look, data):
    assert not look(clip(data, USER), 0.05).accepted
    assert not look(clip(data, OTHER), FIT_SECONDS).accepted
    assert look(clip(data, USER), LONG_SECONDS).accepted
