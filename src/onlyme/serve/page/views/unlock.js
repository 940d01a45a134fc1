// The live demo: who the camera sees, how sure that is, and what the gate thinks.

import { of } from "../api.js";
import { Camera, NoCamera } from "../camera.js";
import { announce, button, h, icon, notice } from "../dom.js";
import { Live } from "../live.js";
import { Meter } from "../meter.js";
import { nobody, people, picker } from "../picker.js";
import { Stage } from "../stage.js";
import { clock, hint, odds, sentence, several, signed, verdict } from "../words.js";

export const title = "Unlock";
export const lead = "What a door with your face for a key would do. Nothing is opened, and no picture is kept.";

const READ = 1500; // milliseconds to read a rejection before the next try,
const OPEN = 1200; // and an acceptance: a door that opened stays open for a moment

/** The picture of the newest attempt that was accepted, for “That wasn't me”. */
export const accepted = { name: null, picture: null };

export async function render(body, wanted) {
  const found = await people(wanted);
  if (!found) {
    body.replaceChildren(nobody());
    return null;
  }
  const demo = new Demo(found);
  body.replaceChildren(demo.element);
  return () => demo.close();
}

class Demo {
  constructor(found) {
    this.name = found.chosen.name;
    this.stage = new Stage();
    this.meter = new Meter();
    this.facts = Object.fromEntries(["verdict", "margin", "alpha", "odds", "gate", "speed"].map((key) => [key, h("dd", {}, "–")]));
    this.begin = button("Start the camera", "camera", () => this.start(), "primary");
    this.halt = button("Stop", "camera-off", () => this.stop());
    this.harder = h("input", { type: "checkbox", id: "harder", onchange: () => this.live && this.start() });
    this.mistaken = h("a", { class: "button", href: `#/not-me/${encodeURIComponent(this.name)}`, hidden: true }, icon("not-me"), h("span", {}, "That wasn’t me"));
    this.buttons = h("div", { class: "actions" }, this.halt, this.mistaken);
    this.element = h("div", { class: "split" },
      this.stage.element,
      h("section", { class: "card panel", "aria-label": "Readings" },
        picker("unlock", found),
        this.buttons,
        this.meter.element,
        h("dl", { class: "facts" },
          fact("Verdict", this.facts.verdict), fact("Margin", this.facts.margin), fact("Alpha", this.facts.alpha),
          fact("Which means", this.facts.odds, "wide"), fact("The gate", this.facts.gate, "wide"), fact("Speed", this.facts.speed, "wide")),
        h("div", { class: "choice" }, this.harder, h("label", { for: "harder" }, "Ask me to move, as a photo cannot"))));
    this.off();
    this.meter.show(null, found.chosen.alpha);
    this.facts.alpha.textContent = signed(found.chosen.alpha);
    this.facts.odds.textContent = sentence(odds(found.chosen.far));
    this.hidden = () => document.hidden && this.live && this.stop();
    document.addEventListener("visibilitychange", this.hidden);
  }

  off() {
    this.running(false);
    this.stage.blank(notice("camera", "The camera is off", "Pictures go to this service only, and are forgotten once looked at.", this.begin));
  }

  /** Show the buttons that make sense now; whoever pressed one keeps the focus on the other. */
  running(yes) {
    const focused = document.activeElement === this.begin || document.activeElement === this.halt;
    this.halt.hidden = !yes;
    this.buttons.hidden = !yes && this.mistaken.hidden;
    if (yes && focused) this.halt.focus({ preventScroll: true });
  }

  async start() {
    this.quit();
    const turn = (this.turn = {});
    const camera = (this.camera = new Camera(this.stage.video));
    this.running(true);
    this.stage.blank(h("p", { class: "soft" }, "Waiting for the camera…"));
    try {
      await camera.start();
    } catch (error) {
      if (turn === this.turn) this.failed(error);
      return;
    }
    if (turn !== this.turn) {
      camera.stop();
      return;
    }
    this.stage.fit();
    this.stage.clear();
    this.stage.note("Loading…");
    const live = (this.live = new Live(camera, of(this.name, `watch${this.harder.checked ? "?liveness=challenge" : ""}`)));
    camera.onlost(() => this.failed(new NoCamera("The camera is gone", "It was unplugged, or another program took it.")));
    live.addEventListener("ready", ({ detail }) => this.gate(detail.gate));
    live.addEventListener("look", ({ detail }) => this.look(detail));
    live.addEventListener("ask", ({ detail }) => this.ask(detail));
    live.addEventListener("attempt", ({ detail }) => this.attempt(detail));
    live.addEventListener("closed", ({ detail }) => this.closed(detail.gate));
    live.addEventListener("over", ({ detail }) => this.pause(sentence(detail.why)));
    live.addEventListener("problem", ({ detail }) => this.pause(sentence(detail.detail)));
    live.addEventListener("end", ({ detail }) => !detail.known && this.pause("The service ended it."));
  }

