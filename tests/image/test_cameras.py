"""Test finding cameras, on a tree of folders as the kernel and udev make it.

No real camera is used. The tree has the layout of Linux 6 for a laptop with a colour and
an infrared camera, a loopback device, a test driver, and a camera over the network (usbip).
"""

import struct
import threading

import numpy as np
import pytest

from onlyme.errors import CameraError
from onlyme.image import capture as capture_room
from onlyme.image.cameras import System, find_device, is_infrared, list_cameras, refuse_virtual
from onlyme.image.capture import CameraCapture, to_rgb
from onlyme.image.v4l2 import DeviceInfo, parse_capability, query_device

USB = "pci0000:00/0000:00:14.0/usb1/1-6/1-6:1.{}"
PLACES = {
    # number: (place in the kernel's tree, index, card, driver, formats)
    0: (USB.format(0), 0, "Integrated Camera: Integrated C", "uvcvideo", ("MJPG", "YUYV")),
    1: (USB.format(0), 1, "Integrated Camera: Integrated C", "uvcvideo", None),
    2: (USB.format(2), 0, "Integrated Camera: Integrated I", "uvcvideo", ("GREY",)),
    10: ("virtual", 0, "Logitech BRIO", "v4l2 loopback", ("YUYV",)),
    11: ("platform/vivid.0", 0, "vivid", "vivid", ("YUYV",)),
    12: ("platform/vhci_hcd.0/usb3/3-1/3-1:1.0", 0, "Far Camera", "uvcvideo", ("MJPG",)),
}
LINKS = {
    "by-id/usb-Chicony_Integrated_Camera_0001-video-index0": 0,
    "by-id/usb-Chicony_Integrated_Camera_0001-video-index1": 1,
    "by-path/pci-0000:00:14.0-usb-0:6:1.0-video-index0": 0,
    "by-path/pci-0000:00:14.0-usb-0:6:1.2-video-index0": 2,
}


@pytest.fixture
def tree(tmp_path):
    """Return a function that lists these folders, with devices that answer or do not."""
    for number in PLACES:
        plug_in(tmp_path, number)
    for name, number in LINKS.items():
        link = tmp_path / "dev/v4l" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"../../video{number}")

    def system(*, answers=True):
        query = answer if answers else lambda _: None
        return System(tmp_path / "sys/class/video4linux", tmp_path / "dev", query)

    def answer(path):
        _, _, card, driver, formats = PLACES[int(path.name.removeprefix("video"))]
        return DeviceInfo(driver, card, formats is not None, formats or ())

    system.folder = tmp_path
    return system


def plug_in(root, number, as_if=None):
    """Make the entries of a camera as the kernel and udev do, or those of the camera `as_if`."""
    place, index, card, driver, _ = PLACES[number if as_if is None else as_if]
    entry = root / "sys/devices" / place / f"video4linux/video{number}"
    entry.mkdir(parents=True)
    (entry / "name").write_text(card + "\n")
    (entry / "index").write_text(f"{index}\n")
    if place != "virtual":
        home = root / "sys/devices" / place
        driven = root / "sys/bus/drivers" / driver
        driven.mkdir(parents=True, exist_ok=True)
        if not (home / "driver").exists():
            (home / "driver").symlink_to(driven)
        (entry / "device").symlink_to("../..")
    listed = root / "sys/class/video4linux"
    listed.mkdir(parents=True, exist_ok=True)
    (listed / entry.name).unlink(missing_ok=True)
    (listed / entry.name).symlink_to(entry)
    (root / "dev").mkdir(exist_ok=True)
    (root / "dev" / entry.name).write_bytes(b"a device")


def test_cameras_are_listed_with_their_names_and_without_metadata(tree):
    found = {camera.number: camera for camera in list_cameras(tree())}
    assert list(found) == [0, 2, 10, 11, 12]
    colour, infrared = found[0], found[2]
    dev = str(tree.folder / "dev")
    assert colour.stable == (
        f"{dev}/v4l/by-id/usb-Chicony_Integrated_Camera_0001-video-index0",
        f"{dev}/v4l/by-path/pci-0000:00:14.0-usb-0:6:1.0-video-index0",
    )
    assert (colour.name, colour.infrared, colour.virtual) == (colour.stable[0], False, False)
    assert colour.formats == ("MJPG", "YUYV")
    assert (infrared.infrared, infrared.virtual) == (True, False)
    assert infrared.name.endswith("6:1.2-video-index0")
    assert found[10].name == f"{dev}/video10"


def test_devices_that_may_not_be_asked_are_known_by_the_kernels_words(tree):
    found = {camera.number: camera for camera in list_cameras(tree(answers=False))}
    assert list(found) == [0, 2, 10, 11, 12]
    assert found[0].card == "Integrated Camera: Integrated C"
    assert found[0].driver == "uvcvideo"
    assert found[0].formats == ()
    assert not found[2].infrared  # nothing says so
    assert [n for n, camera in found.items() if camera.virtual] == [10, 11, 12]


