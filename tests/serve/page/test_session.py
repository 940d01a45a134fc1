"""The session: opened by a link, ended, gone with the service and back."""

import re
import subprocess
import sys

import pytest

from onlyme import FaceID
from onlyme.serve.access.tokens import Tokens
from tests.serve.browsing import visit


def test_a_link_works_once(window, served):
    with served.open_admin() as admin:
        link = f"{served.url}/open?token={Tokens(admin).create_link()}"
    for status in (200, 401):
        stranger = window.new_context()
        try:
            assert stranger.new_page().goto(link).status == status
        finally:
            stranger.close()


def test_a_session_that_ended_says_how_to_begin_another(window, served):
    with visit(window, served, expected=["401"]) as shown:
        served.service.sessions._ends.clear()
        shown.page.click("text=People")
        shown.page.wait_for_selector("text=This session has ended")
        assert "onlyme serve link" in shown.page.inner_text("main")
        shown.keep("session-ended")
        assert not shown.violations()


def test_a_service_that_is_gone_is_waited_for(window, served):
    with visit(window, served, expected=["ERR_INTERNET_DISCONNECTED"]) as shown:
        shown.page.context.set_offline(True)
        shown.page.click("text=People")
        shown.page.wait_for_selector("#banner:has-text('does not answer')")
        shown.keep("service-gone")
        assert not shown.violations()
        shown.page.context.set_offline(False)
        shown.page.wait_for_selector("#banner", state="hidden")
        shown.page.wait_for_selector("h2:text-is('obama')")


@pytest.mark.parametrize("view", ["events", "fool", "lab", "settings", "tokens", "doctor"])
def test_a_view_that_is_loaded_late_is_shown_once_the_service_is_back(window, served, view):
    with visit(window, served, expected=["ERR_INTERNET_DISCONNECTED"]) as shown:
        shown.page.context.set_offline(True)
        shown.page.click(f".foot a[href='#/{view}']")
        shown.page.wait_for_selector("#banner:has-text('does not answer')")
        shown.page.context.set_offline(False)
        shown.page.wait_for_selector("#banner", state="hidden")
        shown.page.wait_for_selector(f".view.{view}:not([aria-busy])")


def test_a_stream_whose_session_ended_says_so(window, served):
    with visit(window, served, expected=["401"]) as shown:
        shown.see("unlock", "obama")
        shown.page.click("text=Start the camera")
        shown.page.wait_for_selector(".pill:visible")
        served.service.sessions._ends.clear()
        for stream in served.service.streams._open.values():
            stream.latest.leave()
        shown.page.wait_for_selector("text=This session has ended")


def test_signing_out_ends_the_session(window, served):
    with visit(window, served, expected=["401"]) as shown:
        shown.page.click("text=Sign out")
        shown.page.wait_for_selector("dialog[open]:has-text('cameras of all browsers end')")
        assert not shown.violations()
        shown.page.keyboard.press("Escape")
        shown.page.wait_for_selector("dialog", state="detached")
        assert served.service.sessions._ends, "a question that is not answered ends nothing"
        shown.page.click("#sign-out")
        shown.page.click("dialog .danger")
        shown.page.wait_for_selector("h1:text-is('You have signed out')")
        shown.keep("signed-out")
        assert not shown.violations()
        assert not shown.page.is_visible("#sign-out")
        assert shown.page.goto(f"{served.url}/").status == 401


def start_service(folder, port):
    """Run `onlyme serve` as a user does; return the process and the link that it prints."""
    words = [sys.executable, "-m", "onlyme", "serve", "--port", str(port), "--vault", str(folder)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    said = ""
    while "http://" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    return process, re.search(r"http://\S+", said)[0]


def test_the_printed_link_opens_it_and_the_session_outlives_a_new_start(window, photos, tmp_path):
    with FaceID.open(tmp_path / "vault") as face_id:
        face_id.enroll("obama", photos / "obama_1.jpg")
    processes = []
    try:
        process, link = start_service(tmp_path / "vault", 0)
        processes.append(process)
        port = int(link.rpartition("/open")[0].rpartition(":")[2])
        process.terminate()
        process.wait(60)
        process, link = start_service(tmp_path / "vault", port)
        processes.append(process)
        with visit(window, None, link=link, expected=["ERR_CONNECTION", "401"]) as shown:
            assert "token" not in shown.page.url
            process.terminate()
            process.wait(60)
            shown.page.click("text=People")
            shown.page.wait_for_selector("#banner:has-text('does not answer')")
            process, _ = start_service(tmp_path / "vault", port)
            processes.append(process)
            shown.page.wait_for_selector("#banner", state="hidden")
            shown.page.wait_for_selector("h2:text-is('obama')")
            shown.page.click("#sign-out")
            shown.page.click("dialog .danger")
            shown.page.wait_for_selector("h1:text-is('You have signed out')")
            process.terminate()
            process.wait(60)
            processes.append(start_service(tmp_path / "vault", port)[0])
            assert shown.page.goto(f"{shown.url}/").status == 401
    finally:
        for process in processes:
            process.kill()
            process.wait()
            process.stderr.close()
