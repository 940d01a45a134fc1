// Enroll a person: show the camera's picture with an oval and a ring that fills, then the result.

import { get, makePath } from "../api.js";
import { NoCamera } from "../camera.js";
import { Capture } from "../capture.js";
import { makeCertificate } from "../certificate.js";
import { announce, askToConfirm, h, makeButton, makeIcon, makeNotice } from "../dom.js";
import { Stage } from "../stage.js";
import { describeOdds, formatCount, formatSigned, makeSentence } from "../words.js";

export const title = "Enroll";
export const lead = "Show your face from the front and from both sides. It takes about ten seconds.";

const ARROWS = { left: "←", right: "→" }; // as in a mirror, which the picture is like
const WANTED_PHOTOS = { front: 3, left: 2, right: 2 };
const ADVICE_PAUSE_MS = 1500; // between two pieces of advice that are said aloud

export async function render(body, name) {
  const view = new EnrollView(body, name, await get("/v1/names"));
  return () => view.stopCapture();
}

class EnrollView {
  constructor(body, name, people) {
    this.body = body;
    this.takenNames = people.map((person) => person.name);
    this.stage = new Stage({ guided: true });
    this.input = h("input", { id: "name", type: "text", maxlength: 64, autocomplete: "off", spellcheck: "false", value: name, required: true, "aria-describedby": "name-help" });
    this.help = h("p", { class: "soft small", id: "name-help" }, "1 to 64 characters. It is shown when your face is accepted.");
    this.startButton = makeButton("Start", "camera", null, "primary");
    this.startButton.type = "submit";
    this.finishButton = makeButton("That is enough", "check", () => this.capture?.stream?.finish());
    this.finishButton.hidden = true;
    this.cancelButton = makeButton("Cancel", "cross", () => this.stop());
    this.cancelButton.hidden = true;
    this.progress = h("progress", { max: countPhotos(WANTED_PHOTOS), value: 0, "aria-label": "Poses covered" });
    this.coverage = h("p", { class: "soft small" }, "Nothing yet.");
    this.form = h("form", { class: "card panel", onsubmit: (event) => { event.preventDefault(); this.start(); } },
      h("div", { class: "field" }, h("label", { for: "name" }, "Name"), this.input, this.help),
      h("div", { class: "actions" }, this.startButton, this.finishButton, this.cancelButton),
      h("div", { class: "covered" }, this.progress, this.coverage),
      h("ul", { class: "tips" },
        h("li", {}, "Good light from the front helps most."),
        h("li", {}, "Turn slowly: a little to the left, a little to the right."),
        h("li", {}, "Cannot turn your head? Say “That is enough” after the first pictures.")));
    this.showOff();
    this.split = h("div", { class: "split" }, this.stage.element, this.form);
    body.replaceChildren(this.split);
  }

  showOff() {
    this.stage.ring.fill({});
    this.stage.showInstead(makeNotice("camera", "The camera is off", "What is learned stays in your vault; the pictures are forgotten."));
  }

  async start(anyway = false) {
    const name = this.input.value.normalize("NFC").trim();
    if (!name) {
      this.input.focus();
      return;
    }
    let query = "";
    if (this.takenNames.includes(name)) {
      const again = await askToConfirm(`${name} is enrolled already`, "Start over? What was learned before is forgotten once the new pictures are good.", "Start over");
      if (!again) return;
      query = "?replace=true";
    }
    if (anyway) query += query ? "&anyway=true" : "?anyway=true";
    this.stopCapture();
    this.setRunning(true);
    this.capture = new Capture(this.stage, () => makePath(name, `sitting${query}`), {
      started: () => this.stage.showPrompt("Loading…"),
      failed: (error) => this.showError(error),
      ended: (words, kind) => (kind === "same-person" ? this.askAgain() : this.showError(new Error(words))),
      look: (message) => this.showLook(message),
      photo: (message) => this.showPhoto(message),
      learning: () => this.showLearning(),
      enrolled: (message) => this.showResult(message),
    });
    await this.capture.start();
  }