def test_a_program_behind_a_camera_is_known_whatever_it_calls_itself(tree):
    assert [c.number for c in list_cameras(tree()) if c.virtual] == [10, 11, 12]
    for number in (10, 11, 12):
        with pytest.raises(CameraError, match="is fed by a program"):
            refuse_virtual(str(tree.folder / f"dev/video{number}"), "door", tree())
    refuse_virtual(str(tree.folder / "dev/video0"), "door", tree())
    refuse_virtual(list_cameras(tree())[0].stable[0], "door", tree())


def test_of_what_the_kernel_says_nothing_nothing_is_believed(tree, tmp_path):
    nothing = System(tmp_path / "none", tmp_path / "none", lambda _: None)
    assert list_cameras(nothing) == []
    with pytest.raises(CameraError, match="does not say what kind"):
        refuse_virtual(str(tree.folder / "dev/video0"), "door", nothing)


def test_a_camera_is_found_by_its_name(tree):
    dev = str(tree.folder / "dev")
    for name in (
        "Integrated Camera: Integrated C",
        "integrated camera: integrated c",
        "usb-Chicony_Integrated_Camera_0001-video-index0",
    ):
        assert find_device(name, tree()) == f"{dev}/video0"
    assert find_device("pci-0000:00:14.0-usb-0:6:1.2-video-index0", tree()) == f"{dev}/video2"
    assert find_device("Integrated", tree()) is None
    with pytest.raises(CameraError, match=r"several cameras .* \(infrared\)"):
        find_device("Integrated Camera", tree())


def test_a_capture_takes_a_camera_by_its_name(tree, tmp_path):
    capture = CameraCapture("Integrated Camera: Integrated I", _system=tree())
    assert capture.path == str(tree.folder / "dev/video2")
    assert capture.name == "camera Integrated Camera: Integrated I"
    # A number is one still, a file of this name comes first, and no name is a path of ours.
    assert CameraCapture("0", _system=tree()).path == "/dev/video0"
    with pytest.raises(CameraError, match="is not there"):
        CameraCapture("No Such Camera", _system=tree()).check()


class Reader:
    """A camera that gives the same pictures time after time."""

    def __init__(self, *pictures):
        self.pictures, self.count = pictures, 0
        self.is_released = threading.Event()

    def isOpened(self):  # noqa: N802 - OpenCV's name
        return True

    def get(self, _):
        return 1.0

    def read(self):
        self.count += 1
        return True, self.pictures[self.count % len(self.pictures)]

    def release(self):
        self.is_released.set()


def test_a_virtual_camera_is_refused_where_it_may_not_be(tree, monkeypatch):
    monkeypatch.setattr(capture_room, "check_source", lambda *_: True)
    path = str(tree.folder / "dev/video10")
    reader = Reader(np.full((4, 4, 3), 90, np.uint8))
    with CameraCapture(path, _opener=lambda *_: reader, _system=tree()) as allowed:
        assert next(iter(allowed)).pixels.mean() == 90
    opened = []
    refused = CameraCapture(
        path, allow_virtual=False, _opener=lambda *a: opened.append(a), _system=tree()
    )
    with pytest.raises(CameraError, match=r"fed by a program \(v4l2 loopback\)"), refused:
        pass
    assert not opened


@pytest.mark.parametrize(
    ("formats", "expected"),
    [
        (("GREY",), True),
        (("Y8",), True),
        (("Y10", "Y12", "Y16"), True),
        (("GREY", "YUYV"), False),  # it can give colour
        (("MJPG",), False),
        ((), False),
        (None, False),
    ],
)
def test_infrared_is_what_the_formats_say(tree, monkeypatch, formats, expected):
    monkeypatch.setitem(PLACES, 2, (*PLACES[2][:4], formats))
    assert is_infrared(str(tree.folder / "dev/video2"), tree()) is expected


def test_neither_a_name_nor_a_program_makes_a_camera_infrared(tree, monkeypatch):
    named = (*PLACES[0][:2], "Windows Hello IR Camera", *PLACES[0][3:])
    monkeypatch.setitem(PLACES, 0, named)
    monkeypatch.setitem(PLACES, 10, (*PLACES[10][:4], ("GREY",)))
    monkeypatch.setitem(PLACES, 11, (*PLACES[11][:4], ("Y16",)))
    system = tree()
    for number in (0, 10, 11, 12, 99):
        assert not is_infrared(str(tree.folder / f"dev/video{number}"), system)
    assert not is_infrared(str(tree.folder / "dev/video2"), tree(answers=False))


