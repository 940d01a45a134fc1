"""Measure the page: its first paint and size, frames a second, and from a picture to the verdict.

    python benchmarks/page.py                # a minute; needs Debian's chromium
    python benchmarks/page.py --seconds 30
    python benchmarks/page.py --skip-browser --samples 2000    # the verdict with another limit

A real browser plays a video as its camera, and shares the processor with the service. The same
stream is then measured from a program, which leaves the processor to the service. With ONLYME_DATA
the video is a clip of a living person; without it, a photo of a public person that is moved about.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import re
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import platformdirs
from PIL import Image
from playwright.sync_api import sync_playwright
from websockets.exceptions import ConnectionClosedOK
from websockets.sync.client import connect

from onlyme import FaceID
from onlyme.faceid import networks, wiring
from onlyme.liveness import motion
from onlyme.settings import Settings

sys.path.insert(0, str(Path(__file__).parents[1]))  # where `tests` is found
from tests.serve.browsing import browser, clip, film, visit
from tests.serve.conftest import serving

SPEED = re.compile(r"(\d+) frames a second, (\d+) ms each; the verdict (\d+) ms")


def read_frames() -> tuple[str, list[np.ndarray]]:
    """Return the name of what the camera shows, and its frames, 30 a second."""
    if data := os.environ.get("ONLYME_DATA"):
        return "tranvan_live", clip(Path(data), "tranvan_live", (0.0, 20.0))
    photos = platformdirs.user_cache_path("onlyme", appauthor=False) / "photos"
    pipeline = networks.make_pipeline(Settings.load())
    pixels = pipeline.decode(photos / "obama_3.jpg").pixels
    left, top, width, height = pipeline.detector.detect(pixels)[0].box.astype(int)
    rows = np.clip(np.arange(top - height, top + 2 * height), 0, len(pixels) - 1)
    shift = (0.1 * height * np.sin(np.arange(600) / 10)).astype(int)
    columns = np.arange(left + width // 2 - 2 * height, left + width // 2 + 2 * height)
    inside = [np.clip(columns + each, 0, pixels.shape[1] - 1) for each in shift]
    return "obama_3", [np.ascontiguousarray(pixels[np.ix_(rows, each)]) for each in inside]


def measure_browser(running, video, seconds):
    """Watch the Unlock view; return first verdict (s), rates, ms a frame, and ms a verdict."""
    with (
        sync_playwright() as playwright,
        browser(playwright, video) as opened,
        visit(opened, running) as shown,
    ):
        shown.see("unlock", "owner")
        start = time.perf_counter()
        shown.page.click("text=Start the camera")
        shown.page.wait_for_selector(".pill:visible")
        first = time.perf_counter() - start
        time.sleep(2)  # the rate is one over the last two seconds
        samples = set()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            match = SPEED.search(shown.page.text_content(".panel .figures"))
            if match:
                samples.add(tuple(map(int, match.groups())))
            time.sleep(0.1)
    return first, *zip(*samples, strict=True)


def measure_load(running):
    """Open the page anew; return the time to its first paint (s) and the bytes of its files."""
    with (
        sync_playwright() as playwright,
        browser(playwright) as opened,
        visit(opened, running) as shown,
    ):
        shown.page.reload()
        shown.ready()
        paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000"
        files = """performance.getEntries().filter((one) => "encodedBodySize" in one
          && !one.name.includes("/v1/")).reduce((sum, one) => sum + one.encodedBodySize, 0)"""
        return shown.page.evaluate(paint), shown.page.evaluate(files)


def measure_program(running, frames, seconds):
    """Send the same pictures without a browser; return frames a second, and ms a frame."""
    jpegs = []
    for pixels in islice(frames, 0, None, 3):
        image = Image.fromarray(pixels)
        image.thumbnail((640, 640))
        out = io.BytesIO()
        image.save(out, "JPEG", quality=90)
        jpegs.append(out.getvalue())
    took, looks = [], 0
    url = f"ws://127.0.0.1:{running.port}/v1/names/owner/watch"
    headers = {"Authorization": f"Bearer {running.secrets['admin']}"}
    with connect(url, additional_headers=headers, proxy=None) as socket:
        sent = []
        pictures = cycle(jpegs)
        start = time.perf_counter()
        # Five rejections close the gate, and with it the stream.
        with suppress(ConnectionClosedOK):
            while time.perf_counter() - start < seconds:
                while len(sent) - looks < 2:
                    sent.append(time.perf_counter())
                    socket.send(next(pictures))
                message = json.loads(socket.recv())
                if message["is"] == "look":
                    took.append(1e3 * (time.perf_counter() - sent[message["taken"] - 1]))
                looks = message.get("taken", looks)
        return len(took) / (time.perf_counter() - start), took


def measure_verdicts(settings, frames):
    """Watch without a browser; return for each verdict the ms since its last picture was looked at.

    In pairs: of the clock, and of the processor, which is the same on a computer that is busy.
    """
    last = []

    def read_clocks():
        return np.array([time.perf_counter(), time.process_time()])

    def mark(_observation):
        last[:] = [read_clocks()]

    with FaceID(wiring.assemble(settings, lasting=True)) as face_id:
        how = {"liveness": "passive", "gate": True, "source": "service"}  # as the service does
        decisions = face_id.watch("owner", frames, on_observation=mark, **how)
        return [1e3 * (read_clocks() - last[0]) for _ in decisions]


def print_page(settings, name, frames, seconds):
    """Print what is measured of a running service, in a browser and from a program."""
    video = film(settings.vault.parent / "camera.mjpeg", frames)
    shape = Image.open(video).size
    with serving(settings) as running:
        painted, size = measure_load(running)
        first, rates, each, verdicts = measure_browser(running, video, seconds)
        running.reset()
        rate, took = measure_program(running, frames, seconds)
    print(f"{platform.machine()}, {os.cpu_count()} cores; camera: {name}, {shape[0]}×{shape[1]}")
    print(f"to open the page, {size / 1000:.0f} kB of files:")
    print(f"  to its first paint                   {painted:.2f} s")
    print(f"in the browser, {len(rates)} samples:")
    print(f"  from the click to the first verdict  {first:.1f} s")
    print(f"  frames a second                      {statistics.median(rates):.0f}")
    print(f"  a frame, sent to drawn               {statistics.median(each):.0f} ms")
    print(f"  last frame of an attempt to verdict  {statistics.median(verdicts):.0f} ms")
    print(f"from a program, {len(took)} frames:")
    print(f"  frames a second                      {rate:.0f}")
    print(f"  a frame, sent to answered            {statistics.median(took):.0f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15.0, help="to watch, each way")
    parser.add_argument("--skip-browser", action="store_true", help="measure the verdict alone")
    parser.add_argument("--samples", type=int, help="in place of motion.MAX_PLANE_SAMPLES")
    arguments = parser.parse_args()
    motion.MAX_PLANE_SAMPLES = arguments.samples or motion.MAX_PLANE_SAMPLES
    name, frames = read_frames()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load(vault=Path(folder) / "vault")
        with FaceID.open(settings.vault) as face_id:
            face_id.enroll("owner", frames[::30])
        with FaceID(wiring.assemble(settings, lasting=True)) as face_id:
            face_id.warm_up()  # as `onlyme serve` does before it listens
        if not arguments.skip_browser:
            print_page(settings, name, frames, arguments.seconds)
        clock, processor = zip(*measure_verdicts(settings, frames[:450]), strict=True)
    print(f"within the service, {len(clock)} attempts, from the last look to the verdict:")
    print(f"  by the clock                         {statistics.median(clock):.0f} ms")
    print(f"  of the processor                     {statistics.median(processor):.0f} ms")
    slow = np.percentile(processor, 90)
    print(f"  of the processor, the slowest tenth  {slow:.0f} ms and more")
    print(f"load of the computer over the last minute: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
