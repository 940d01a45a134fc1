"""What the page does when something goes wrong, or is about to: each fault for its whole kind."""

import io
import re
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from onlyme import FaceID
from tests.serve.browsing import PHONE, browser, visit

LOW = [{"width": 600, "height": 410}, {"width": 740, "height": 360}]
"""The desk at 200 %, and a phone on its side."""


@pytest.fixture
def alpha(served):
    """The owner's alpha; it is put back afterwards."""
    client = served.client()
    before = client.get("/v1/names/obama/tune").json()["alpha"]
    yield before
    client.post("/v1/names/obama/tune", params={"alpha": before, "yes": True})


def read_alpha(served):
    return served.client().get("/v1/names/obama/tune").json()["alpha"]


# ------------------------------------------------------------------ what loosens is asked about


@pytest.mark.parametrize("how", ["slider", "keyboard", "preset"])
def test_a_lower_alpha_is_asked_about_and_can_be_undone(window, served, alpha, how):
    with visit(window, served) as shown:
        page = shown.page
        shown.see("sensitivity", "obama")
        if how == "slider":
            page.fill("#alpha", "0")
        elif how == "keyboard":
            page.focus("#alpha")
            page.keyboard.press("ArrowLeft")
        else:
            page.click(".chip >> nth=0")
        page.click("text=Set this alpha")
        page.wait_for_selector("dialog[open]:has-text('more strangers')")
        assert not shown.violations()
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")
        assert read_alpha(served) == alpha, "a question that is not answered changes nothing"
        page.click("text=Set this alpha")
        page.click("dialog .button.danger")
        page.wait_for_selector("#told:has-text('Alpha is')")
        assert read_alpha(served) < alpha
        page.click("#told >> text=Undo")
        page.wait_for_selector("#told:has-text('again')")
    assert read_alpha(served) == pytest.approx(alpha)


def test_a_higher_alpha_is_not_asked_about_and_its_success_is_shown(window, served, alpha):
    with visit(window, served) as shown:
        shown.see("sensitivity", "obama")
        shown.page.focus("#alpha")
        shown.page.keyboard.press("ArrowRight")
        shown.page.click("text=Set this alpha")
        shown.page.wait_for_selector("#told:visible:has-text('Alpha is')")
        assert not shown.page.locator("dialog").count()
        assert not shown.violations()
    assert read_alpha(served) > alpha


@pytest.mark.parametrize("photo", ["obama_3", "obama_1"])
def test_ones_own_face_is_not_unlearned_without_a_question(window, served, photos, photo):
    before = served.client().get("/v1/names/obama/attempts").json()["own"]
    with visit(window, served) as shown:
        page = shown.page
        shown.see("not-me", "obama")
        page.set_input_files("#photo", photos / f"{photo}.jpg")
        page.click("text=This is not obama")
        page.wait_for_selector("dialog[open]:has-text('really not obama')")
        assert not shown.violations()
        page.click("dialog >> text=Cancel")
        page.wait_for_selector("dialog", state="detached")
    assert served.client().get("/v1/names/obama/attempts").json()["own"] == before
    answer = served.client().post(
        "/v1/names/obama/not-me", files={"frame": (photos / f"{photo}.jpg").read_bytes()}
    )
    assert answer.status_code == 409, "nor by a program"
    assert answer.json()["type"].endswith("looks-like-owner")


# --------------------------------------------------------------------- nothing of the past stays


def count_readings(page):
    """What the Unlock view says of pictures, which must be nothing while none is taken."""
    return page.evaluate(
        """() => [
          document.querySelector(".stage").dataset.verdict,
          document.querySelector(".pill:not([hidden])")?.textContent,
          document.querySelector(".stage .box[visibility=visible]") && "box",
          document.querySelector(".meter .margin:not([hidden])") && "margin",
          document.querySelector(".stage .prompt:not([hidden])")?.textContent,
          document.querySelector(".timeline .line").getAttribute("d"),
          [...document.querySelectorAll(".facts dd")].map((one) => one.textContent)
            .find((words) => words === "Accepted"),
        ].filter(Boolean)"""
    )