@pytest.mark.parametrize(
    ("number", "given", "expected"),
    [(2, None, True), (0, None, False), (10, None, False), (0, True, True), (2, False, False)],
)
def test_frames_say_whether_an_infrared_camera_took_them(
    tree, monkeypatch, number, given, expected
):
    monkeypatch.setattr(capture_room, "check_source", lambda *_: True)
    grey = np.full((4, 4, 3), 90, np.uint8)  # the pixels are no evidence
    path = str(tree.folder / f"dev/video{number}")
    options = {"infrared": given, "_opener": lambda *_: Reader(grey), "_system": tree()}
    with CameraCapture(path, **options) as capture:
        assert next(iter(capture)).infrared is expected


def test_a_camera_that_turns_infrared_while_it_is_opened_is_refused(tree, monkeypatch):
    monkeypatch.setattr(capture_room, "check_source", lambda *_: True)

    def opener(*_):
        monkeypatch.setitem(PLACES, 2, (*PLACES[2][:4], ("YUYV",)))
        return Reader(np.full((4, 4, 3), 90, np.uint8))

    capture = CameraCapture(
        str(tree.folder / "dev/video2"), _opener=opener, _system=tree(answers=True)
    )
    with pytest.raises(CameraError, match="another device"), capture:
        pass


def test_a_camera_that_is_swapped_while_it_is_opened_is_refused(tree, monkeypatch):
    monkeypatch.setattr(capture_room, "check_source", lambda *_: True)
    reader = Reader(np.full((4, 4, 3), 90, np.uint8))

    def opener(*_):
        (tree.folder / "sys/class/video4linux/video0").unlink()
        plug_in(tree.folder, 0, as_if=10)
        return reader

    path = str(tree.folder / "dev/video0")
    capture = CameraCapture(path, allow_virtual=False, _opener=opener, _system=tree(answers=False))
    with pytest.raises(CameraError, match="is fed by a program"), capture:
        pass
    assert reader.is_released.wait(20)


@pytest.mark.parametrize(
    "picture",
    [
        np.full((6, 8), 90, np.uint8),
        np.full((6, 8, 1), 90, np.uint8),
        np.full((6, 8, 3), 90, np.uint8),
        np.full((6, 8), 90 << 8, np.uint16),
    ],
    ids=["GREY", "GREY with an axis", "three equal channels", "Y16"],
)
def test_pictures_without_colour_become_three_equal_channels(picture, tree, monkeypatch):
    assert (to_rgb(picture) == 90).all()
    assert to_rgb(picture).shape == (6, 8, 3)
    monkeypatch.setattr(capture_room, "check_source", lambda *_: True)
    reader = Reader(picture)
    with CameraCapture("/dev/video2", _opener=lambda *_: reader, _system=tree()) as capture:
        frame = next(iter(capture))
    assert frame.pixels.dtype == np.uint8
    assert (frame.pixels == 90).all()


def test_blue_stays_blue():
    assert to_rgb(np.array([[[200, 20, 10]]], np.uint8)).tolist() == [[[10, 20, 200]]]


def test_dark_frames_between_the_flashes_of_an_infrared_lamp_are_left_out(tree, monkeypatch):
    monkeypatch.setattr(capture_room, "check_source", lambda *_: True)
    lit, dark = np.full((64, 64), 120, np.uint8), np.full((64, 64), 2, np.uint8)
    reader = Reader(lit, dark)
    with CameraCapture("/dev/video2", _opener=lambda *_: reader, _system=tree()) as capture:
        seen = [frame.pixels.mean() for frame, _ in zip(capture, range(20), strict=False)]
    assert set(seen) == {120.0}


def test_a_camera_whose_lens_is_covered_gives_its_dark_frames(tree, monkeypatch):
    """Only between flashes: in colour, or for longer, darkness is what there is to see."""
    monkeypatch.setattr(capture_room, "check_source", lambda *_: True)
    red, black = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64, 3), np.uint8)
    red[..., 2] = 255
    reader = Reader(red, black)
    with CameraCapture("/dev/video0", _opener=lambda *_: reader, _system=tree()) as capture:
        seen = [frame.pixels.mean() for frame, _ in zip(capture, range(200), strict=False)]
    assert 0.0 in seen


def test_what_a_device_answers_is_read_as_the_kernel_lays_it_out():
    def reply(of_all, of_this):
        return struct.pack(
            "=16s32s32s3I12x",
            b"uvcvideo",
            b"Integrated Camera: Integrated C",
            b"usb",
            0,
            of_all,
            of_this,
        )

    name = "Integrated Camera: Integrated C"
    assert parse_capability(reply(0x84A00001, 0x04200001)) == ("uvcvideo", name, True)
    assert parse_capability(reply(0x84A00001, 0x04A00000)) == ("uvcvideo", name, False)  # metadata
    assert parse_capability(reply(0x00000001, 0)) == ("uvcvideo", name, True)  # an old driver


def test_what_is_no_video_device_does_not_answer(tmp_path):
    (tmp_path / "video0").write_bytes(b"")
    for path in ("/dev/null", tmp_path / "video0", tmp_path / "none", tmp_path):
        assert query_device(path) is None
