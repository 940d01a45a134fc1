// Learn a person: the camera's picture with an oval, a ring that fills, then the result.

import { get, of } from "../api.js";
import { Camera, NoCamera } from "../camera.js";
import { certificate } from "../certificate.js";
import { announce, button, confirmed, h, icon, notice } from "../dom.js";
import { Live } from "../live.js";
import { Stage } from "../stage.js";
import { odds, sentence, several, signed } from "../words.js";

export const title = "Enroll";
export const lead = "Show your face from the front and from both sides. It takes about ten seconds.";

const ARROWS = { left: "←", right: "→" }; // as in the mirror that the picture is

export async function render(body, name) {
  const sitting = new Sitting(body, name, await get("/v1/names"));
  return () => sitting.quit();
}

class Sitting {
  constructor(body, name, everybody) {
    this.body = body;
    this.taken = everybody.map((person) => person.name);
    this.stage = new Stage({ guided: true });
    this.input = h("input", { id: "name", type: "text", maxlength: 64, autocomplete: "off", spellcheck: "false", value: name, required: true, "aria-describedby": "name-help" });
    this.help = h("p", { class: "soft small", id: "name-help" }, "1 to 64 characters. It is shown when your face is accepted.");
    this.begin = button("Start", "camera", null, "primary");
    this.begin.type = "submit";
    this.enough = button("That is enough", "check", () => this.live?.finish());
    this.enough.hidden = true;
    this.cancel = button("Cancel", "cross", () => this.stop());
    this.cancel.hidden = true;
    this.progress = h("progress", { max: 7, value: 0, "aria-label": "Poses covered" });
    this.counted = h("p", { class: "soft small" }, "Nothing yet.");
    this.form = h("form", { class: "card panel", onsubmit: (event) => { event.preventDefault(); this.start(); } },
      h("div", { class: "field" }, h("label", { for: "name" }, "Name"), this.input, this.help),
      h("div", { class: "actions" }, this.begin, this.enough, this.cancel),
      h("div", { class: "covered" }, this.progress, this.counted),
      h("ul", { class: "tips" },
        h("li", {}, "Good light from the front helps most."),
        h("li", {}, "Turn slowly: a little to the left, a little to the right."),
        h("li", {}, "Cannot turn your head? Say “That is enough” after the first pictures.")));
    this.off();
    this.split = h("div", { class: "split" }, this.stage.element, this.form);
    body.replaceChildren(this.split);
  }

  off() {
    this.stage.ring.fill({});
    this.stage.blank(notice("camera", "The camera is off", "What is learned stays in your vault; the pictures are forgotten."));
  }

  async start() {
    const name = this.input.value.normalize("NFC").trim();
    if (!name) {
      this.input.focus();
      return;
    }
    let how = "";
    if (this.taken.includes(name)) {
      const again = await confirmed(`${name} is enrolled already`, "Start over? What was learned before is forgotten once the new pictures are good.", "Start over");
      if (!again) return;
      how = "?replace=true";
    }
    this.quit();
    const turn = (this.turn = {});
    const camera = (this.camera = new Camera(this.stage.video));
    this.stage.blank(h("p", { class: "soft" }, "Waiting for the camera…"));
    this.running(true);
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
    this.stage.ask("Loading…");
    const live = (this.live = new Live(camera, of(name, `sitting${how}`)));
    camera.onlost(() => this.failed(new NoCamera("The camera is gone", "It was unplugged, or another program took it.")));
    live.addEventListener("look", ({ detail }) => this.look(detail));
    live.addEventListener("photo", ({ detail }) => this.photo(detail));
    live.addEventListener("learning", () => this.learning());
    live.addEventListener("enrolled", ({ detail }) => this.enrolled(detail));
    live.addEventListener("over", ({ detail }) => this.failed(new Error(sentence(detail.why))));
    live.addEventListener("problem", ({ detail }) => this.failed(new Error(sentence(detail.detail))));
    live.addEventListener("end", ({ detail }) => !detail.known && this.failed(new Error("The service ended it.")));
  }

  look({ advice, covered, fits, asked }) {
    this.stage.ring.fill(covered, fits, asked);
    this.stage.ask(advice, ARROWS[asked] ?? "");
    this.cover(covered);
    // Not every word of a moving head is worth saying aloud.
    if (advice !== this.said && performance.now() - (this.saidAt ?? 0) > 1500) {
      announce(advice);
      this.said = advice;
      this.saidAt = performance.now();
    }
  }

  photo({ covered }) {
    this.stage.ring.fill(covered, true);
    this.cover(covered);
  }

  cover(covered) {
    const count = Object.values(covered).reduce((sum, each) => sum + each, 0);
    this.progress.value = count;
    this.enough.disabled = !count;
    this.counted.textContent = `${covered.front} of 3 from the front, ${covered.left} of 2 to the left, ${covered.right} of 2 to the right.`;
  }

  learning() {
    this.stage.ask("Learning…");
    announce("Learning");
  }

  enrolled({ enrollment, certificate: sentences }) {
    const { name, taken, alpha, far, advice, notes, seconds } = enrollment;
    this.quit();
    const heading = h("h2", { tabindex: "-1" }, `${name} is enrolled`);
    this.body.replaceChildren(h("section", { class: "card result" },
      h("div", { class: "done" }, icon("check")),
      heading,
      h("p", { class: "promise" }, sentence(odds(far))),
      h("p", { class: "soft" }, `Learned from ${several(taken, "picture")} in ${seconds.toFixed(0)} seconds. A face must reach a margin of ${signed(alpha)}.`),
      advice.length ? h("ul", { class: "tips" }, advice.map((tip) => h("li", {}, sentence(tip)))) : null,
      h("div", { class: "actions center" },
        h("a", { class: "button primary", href: `#/unlock/${encodeURIComponent(name)}` }, icon("unlock"), h("span", {}, "Try it")),
        button("Enroll somebody else", "enroll", () => window.dispatchEvent(new HashChangeEvent("hashchange")))),
      certificate(name, sentences, notes)));
    announce(`${name} is enrolled. ${sentence(odds(far))}`);
    heading.focus();
  }

  failed(error) {
    this.stop();
    if (error instanceof TypeError) console.error(error);
    const [name, said] = error instanceof NoCamera ? ["camera-off", error.title] : ["warn", "Nothing was enrolled"];
    this.stage.blank(notice(name, said, error.message, button("Try again", "renew", () => this.start())));
    announce(`${said}. ${error.message}`);
  }

  running(yes) {
    this.begin.hidden = yes;
    this.cancel.hidden = this.enough.hidden = !yes;
    this.enough.disabled = true;
    this.input.disabled = yes;
    this.split.classList.toggle("running", yes);
    if (!yes) return;
    this.cancel.focus({ preventScroll: true });
    this.stage.element.scrollIntoView({ block: "nearest" });
  }

  stop() {
    this.quit();
    this.running(false);
    this.progress.value = 0;
    this.counted.textContent = "Nothing yet.";
    this.off();
  }

  quit() {
    this.turn = null;
    this.said = null;
    this.live?.stop();
    this.live = null;
    this.camera?.stop();
  }
}