def watch_until_accepted(shown):
    shown.see("unlock", "obama")
    shown.page.click("text=Start the camera")
    shown.page.wait_for_selector(".stage[data-verdict=yes]")
    assert len(count_readings(shown.page)) > 3


ENDINGS = ["service gone", "stopped", "camera lost", "stream over"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_verdict_outlives_its_camera(window, served, ending):
    with visit(window, served, expected=["ERR_FAILED"]) as shown:
        page = shown.page
        watch_until_accepted(shown)
        streams = list(served.service.streams._open.values())
        if ending == "service gone":
            page.route("**/v1/**", lambda route: route.abort())
            for stream in streams:
                stream.latest.leave()
            page.wait_for_selector("#banner:visible")
        elif ending == "stopped":
            page.click("button:has(span:text-is('Stop'))")
        elif ending == "camera lost":
            page.evaluate(
                """() => { const track = document.querySelector("video").srcObject.getTracks()[0];
                track.dispatchEvent(new Event("ended")); }"""
            )
            page.wait_for_selector("text=The camera is gone")
        else:
            for stream in streams:
                stream.latest.leave("it is enough")
            page.wait_for_selector("h2:text-is('Paused')")
        page.wait_for_selector(".stage .cover:visible")
        assert count_readings(page) == []
        page.unroute_all()


def test_a_service_that_is_silent_is_not_shown_as_a_verdict(window, served):
    with visit(window, served) as shown:
        page = shown.page
        page.add_init_script(
            """const send = WebSocket.prototype.send;
            WebSocket.prototype.send = function (data) {
              if (!window.isCut) send.call(this, data); };"""
        )
        page.reload()
        watch_until_accepted(shown)
        page.evaluate("window.isCut = true")
        page.wait_for_selector(".note:has-text('Waiting for the service')")
        assert count_readings(page) == []


def test_to_ask_for_movements_while_the_camera_runs_does_not_kill_it(window, served):
    with visit(window, served) as shown:
        page = shown.page
        shown.see("unlock", "obama")
        page.click("text=Start the camera")
        # At once, so that cameras are asked for while others still begin: 9 times ends with yes.
        page.evaluate(
            """async () => { const box = document.getElementById("harder");
            for (let count = 0; count < 9; count += 1) {
              box.click(); await new Promise((done) => setTimeout(done, 7 * count)); } }"""
        )
        page.wait_for_selector(".prompt:has-text('Look straight'), .prompt:visible .arrow")
        page.uncheck("#harder")
        page.wait_for_selector(".stage[data-verdict=yes]")
        assert page.evaluate("document.querySelector('video').srcObject.active")
        assert not page.locator(".stage .cover:visible").count()


# ----------------------------------------------------------------------------- addresses and Back


@pytest.mark.parametrize("button", ["Forget", "Rename", "Make stolen copies worthless"])
@pytest.mark.parametrize("leave", ["back", "address", "session"])
def test_a_question_ends_with_its_view(window, served, button, leave):
    with visit(window, served, expected=["401"]) as shown:
        page = shown.page
        shown.see("audit")
        shown.see("people")
        page.click(f"[aria-label='{button}: obama']")
        page.wait_for_selector("dialog[open]")
        if leave == "back":
            page.go_back()
            page.wait_for_selector("h1:text-is('Audit')")
        elif leave == "address":
            page.evaluate("location.hash = '#/unlock'")
            page.wait_for_selector("h1:text-is('Unlock')")
        else:
            served.service.sessions.end_all()
            page.evaluate("import('/api.js').then((api) => api.get('/v1/keys').catch(() => 0))")
            page.wait_for_selector("text=This session has ended")
        assert not page.locator("dialog").count()
    assert "obama" in [one["name"] for one in served.client().get("/v1/names").json()]


@pytest.mark.parametrize("view", ["unlock", "sensitivity", "not-me", "more"])
def test_an_unknown_person_is_nobody_else(window, served, view):
    with visit(window, served) as shown:
        shown.see(view, "Nobody")
        words = shown.page.inner_text(".view")
        assert "“Nobody” is not enrolled" in words
        assert not shown.page.locator("text=Start the camera").count()
        assert not shown.violations()


@pytest.mark.parametrize("address", ["nonsense", "constructor", "toString", "unlock/%E0%A4"])
def test_an_address_of_nothing_is_said(window, served, address):
    with visit(window, served) as shown:
        shown.page.goto(f"{served.url}/#/{address}")
        shown.page.wait_for_selector("text=Nothing is at this address")


# ---------------------------------------------------------------------------------------- refusals


def render_attempt(shown, decision, gate=None):
    """Show a decision of the service on the Unlock view, as its stream would."""
    gate = gate or {"tries": 4, "of": 5, "wait": 0}
    shown.page.evaluate(
        """([decision, gate]) => {
          window.sockets.at(-1).dispatchEvent(new MessageEvent("message",
            { data: JSON.stringify({ is: "attempt", decision, gate, taken: 0 }) })); }""",
        [decision, gate],
    )


@pytest.fixture
def watched(window, served):
    """The Unlock view with a running camera whose stream answers only what a test says."""
    with visit(window, served) as shown:
        shown.page.add_init_script(
            """window.sockets = [];
            window.WebSocket = class extends EventTarget {
              constructor() { super(); this.readyState = 1; window.sockets.push(this);
                setTimeout(() => this.dispatchEvent(new Event("open"))); }
              send() {} close() {} static OPEN = 1; };"""
        )
        shown.page.reload()
        shown.see("unlock", "obama")
        shown.page.click("text=Start the camera")
        shown.page.wait_for_selector(".prompt:has-text('Loading')")
        yield shown


def decide(reason, *, margin=0.6, level="passive", verdict="live"):
    return {
        "accepted": reason == "match",
        "name": "obama",
        "reason": reason,
        "margin": margin,
        "alpha": 0.15,
        "far": 1e-4,
        "liveness": {"level": level, "verdict": verdict, "score": 0.5},
        "frames": 5,
        "timings_ms": {},
    }


REFUSED = [
    ("not_live", "passive", "attack"),
    ("liveness_undecided", "passive", "undecided"),
    ("liveness_undecided", "challenge", "undecided"),
    ("not_attentive", "passive", "live"),
    ("no_gesture", "passive", "live"),
    ("poor_quality", "passive", "live"),
]


@pytest.mark.parametrize(("reason", "level", "verdict"), REFUSED)
def test_only_what_is_accepted_is_green(watched, reason, level, verdict):
    page = watched.page
    render_attempt(watched, decide(reason, level=level, verdict=verdict))
    page.wait_for_selector(".pill:visible")
    assert not page.locator(".meter .margin.over").count()
    assert page.locator(".stage[data-verdict=yes]").count() == 0
    assert "refused" in page.get_attribute(".meter", "aria-label")
    living = page.inner_text(".facts div:has(dt:text-is('A living person')) dd")
    assert (
        living
        == {"live": "Yes.", "attack": "No: a photo or a screen.", "undecided": "Not sure."}[verdict]
    )
    if level == "challenge":
        assert "as asked" in page.inner_text(".pill")
    assert not re.search(r"[?!.]\.", page.inner_text("#announcer"))
    render_attempt(watched, decide("match"))
    page.wait_for_selector(".meter .margin.over")


def test_a_failed_movement_is_not_shown_in_the_colour_of_a_yes(watched):
    colours = {}
    for arrow in "✗✓←":
        watched.page.evaluate(
            """(arrow) => window.sockets.at(-1).dispatchEvent(new MessageEvent("message",
              { data: JSON.stringify({ is: "ask", arrow, words: "look up" }) }))""",
            arrow,
        )
        watched.page.wait_for_selector(f".arrow:text-is('{arrow}')")
        colours[arrow] = watched.page.eval_on_selector(
            ".arrow", "one => getComputedStyle(one).color"
        )
    assert len(set(colours.values())) == 3, colours


def test_the_last_try_is_warned_of_before_it_is_made(watched):
    render_attempt(watched, decide("no_match", margin=-0.2), {"tries": 2, "of": 5, "wait": 0})
    watched.page.wait_for_selector(".facts:has-text('2 tries left')")
    assert not watched.page.is_visible(".last-try")
    render_attempt(watched, decide("no_match", margin=-0.2), {"tries": 1, "of": 5, "wait": 0})
    watched.page.wait_for_selector(".last-try:has-text('the last try')")
    watched.hears("the last try")
    assert watched.page.is_visible(".note:has-text('Last try')")
    assert not watched.violations()


def test_a_slow_line_is_said_and_costs_one_try(window, served):
    with visit(window, served) as shown:
        page = shown.page
        page.add_init_script(
            """const send = WebSocket.prototype.send;
            WebSocket.prototype.send = function (data) {
              this.next = Math.max(performance.now(), this.next ?? 0) + 600;
              const later = () => this.readyState === 1 && send.call(this, data);
              setTimeout(later, this.next - performance.now()); };"""
        )
        page.reload()
        shown.see("unlock", "obama")
        page.click("text=Start the camera")
        page.wait_for_selector(".note:has-text('pictures a second')")


def test_a_slow_line_costs_one_try_and_says_that_it_is_slow(watched):
    page = watched.page
    for number in range(1, 7):  # 500 ms apart, so two a second
        page.evaluate(
            """(taken) => { const now = performance.now; performance.now = () => 1000 + 500 * taken;
              window.sockets.at(-1).dispatchEvent(new MessageEvent("message", {
                data: JSON.stringify(
                { is: "look", box: null, reason: null, rate: 2, taken, margin: 0.4 }) }));
              performance.now = now; }""",
            number,
        )
    page.wait_for_selector(".note:has-text('2 pictures a second')")
    render_attempt(watched, decide("liveness_undecided", verdict="undecided"))
    page.wait_for_selector("h2:text-is('The line is too slow')")
    assert count_readings(page) == []
    assert page.is_visible("text=Try again")
    assert not watched.violations()


def test_a_gate_that_closes_takes_the_verdict_with_it(watched):
    page = watched.page
    render_attempt(watched, decide("match"))
    page.wait_for_selector(".stage[data-verdict=yes]")
    page.evaluate(
        """() => window.sockets.at(-1).dispatchEvent(new MessageEvent("message",
          { data: JSON.stringify({ is: "closed", gate: { tries: 0, of: 5, wait: 299 } }) }))"""
    )
    page.wait_for_selector(".countdown")
    assert count_readings(page) == []
    assert "closed for" in page.inner_text(".facts")


# ------------------------------------------------------------------------------------------- names

STRANGE = ["علی\u200cرضا", "👨\u200d👩\u200d👧", "..", ".", "a/b", "%2e%2e", "Ω;?#"]


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_name_is_enrolled_and_managed_like_any_other(window, served, photos, name):
    with visit(window, served) as shown:
        page = shown.page
        shown.see("enroll")
        page.fill("#name", name)
        page.click("text=Use photos instead")
        page.set_input_files("#photos", photos / "biden_1.jpg")
        page.wait_for_selector("h2:has-text('is enrolled')")
        assert name in [one["name"] for one in served.client().get("/v1/people").json()]
        shown.see("unlock", name)
        assert page.input_value("#person") == name
        shown.see("people")
        page.locator("li.person", has=page.locator("h2", has_text=name)).get_by_text(
            "Forget"
        ).click()
        page.click("dialog .button.danger")
        page.wait_for_selector("#told:has-text('is forgotten')")
    with FaceID.open(served.settings.vault) as face_id:
        assert face_id.names() == ["obama"]


REFUSED_NAMES = {
    "ada\u202ebob": "U+202E",
    "a\u200bb": "U+200B",
    "x" * 65: "65",
    "\u200dada": "U+200D",
}


@pytest.mark.parametrize("name", REFUSED_NAMES)
def test_a_name_that_deceives_is_refused_with_the_reason_before_the_camera(window, served, name):
    with visit(window, served) as shown:
        shown.see("enroll")
        shown.page.fill("#name", name)
        shown.page.keyboard.press("Enter")
        shown.page.wait_for_selector(f"#name-help:has-text('{REFUSED_NAMES[name]}')")
        assert shown.page.evaluate("document.activeElement.id") == "name"
        assert not shown.page.evaluate("document.querySelector('video').srcObject")
        assert not shown.violations()


@pytest.mark.parametrize("name", ["Obama", "OBAMA", "ob\u00a0ama"])
def test_a_name_like_another_is_asked_about(window, served, name):
    with visit(window, served) as shown:
        shown.see("enroll")
        shown.page.fill("#name", name)
        shown.page.keyboard.press("Enter")
        shown.page.wait_for_selector("dialog[open]:has-text('easily confused')")
        shown.page.keyboard.press("Escape")
        shown.page.wait_for_selector("dialog", state="detached")
        assert shown.page.is_visible("text=The camera is off")


# -------------------------------------------------------------------------------- sizes and colours


def overlap(one, other):
    return (
        one["x"] < other["x"] + other["width"]
        and other["x"] < one["x"] + one["width"]
        and one["y"] < other["y"] + other["height"]
        and other["y"] < one["y"] + one["height"]
    )


@pytest.mark.parametrize("size", [*LOW, PHONE], ids=["200 %", "on its side", "phone"])
def test_advice_is_seen_at_every_size(window, served, size):
    with visit(window, served, viewport=size) as shown:
        page = shown.page
        shown.see("enroll")
        page.fill("#name", "Newcomer")
        page.keyboard.press("Enter")
        page.wait_for_selector(".arc.filled")
        prompt, tabs = (page.locator(each).bounding_box() for each in (".prompt", "#tabs"))
        assert not overlap(prompt, tabs)
        assert prompt["y"] >= 0
        assert prompt["y"] + prompt["height"] <= size["height"]
        assert shown.fits()
        page.click("text=Cancel")


def test_forced_colours_leave_the_current_tab_meter_and_legend(watched):
    page = watched.page
    render_attempt(watched, decide("match"))
    page.wait_for_selector(".meter .margin.over")
    page.emulate_media(forced_colors="active")
    read = """(selector) => [...document.querySelectorAll(selector)].map((one) => {
      const style = getComputedStyle(one); return style.outlineStyle + style.backgroundColor; })"""
    current = page.evaluate(read, "#tabs a[aria-current]")
    others = page.evaluate(read, "#tabs a:not([aria-current])")
    assert current
    assert not set(current) & set(others)
    margin, track = (page.evaluate(read, each)[0] for each in (".meter .margin", ".meter .track"))
    assert margin != track
    assert not watched.violations()
    watched.see("sensitivity", "obama")
    page.emulate_media(forced_colors="active")
    swatches = page.evaluate(
        """() => [...document.querySelectorAll(".legend li")].map((one) => {
          const style = getComputedStyle(one, "::before");
          return style.backgroundColor + style.borderTopColor; })"""
    )
    assert len(set(swatches)) == len(swatches) == 4


CONTRAST = """(one) => {
  const numbers = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = (text) => numbers(text).map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const style = getComputedStyle(one);
  const [a, b] = [light(style.color), light(style.backgroundColor)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05); }"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", ["sensitivity", "not-me"])
def test_a_disabled_button_is_readable_under_the_pointer(window, served, scheme, view):
    with visit(window, served, color_scheme=scheme) as shown:
        shown.see(view, "obama")
        buttons = shown.page.locator("button:disabled")
        assert buttons.count()
        for at in range(buttons.count()):
            buttons.nth(at).hover(force=True)
            assert buttons.nth(at).evaluate(CONTRAST) >= 4.5


@pytest.mark.parametrize("size", [PHONE, {"width": 1200, "height": 820}], ids=["phone", "desk"])
def test_a_number_stays_in_one_line(watched, size):
    page = watched.page
    page.set_viewport_size(size)
    page.click(".panel .figures summary")
    render_attempt(watched, decide("match", margin=0.585))
    page.wait_for_selector(".facts dd:has-text('+0.585')")
    lines = page.evaluate(
        """() => [...document.querySelectorAll(".facts div:not(.wide) dd, .pill .numbers")]
          .filter((one) => one.textContent.match(/\\d/))
          .map((one) => one.offsetHeight / parseFloat(getComputedStyle(one).lineHeight))"""
    )
    assert lines
    assert all(each < 1.6 for each in lines), lines


@pytest.mark.parametrize(
    ("locale", "date", "number"),
    [
        ("de-DE", r"\d\d\.\d\d\.\d{4}, \d\d:\d\d:\d\d", "+0,"),
        ("en-GB", r"\d{1,2} \w+ \d{4}, \d\d:\d\d:\d\d", "+0."),
    ],
)
def test_dates_and_numbers_are_the_browsers(window, served, photos, locale, date, number):
    served.client().post(
        "/v1/names/obama/verify", files={"frame": (photos / "obama_3.jpg").read_bytes()}
    )
    with visit(window, served, locale=locale) as shown:
        shown.see("audit")
        assert re.fullmatch(date, shown.page.inner_text(".log time >> nth=0"))
        shown.see("sensitivity", "obama")
        assert shown.page.inner_text(".alpha-value").startswith(number)
        assert not re.search(r"(^|\s)-\d", shown.page.inner_text("main")), "a minus is no hyphen"


def test_content_begins_where_the_header_does(window, served):
    for width in (360, 760, 1200, 1920):
        with visit(window, served, viewport={"width": width, "height": 900}) as shown:
            shown.see("people")
            brand, heading = (
                shown.page.locator(each).bounding_box()["x"] for each in (".brand", "h1")
            )
            assert abs(brand - heading) <= 1, width


def test_a_wide_picture_leaves_no_hole_and_no_dark_corners(playwright, moving, served, tmp_path):
    from tests.serve.browsing import film

    wide = [np.full((270, 480, 3), 240, np.uint8)] * 30
    with (
        browser(playwright, film(tmp_path / "wide.mjpeg", wide, 480)) as opened,
        visit(opened, served) as shown,
    ):
        page = shown.page
        shown.see("unlock", "obama")
        page.click("text=Start the camera")
        page.wait_for_selector(".stage[data-verdict=unsure]")
        stage = page.locator(".stage").bounding_box()
        assert stage["width"] / stage["height"] == pytest.approx(16 / 9, rel=0.02)
        below = page.locator(".timeline").bounding_box()
        assert 0 <= below["y"] - stage["y"] - stage["height"] <= 32, "the column goes on below it"
        shot = Image.open(
            io.BytesIO(
                page.screenshot(
                    clip={"x": stage["x"] - 4, "y": stage["y"] - 4, "width": 24, "height": 24}
                )
            )
        ).convert("L")
        assert np.asarray(shot).min() > 60, "no dark pixel at a corner of a light picture"


# --------------------------------------------------------------------------------------- messages


@pytest.mark.parametrize("view", ["not-me", "who"])
def test_an_upload_is_called_by_its_name(window, served, view, tmp_path):
    Image.new("RGB", (320, 240), (90, 120, 150)).save(tmp_path / "wall of mine.png")
    with visit(window, served, expected=["422"]) as shown:
        shown.see(view, "obama" if view == "not-me" else "")
        shown.page.set_input_files("input[type=file]", tmp_path / "wall of mine.png")
        if view == "not-me":
            shown.page.click("text=This is not obama")
            shown.page.wait_for_selector(".refused:has-text('wall of mine.png')")
        else:
            shown.page.wait_for_selector(".outcome h2")
        assert "bytes" not in shown.page.inner_text("main")
        (tmp_path / "broken one.jpg").write_bytes(b"no picture at all")
        shown.page.set_input_files("input[type=file]", tmp_path / "broken one.jpg")
        if view == "not-me":
            shown.page.click("text=This is not obama")
        shown.page.wait_for_selector(".refused:has-text('broken one.jpg')")


def test_enter_in_the_name_does_not_lead_to_cancel(window, served):
    with visit(window, served) as shown:
        page = shown.page
        shown.see("enroll")
        page.fill("#name", "Newcomer")
        page.keyboard.press("Enter")
        page.wait_for_selector(".arc.filled")
        assert "stage" in page.evaluate("document.activeElement.className")
        page.keyboard.press("Enter")
        page.keyboard.press("Space")
        page.wait_for_selector(".prompt:visible")
        assert page.is_visible("button:has-text('Cancel')"), "it goes on"
        page.click("button:has-text('Cancel')")


@pytest.mark.parametrize("level", [0, 12])
@pytest.mark.parametrize("view", ["unlock", "enroll", "who"])
def test_darkness_is_called_darkness(playwright, served, tmp_path, level, view):
    from tests.serve.browsing import film

    dark = [np.full((240, 320, 3), level, np.uint8)] * 30
    with (
        browser(playwright, film(tmp_path / "dark.mjpeg", dark)) as opened,
        visit(opened, served) as shown,
    ):
        page = shown.page
        shown.see(view)
        if view == "enroll":
            page.fill("#name", "Newcomer")
            page.keyboard.press("Enter")
        else:
            page.click("text=Start the camera")
        if view == "who":
            page.click("button:has(span:text-is('Look'))")
        page.wait_for_selector("text=too dark")
        assert "Nobody" not in page.inner_text(".split > :first-child")
    served.reset()


def test_advice_of_one_picture_is_not_shown(window, served):
    with visit(window, served) as shown:
        said = shown.page.evaluate(
            """() => import("/advice.js").then(({ SteadyAdvice }) => {
              const advice = new SteadyAdvice();
              const none = "No face is seen.", cup = "Come closer.";
              const looks = [none, cup, none, none, cup, cup, none, cup, cup, cup, cup];
              return looks.map((one) => advice.take(one)); })"""
        )
    assert said[:-1] == [said[0]] * 10, "a cup that is a face now and then changes nothing"
    assert said[-1] == "Come closer."


def test_many_people_are_paged_sorted_and_searched(window, served):
    names = [*(f"person {number}" for number in range(1, 2001)), "Änne", "Zoë", "anton", "Émile"]
    people = [
        {"name": name, "where": "gallery", "photos": 2, "created": None, "needs_reenroll": False}
        for name in sorted(names)
    ]
    with visit(window, served) as shown:
        page = shown.page
        page.route("**/v1/people", lambda route: route.fulfill(json=people))
        shown.see("people")
        assert page.evaluate("document.documentElement.scrollHeight") < 4000
        first = page.locator("li.person h2").all_inner_texts()
        assert first[:5] == ["Änne", "anton", "Émile", "person 1", "person 2"]
        page.fill("#search", "zoë")
        page.wait_for_selector("text=1 person")
        assert page.locator("li.person h2").all_inner_texts() == ["Zoë"]
        page.fill("#search", "")
        page.click("text=Later")
        assert "26 to 50 of 2,004" in page.inner_text(".pager")
        assert not shown.violations()
        page.unroute_all()


def test_attempts_have_the_colour_of_what_became_of_them(window, served, photos):
    client = served.client()
    for name in ("obama_3", "biden_1"):
        client.post(
            "/v1/names/obama/verify", files={"frame": (photos / f"{name}.jpg").read_bytes()}
        )
    with visit(window, served) as shown:
        shown.see("sensitivity", "obama")
        fills = {
            kind: shown.page.eval_on_selector(
                f".histogram .tried.{kind}", "one => getComputedStyle(one).fill"
            )
            for kind in ("in", "out")
        }
        assert fills["in"] != fills["out"]


def test_names_in_addresses_are_quoted(window, served):
    with visit(window, served) as shown:
        paths = shown.page.evaluate(
            """() => import("/api.js").then(({ makePath }) =>
              ["..", ".", "a/b"].map((name) =>
                new URL(makePath(name, "tune"), location).pathname))"""
        )
    assert paths == [
        "/v1/names/%20../tune",
        "/v1/names/%20./tune",
        f"/v1/names/{quote('a/b', safe='')}/tune",
    ]