  showLook({ advice, covered, fits, asked }) {
    this.stage.ring.fill(covered, fits, asked);
    this.stage.showPrompt(advice, ARROWS[asked] ?? "");
    this.showCoverage(covered);
    // Advice changes often while a head moves; a screen reader says only some of it.
    if (advice !== this.saidAdvice && performance.now() - (this.saidAt ?? 0) > ADVICE_PAUSE_MS) {
      announce(advice);
      this.saidAdvice = advice;
      this.saidAt = performance.now();
    }
  }

  showPhoto({ covered }) {
    this.stage.ring.fill(covered, true);
    this.showCoverage(covered);
  }

  showCoverage(covered) {
    const count = countPhotos(covered);
    this.progress.value = count;
    this.finishButton.disabled = !count;
    const { front, left, right } = WANTED_PHOTOS;
    this.coverage.textContent = `${covered.front} of ${front} from the front, ${covered.left} of ${left} to the left, ${covered.right} of ${right} to the right.`;
  }

  showLearning() {
    this.stage.showPrompt("Learning…");
    announce("Learning");
  }

  showResult({ enrollment, certificate: sentences }) {
    const { name, taken, alpha, far, advice, notes, seconds } = enrollment;
    this.stopCapture();
    const heading = h("h2", { tabindex: "-1" }, `${name} is enrolled`);
    this.body.replaceChildren(h("section", { class: "card result" },
      h("div", { class: "done" }, makeIcon("check")),
      heading,
      h("p", { class: "promise" }, makeSentence(describeOdds(far))),
      h("p", { class: "soft" }, `Learned from ${formatCount(taken, "picture")} in ${seconds.toFixed(0)} seconds. A face must reach a margin of ${formatSigned(alpha)}.`),
      advice.length ? h("ul", { class: "tips" }, advice.map((tip) => h("li", {}, makeSentence(tip)))) : null,
      h("div", { class: "actions center" },
        h("a", { class: "button primary", href: `#/unlock/${encodeURIComponent(name)}` }, makeIcon("unlock"), h("span", {}, "Try it")),
        makeButton("Enroll somebody else", "enroll", () => window.dispatchEvent(new HashChangeEvent("hashchange")))),
      makeCertificate(name, sentences, notes)));
    announce(`${name} is enrolled. ${makeSentence(describeOdds(far))}`);
    heading.focus();
  }

  askAgain() {
    this.stop();
    const heading = "This face is enrolled already";
    const words = "A person with another name has it. With two names for one face, a search finds neither.";
    this.stage.showInstead(makeNotice("warn", heading, words, makeButton("Enroll all the same", "enroll", () => this.start(true))));
    announce(`${heading}. ${words}`);
  }

  showError(error) {
    this.stop();
    if (error instanceof TypeError) console.error(error);
    const [iconName, heading] = error instanceof NoCamera ? ["camera-off", error.title] : ["warn", "Nothing was enrolled"];
    this.stage.showInstead(makeNotice(iconName, heading, error.message, makeButton("Try again", "renew", () => this.start())));
    announce(`${heading}. ${error.message}`);
  }

  setRunning(yes) {
    this.startButton.hidden = yes;
    this.cancelButton.hidden = this.finishButton.hidden = !yes;
    this.finishButton.disabled = true;
    this.input.disabled = yes;
    this.split.classList.toggle("running", yes);
    if (!yes) return;
    this.cancelButton.focus({ preventScroll: true });
    this.stage.element.scrollIntoView({ block: "nearest" });
  }

  stop() {
    this.stopCapture();
    this.setRunning(false);
    this.progress.value = 0;
    this.coverage.textContent = "Nothing yet.";
    this.showOff();
  }

  stopCapture() {
    this.saidAdvice = null;
    this.capture?.stop();
    this.capture = null;
  }
}

function countPhotos(byPose) {
  return Object.values(byPose).reduce((sum, count) => sum + count, 0);
}
