"""The lab in the page: trained in a process of its own, watched with, kept, erased; reports."""

import os
import time

import pytest

from onlyme.charts import render_page
from onlyme.errors import explain_extra
from onlyme.serve.lab.folders import find_run
from onlyme.serve.routes import lab as routes
from onlyme.settings import Settings
from tests.serve.browsing import PHONE, visit
from tests.serve.conftest import serving

pytestmark = pytest.mark.timeout(1200)  # a training takes what the machine gives
PATH = "/v1/service/lab"
ME = ("obama_1.jpg", "obama_2.jpg", "obama_4.jpg")
NOT_ME = ("biden_1.jpg", "macron_1.jpg", "ardern_1.jpg")


@pytest.fixture
def lab(window, served):
    """The view; what was trained in it is gone afterwards."""
    try:
        with visit(window, served, expected=["400"]) as shown:
            shown.see("lab")
            yield shown
    finally:
        served.service.lab.erase()


def choose(shown, photos):
    shown.page.set_input_files("#photos-me", [photos / name for name in ME])
    shown.page.set_input_files("#photos-not_me", [photos / name for name in NOT_ME])


def train(shown, photos):
    choose(shown, photos)
    shown.page.click("form button:has-text('Train')")
    shown.page.wait_for_selector("h2:text-is('Trained: compact')", timeout=300_000)


def send(shown, route, method="POST", /, **query):
    """Ask as the page does; return status and answer."""
    return shown.page.evaluate(
        """async ([path, method, query]) => {
          const answer = await fetch(`${path}?${new URLSearchParams(query)}`, { method });
          return [answer.status, await answer.json()]; }""",
        [PATH + route, method, query],
    )


def test_a_network_is_trained_watched_with_kept_opened_and_erased(lab, served, photos):
    page = lab.page
    train(lab, photos)
    assert page.locator(".map .own").count() == len(ME)
    assert page.locator(".map .other").count() == len(NOT_ME)
    assert page.get_attribute(".curve .clean", "d").count("L") > 1
    assert "3 of 3 of you" in page.inner_text("main")
    assert lab.fits()
    assert not lab.violations()
    page.click("button:has-text('Start the camera')")
    page.wait_for_selector(".pill .numbers:visible")
    lab.keep("lab-watch")
    page.fill("#bound", "-2")
    page.wait_for_selector(".stage[data-verdict=yes]")
    page.fill("#bound", "2")
    page.wait_for_selector(".stage[data-verdict=no]")
    assert not lab.violations()
    page.click("button:has-text('Stop')")

    page.click("button:has-text('Keep it')")
    page.fill("#ask-text", "../away")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("#banner:has-text('letters, digits')")
    page.click("button:has-text('Keep it')")
    page.fill("#ask-text", "me of May")
    page.click("dialog button[type=submit]")
    page.wait_for_selector("#told:has-text('lab-runs')")
    folder = find_run(served.settings.vault, "me of May")
    assert folder.stat().st_mode & 0o077 == 0
    page.click("main button:has-text('Close')")
    page.wait_for_selector("h2:has-text('Trained')", state="detached")
    page.click("[aria-label='Open me of May']")
    page.wait_for_selector("h2:has-text('kept as “me of May”')", timeout=300_000)
    page.click("[aria-label='Erase me of May']")
    page.click("dialog .danger")
    page.wait_for_selector("#told:has-text('is erased')")
    assert not folder.exists()


def test_a_training_is_cancelled_and_nothing_of_it_is_left(lab, served, photos):
    page, runs = lab.page, find_run(served.settings.vault, "a").parent
    before = sorted(runs.glob("*"))  # what earlier tests kept
    page.select_option("#way", "article")
    choose(lab, photos)
    page.click("form button:has-text('Train')")
    page.wait_for_selector(".map", timeout=300_000)
    assert not lab.violations()
    process = served.service.lab._process.pid
    page.focus("main button:has-text('Cancel')")
    curve = page.get_attribute(".curve .clean", "d")
    while page.get_attribute(".curve .clean", "d") == curve:
        page.wait_for_timeout(100)
    focused = page.evaluate("document.activeElement.textContent")
    assert focused == "Cancel", "what is drawn anew takes the focus from nobody"
    status, problem = send(lab, "", way="compact")
    assert status == 400, problem
    page.keyboard.press("Enter")
    page.wait_for_selector("main progress", state="detached")
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert sorted(runs.glob("*")) == before


def test_signing_out_erases_the_network(window, served, photos):
    with visit(window, served, expected=["401"]) as shown:
        shown.see("lab")
        train(shown, photos)
        shown.page.click("#sign-out")
        shown.page.click("dialog .danger")
        shown.page.wait_for_selector("h1:text-is('You have signed out')")
    assert served.service.lab.show() == {"state": "empty"}


def test_what_cannot_be_trained_on_is_said(lab, photos, tmp_path):
    page = lab.page
    page.click("form button:has-text('Train')")
    page.wait_for_selector(".refused:has-text('at least two photos of you')")
    assert page.evaluate("document.activeElement.id") == "photos-me"
    page.set_input_files("#photos-me", [photos / "obama_1.jpg", photos / "obama_1.jpg"])
    (tmp_path / "no picture.jpg").write_bytes(b"no picture at all")
    page.set_input_files("#photos-not_me", tmp_path / "no picture.jpg")
    page.click("form button:has-text('Train')")
    page.wait_for_selector(".notice:has-text('no picture.jpg')", timeout=300_000)
    assert "the same picture" in page.inner_text(".notice")
    page.click("text=Understood")
    page.click("[aria-label^='Choose anew: Photos of others']")
    page.set_input_files("#photos-me", photos / "obama_2.jpg")
    page.set_input_files("#photos-not_me", photos / "obama_1.jpg")
    page.click("form button:has-text('Train')")
    page.wait_for_selector(".notice:has-text('also among the photos of you')", timeout=300_000)


