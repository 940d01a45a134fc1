"""Read what the page shows of attempts, and show it decisions as the service sends them."""


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
