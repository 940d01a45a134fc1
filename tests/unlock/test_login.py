"""Log in through real PAM, with the real daemon and videos as its camera."""

import cv2
import pytest

from onlyme import FaceID
from onlyme.faceid import wiring
from onlyme.settings import Settings
from tests.unlock.conftest import camera, clip, show
from tests.unlock.stack import OTHER, OTHER_PASSWORD, PASSWORD, USER

pytestmark = pytest.mark.data


def test_only_the_owner_opens_without_a_password(stack, data):
    with stack.daemon():
        opened = stack.login()
        assert opened.opened, (opened, stack.log())
        assert not opened.asked
        attacks = {
            clip(data, OTHER): "does not match",
            clip(data, USER, "replay"): "a photo or a screen",
        }
        for video, words in attacks.items():
            show(stack, video)
            refused = stack.login()
            assert not refused.opened
            assert refused.asked
            assert words in refused.words
            assert stack.login(password=PASSWORD).opened
        show(stack, clip(data, OTHER))
        assert stack.login(OTHER).opened
        assert not stack.login(USER).opened
        assert stack.login(OTHER, OTHER_PASSWORD).opened


def film(paths, out):
    writer = cv2.VideoWriter(str(out), cv2.VideoWriter.fourcc(*"MJPG"), 15.0, (640, 480))
    for path in paths:
        writer.write(cv2.imread(str(path)))
    writer.release()
    return out


def session(folder, name):
    """Return the frames of one session, in the order in which they were taken."""
    return sorted(folder.glob(f"{name}_*.jpg"), key=lambda path: int(path.stem.split("_")[-1]))


def test_a_printed_photo_of_the_owner_does_not_open(empty, data, tmp_path):
    """Prints held before a webcam, some of them bent, and the person before the same one."""
    live, prints = data / "nuaa_dev/live/0001", data / "nuaa_dev/print/0001"
    settings = Settings.load(
        vault=empty.folder / "lib/onlyme", key_file=empty.folder / "etc/onlyme/vault.key"
    )
    with FaceID(wiring.assemble(settings)) as face_id:
        face_id.enroll(USER, session(live, "0001_00_00_01")[::6])
    alive = film(session(live, "0001_00_00_02")[1:13], tmp_path / "live.avi")
    show(empty, alive)
    empty.configure(camera=camera(empty))
    with empty.daemon():
        assert empty.login().opened
        for name in ("0001_00_01_02", "0001_00_02_03", "0001_00_03_02"):
            show(empty, film(session(prints, name), tmp_path / "print.avi"))
            refused = empty.login()
            assert not refused.opened
            assert "a photo or a screen" in refused.words
        assert empty.login(password=PASSWORD).opened
        show(empty, alive)
        assert empty.login().opened