REFUSED = [
    ("", "POST", {"way": "nonsense"}),
    ("", "POST", {"way": "compact", "alpha": "nan"}),
    ("", "POST", {"way": "compact", "alpha": "3"}),
    ("/runs", "PUT", {"name": "nobody trained this"}),
    *(("/runs", "POST", {"name": name}) for name in ("gone", "..", "/etc", "a/b", "", "x" * 65)),
    *(("/runs", "DELETE", {"name": name}) for name in ("gone", "..", ".", "../vault", "a\x00b")),
    *(("/report", "GET", {"path": path}) for path in ("../../etc/passwd", "/etc/passwd", "")),
]


@pytest.mark.parametrize(("path", "method", "query"), REFUSED)
def test_nothing_else_is_trained_opened_or_erased(lab, served, path, method, query):
    before = sorted(served.settings.vault.rglob("*"))
    assert send(lab, path, method, **query)[0] == 400
    assert sorted(served.settings.vault.rglob("*")) == before


@pytest.mark.parametrize("scope", ["verify", "enroll", "admin", "metrics"])
def test_no_token_uses_the_lab(served, scope):
    client = served.client(scope)
    for method, path in [
        *(("GET", path) for path in ("", "/reports", "/report?path=a")),
        *(("POST", path) for path in ("?way=compact", "/look", "/runs?name=a")),
        *(("DELETE", path) for path in ("", "/runs?name=a")),
        ("PUT", "/runs?name=a"),
    ]:
        assert client.request(method, PATH + path).status_code == 403, path


def test_without_its_packages_the_view_says_what_to_install(window, served, monkeypatch):
    advice = explain_extra("lab")
    monkeypatch.setattr(routes, "find_missing_packages", lambda: advice)
    with visit(window, served, viewport=PHONE, expected=["400"]) as shown:
        shown.see("lab")
        assert advice in shown.page.inner_text("pre")
        assert not shown.page.locator("form").count()
        assert shown.fits()
        assert not shown.violations()
        assert send(shown, "", way="compact")[0] == 400


@pytest.fixture(scope="module")
def reporting(tmp_path_factory):
    """A service that looks for reports in a folder with a report, and with what is none."""
    folder = tmp_path_factory.mktemp("reports")
    script = "<script>parent.stolen = 1; document.title = 'ran'</script>"
    body = f'<p class="kicker"><b>onlyme</b> evaluation</p><h1>Ours</h1>{script}'
    (folder / "mine.html").write_text(render_page("onlyme evaluation of a & b", body), "utf-8")
    (folder / "other.html").write_text("<title>onlyme holiday</title>", "utf-8")
    (folder / "lab-compare").mkdir()
    page = render_page("onlyme lab: the ways compared", body)
    (folder / "lab-compare" / "report.html").write_text(page, "utf-8")
    outside = tmp_path_factory.mktemp("outside") / "secret.html"
    outside.write_text(page, "utf-8")
    (folder / "link.html").symlink_to(outside)
    (folder / "linked").symlink_to(outside.parent)
    settings = Settings.load(vault=tmp_path_factory.mktemp("reporting") / "vault")
    with serving(settings, reports=folder) as running:
        yield running


def test_reports_are_listed_and_opened_and_cannot_run_anything(window, reporting):
    with visit(window, reporting, expected=["Content Security", "sandbox", "400"]) as shown:
        shown.see("lab")
        links = shown.page.locator("a[target=_blank]")
        paths = [links.nth(at).get_attribute("aria-label") for at in range(links.count())]
        assert sorted(paths) == [
            "Open lab-compare/report.html in a new tab",
            "Open mine.html in a new tab",
        ]
        assert "onlyme evaluation of a & b" in shown.page.inner_text("main")
        with shown.page.context.expect_page() as opened:
            shown.page.click("[aria-label='Open mine.html in a new tab']")
        report = opened.value
        report.wait_for_selector("h1:text-is('Ours')")
        assert report.title() == "onlyme evaluation of a & b", "its script did not run"
        assert report.request.get(report.url).headers["content-security-policy"].endswith("sandbox")
        for path in ("other.html", "link.html", "linked/secret.html", "../outside/secret.html"):
            assert send(shown, "/report", "GET", path=path)[0] == 400, path


def test_a_process_that_dies_is_said(lab, served, photos):
    choose(lab, photos)
    lab.page.select_option("#way", "article")
    lab.page.click("form button:has-text('Train')")
    lab.page.wait_for_selector("progress")
    served.service.lab._process.kill()
    lab.page.wait_for_selector(".notice:has-text('ended unexpectedly')")


@pytest.mark.parametrize(
    ("limit", "words"),
    [("MAX_TRAINING_SECONDS", "took longer"), ("MAX_IDLE_SECONDS", "without use")],
)
def test_training_and_idle_time_are_limited(lab, served, photos, monkeypatch, limit, words):
    from onlyme.serve.lab import desk

    if limit == "MAX_IDLE_SECONDS":
        train(lab, photos)
        lab.see("audit")
    monkeypatch.setattr(desk, limit, 0.0)
    if limit == "MAX_TRAINING_SECONDS":
        choose(lab, photos)
        lab.page.click("form button:has-text('Train')")
    deadline = time.monotonic() + 300
    while served.service.lab.state not in {"failed"}:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    lab.see("lab")
    assert words in lab.page.inner_text(".notice")