  look(message) {
    this.stage.rest(false);
    this.stage.frame(message.box);
    this.stage.note(`${Math.round(message.rate)} frames/s`);
    this.speed = `${message.rate.toFixed(0)} frames a second, ${Math.round(message.latency)} ms each`;
    this.facts.speed.textContent = `${this.speed}.`;
  }

  ask({ arrow, words }) {
    this.stage.ask(sentence(words), arrow);
    announce(words);
  }

  attempt({ decision, gate, latency }) {
    this.facts.speed.textContent = `${this.speed}; the verdict ${Math.round(latency)} ms after its last picture.`;
    const words = verdict(decision, this.name);
    const kind = decision.accepted ? "yes" : decision.reason === "no_match" || decision.reason === "not_live" ? "no" : "unsure";
    const known = decision.margin !== null && decision.margin !== undefined;
    const numbers = known ? `margin ${signed(decision.margin)} ${decision.margin >= decision.alpha ? "≥" : "<"} alpha ${signed(decision.alpha)}` : "";
    this.stage.say(kind, words, numbers);
    this.facts.verdict.textContent = decision.accepted ? "Accepted" : words;
    this.facts.margin.textContent = signed(decision.margin);
    if (known) {
      this.facts.alpha.textContent = signed(decision.alpha);
      this.facts.odds.textContent = sentence(odds(decision.far));
      this.meter.show(decision.margin, decision.alpha);
    }
    this.gate(gate);
    const said = [words, hint(decision)].filter(Boolean).join(". ");
    if (said !== this.said) announce(decision.accepted ? `${words} is accepted` : said);
    this.said = said;
    if (decision.accepted) {
      Object.assign(accepted, { name: this.name, picture: this.live?.last });
      this.mistaken.hidden = this.buttons.hidden = false;
    }
    this.live?.hold(decision.accepted ? OPEN : READ);
    this.stage.rest(true);
  }

  gate({ tries, of: most, wait }) {
    this.facts.gate.textContent = wait ? `Closed for ${clock(wait)}.` : tries === most ? `Open: ${several(tries, "try", "tries")} in five minutes.` : `${several(tries, "try", "tries")} left; an accepted face starts over.`;
  }

  /** Too many tries failed: say for how long, and begin again by itself. */
  closed({ wait }) {
    this.quit();
    const end = performance.now() + wait * 1000;
    const left = h("p", { class: "countdown", role: "timer" }, clock(wait));
    this.stage.blank(notice("lock", "The gate is closed",
      "Too many tries failed. It opens again by itself; the password opens it at once: “onlyme reset” in a terminal.", left));
    announce(`The gate is closed for ${clock(wait)}`);
    this.running(false);
    this.timer = setInterval(() => {
      const seconds = (end - performance.now()) / 1000;
      left.textContent = clock(seconds);
      this.facts.gate.textContent = `Closed for ${clock(seconds)}.`;
      if (seconds <= 0) this.start();
    }, 1000);
  }

  failed(error) {
    this.quit();
    if (!(error instanceof NoCamera)) console.error(error);
    this.pause(error.message, error.title ?? "The camera cannot be used", "camera-off");
  }

  pause(words, title = "Paused", name = "warn") {
    this.quit();
    this.stage.blank(notice(name, title, words, button("Try again", "renew", () => this.start())));
    this.running(false);
    announce(`${title}. ${words}`);
  }

  quit() {
    clearInterval(this.timer);
    this.turn = null;
    this.live?.stop();
    this.live = null;
    this.camera?.stop();
    this.said = null;
  }

  stop() {
    this.quit();
    this.off();
    this.begin.focus({ preventScroll: true });
  }

  close() {
    this.quit();
    document.removeEventListener("visibilitychange", this.hidden);
  }
}

function fact(words, value, kind = "") {
  return h("div", { class: kind }, h("dt", {}, words), value);
}
