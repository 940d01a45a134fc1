"""Read what the page shows of attempts, and show it decisions as the service sends them."""


def list_readings(page):
    """What a view says of pictures, which must be nothing while none is taken."""
    return page.evaluate(
        """() => { const find = (selector) => document.querySelector(selector);
          return [
          find(".stage").dataset.verdict,
          find(".pill:not([hidden])")?.textContent,
          find(".stage > .drawing > .box[visibility=visible]") && "box",
          find(".stage .faces .box") && "boxes",
          find(".stage .cover:not([hidden])") && find(".arc.filled") && "ring",
          find(".meter .margin:not([hidden])") && "margin",
          find(".life .level:is(.live, .attack, .undecided)") && "life",
          find(".stage .prompt:not([hidden])")?.textContent,
          find(".timeline .line")?.getAttribute("d"),
          find(".outcome h2")?.textContent,
          find(".visits li")?.textContent,
          [...document.querySelectorAll(".facts dd, .panel p")].map((one) => one.textContent)
            .find((words) => /^(Accepted|It is (not )?you)/.test(words)),
        ].filter(Boolean); }"""
    )


def watch_until_accepted(shown):
    shown.see("unlock", "obama")
    shown.page.click("text=Start the camera")
    shown.page.wait_for_selector(".stage[data-verdict=yes]")
    assert len(list_readings(shown.page)) > 3


def render_attempt(shown, decision, gate=None):
    """Show a decision of the service on the Unlock view, as its stream would."""
    gate = gate or {"tries": 4, "of": 5, "wait": 0}
    shown.page.evaluate(
        """([decision, gate]) => {
          window.sockets.at(-1).dispatchEvent(new MessageEvent("message",
            { data: JSON.stringify({ is: "attempt", decision, gate, taken: 0 }) })); }""",
        [decision, gate],
    )


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


def read_alpha(served):
    return served.client().get("/v1/names/obama/tune").json()["alpha"]
