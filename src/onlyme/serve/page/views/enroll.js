// Enroll a person: before the camera, with an oval and a ring that fills, or from photos.

import { ask, get, makePath, Problem } from "../api.js";
import { SteadyAdvice } from "../advice.js";
import { listCameras, NoCamera } from "../camera.js";
import { makeCameraChoice } from "../camera-choice.js";
import { Capture } from "../capture.js";
import { announce, askToConfirm, h, makeButton, makeNotice } from "../dom.js";
import { FaceMap } from "../facemap.js";
import { t, translate } from "../i18n.js";
import { PhotoDrop } from "../photos.js";
import { findPeople } from "../picker.js";
import { showEnrolled } from "../result.js";
import { Stage } from "../stage.js";
import { joinSentences, makeSentence } from "../words.js";

export const title = "Enroll";
export const lead = "Show your face from the front and from both sides. It takes about ten seconds.";

const ARROWS = { left: "←", right: "→" }; // as in a mirror, which the picture is like
const WANTED_PHOTOS = { front: 3, left: 2, right: 2 };
const UNSEEN = "cannot be seen"; // what the advice says of eyes or a mouth that seem covered
const ADVICE_PAUSE_MS = 1500; // between two pieces of advice that are said aloud

export async function render(body, name) {
  const view = new EnrollView(body, name, await listCameras());
  return () => view.stop();
}

/** The same view for photos that are added to a person. */
export const more = {
  title: "More photos",
  lead: "Photos of another day, in another light, with or without glasses: each makes a refusal rarer.",
  async render(body, name) {
    const { chosen, notices } = await findPeople("more", name);
    body.replaceChildren(...notices);
    if (!chosen) return null;
    const view = new EnrollView(body, chosen.name, await listCameras(), { adds: true });
    return () => view.stop();
  },
};

class EnrollView {
  constructor(body, name, cameras, { adds = false } = {}) {
    this.body = body;
    this.adds = adds;
    this.advice = new SteadyAdvice();
    this.stage = new Stage({ guided: true });
    this.map = new FaceMap(WANTED_PHOTOS);
    this.input = h("input", { id: "name", type: "text", maxlength: 128, autocomplete: "off", spellcheck: "false", value: name, required: true, readonly: adds, "aria-describedby": "name-help" });
    this.help = h("p", { class: "soft small", id: "name-help" });
    this.look = h("input", { type: "text", id: "look", maxlength: 128, autocomplete: "off", spellcheck: "false", "aria-describedby": "look-help" });
    this.startButton = makeButton(t("Start"), "camera", null, "primary");
    this.startButton.type = "submit";
    this.finishButton = makeButton(t("That is enough"), "check", () => this.capture?.stream?.finish());
    this.finishButton.hidden = true;
    this.cancelButton = makeButton(t("Cancel"), "cross", () => { this.stop(); this.input.focus({ preventScroll: true }); });
    this.cancelButton.hidden = true;
    this.photos = new PhotoDrop((files) => this.enrollPhotos(files));
    this.form = h("form", { class: "card panel", novalidate: true, onsubmit: (event) => { event.preventDefault(); this.start(); } },
      h("div", { class: "field" }, h("label", { for: "name" }, t("Name")), this.input, this.help),
      h("details", { class: "figures", open: adds }, h("summary", {}, t("A look, such as glasses")),
        h("div", { class: "field" }, h("label", { for: "look" }, t("Name of the look")), this.look,
          h("p", { class: "soft small", id: "look-help" }, t("May stay empty. The pictures of a look can be removed together later.")))),
      makeCameraChoice(cameras),
      h("div", { class: "actions" }, this.startButton, this.finishButton, this.cancelButton),
      this.map.element,
      h("details", { class: "figures" }, h("summary", {}, t("Use photos instead")), this.photos.element));
    this.tips = h("ul", { class: "tips card" },
      h("li", {}, t("Good light from the front helps most.")),
      h("li", {}, t("Turn slowly: a little to the left, a little to the right.")),
      h("li", {}, t("Cannot turn your head? End it after the first pictures.")));
    this.explainName("");
    this.showOff();
    this.split = h("div", { class: "split" }, h("div", { class: "stack" }, this.stage.element, this.tips), this.form);
    body.replaceChildren(this.split);
  }

  showOff() {
    this.stage.ring.fill({});
    this.map.fill({ front: 0, left: 0, right: 0 });
    this.stage.showInstead(makeNotice("camera", t("The camera is off"), t("What is learned stays in your vault; the pictures are forgotten.")));
  }

  /** Say what is wrong with the name; an empty text says what a name is. */
  explainName(problem) {
    this.help.className = problem ? "refused small" : "soft small";
    this.help.textContent = problem || (this.adds ? "" : t("1 to 64 characters. It is shown when your face is accepted."));
    this.input.toggleAttribute("aria-invalid", false);
    if (problem) {
      this.input.setAttribute("aria-invalid", "true");
      this.input.focus();
      announce(problem);
    }
  }

  /** Have the service check the name; resolves to the options of the enrolment, or to null. */
  async agreeOnName() {
    this.explainName("");
    const look = await this.checkLook();
    if (look === null) return null;
    if (this.adds) return { name: this.input.value, query: new URLSearchParams({ add: "true", ...look }) };
    const { name, problem, taken, similar } = await get(`/v1/name-check?${new URLSearchParams({ name: this.input.value })}`);
    if (problem) {
      this.explainName(makeSentence(translate(problem)));
      return null;
    }
    const query = new URLSearchParams(look);
    if (taken) {
      const again = await askToConfirm(t("{name} is enrolled already", { name }), t("Start over? What was learned before is forgotten once the new pictures are good."), t("Start over"), this.body);
      if (!again) return null;
      query.set("replace", "true");
    } else if (similar) {
      const sure = await askToConfirm(t("“{name}” is enrolled as well", { name: similar }), t("“{name}” and “{other}” are easily confused. To add photos to that person, open “People”.", { name, other: similar }), t("Enroll “{name}”", { name }), this.body);
      if (!sure) return null;
    }
    return { name, query };
  }

  /** Return the look as part of a query, or null if it cannot be one. */
  async checkLook() {
    if (!this.look.value.trim()) return {};
    const { name, problem } = await get(`/v1/name-check?${new URLSearchParams({ name: this.look.value })}`);
    if (!problem) return { look: name };
    const words = makeSentence(translate(problem));
    await askToConfirm(t("A look, such as glasses"), words, t("Understood"), this.body);
    return null;
  }

  async start({ anyway = false } = {}) {
    const agreed = await this.agreeOnName();
    if (!agreed || !this.split.isConnected) return;
    if (anyway) agreed.query.set("anyway", "true");
    this.stopCapture();
    this.setRunning(true);
    this.seemsCovered = false;
    this.capture = new Capture(this.stage, () => makePath(agreed.name, `sitting?${agreed.query}`), {
      started: () => { this.stage.showPrompt(t("Loading…")); this.stage.focus(); },
      failed: (error) => this.showError(error),
      ended: (words, kind) => (kind === "same-person" ? this.askAgain(() => this.start({ anyway: true })) : this.showError(new Error(words))),
      look: (message) => this.showLook(message),
      photo: ({ covered }) => this.showCoverage(covered, { fits: true }),
      learning: () => this.showLearning(),
      enrolled: ({ enrollment, certificate }) => this.showResult(enrollment, certificate),
    });
    await this.capture.start();
  }

  showLook({ advice, covered, fits, asked, box }) {
    this.seemsCovered ||= advice.includes(UNSEEN);
    const isDark = !box && this.capture.camera.isDark();
    const words = this.advice.take(isDark ? t("It is too dark, or something covers the camera.") : translate(advice));
    this.showCoverage(covered, { fits, asked });
    this.stage.showNote(this.capture.stream.isSlow ? t("Few pictures get through: the line or the computer is slow. Hold still for longer.") : "");
    this.stage.showPrompt(words, ARROWS[asked] ?? "");
    // Advice changes often while a head moves; a screen reader says only some of it.
    if (words !== this.saidAdvice && performance.now() - (this.saidAt ?? 0) > ADVICE_PAUSE_MS) {
      announce(words);
      this.saidAdvice = words;
      this.saidAt = performance.now();
    }
  }

  showCoverage(covered, { fits = false, asked = null }) {
    this.stage.ring.fill(covered, fits, asked);
    this.map.fill(covered, asked);
    this.finishButton.disabled = !Object.values(covered).some(Boolean);
  }

  showLearning() {
    this.capture.camera.release();
    this.stage.showPrompt(t("Learning…"));
    announce(t("Learning…"));
  }

  async enrollPhotos(files, { anyway = false } = {}) {
    if (!files.length) return;
    const agreed = await this.agreeOnName();
    if (!agreed || !this.split.isConnected) return;
    if (anyway) agreed.query.set("anyway", "true");
    const form = new FormData();
    for (const file of files) form.append("me", file, file.name);
    this.setRunning(true);
    this.stage.showInstead(h("p", { class: "soft" }, t("Learning…")));
    try {
      const isNew = !agreed.query.has("replace");
      agreed.query.delete("replace");
      const enrollment = await ask(isNew ? "POST" : "PUT", `${makePath(agreed.name)}?${agreed.query}`, form);
      const { sentences } = await get(makePath(agreed.name, "promise"));
      this.showResult(enrollment, sentences);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.kind === "same-person") this.askAgain(() => this.enrollPhotos(files, { anyway: true }));
      else {
        this.seemsCovered = error.message.includes(UNSEEN);
        this.showError(error, () => this.enrollPhotos(files, { anyway: true }));
      }
      this.photos.clear();
    }
  }

  showResult(enrollment, sentences) {
    this.stopCapture();
    showEnrolled(this.body, enrollment, sentences);
  }

  askAgain(enrollAnyway) {
    this.stop();
    const heading = t("This face is enrolled already");
    const words = t("A person with another name has it. With two names for one face, a search finds neither.");
    this.stage.showInstead(makeNotice("warn", heading, words, makeButton(t("Enroll all the same"), "enroll", enrollAnyway)));
    announce(joinSentences(heading, words));
  }

  showError(error, enrollAnyway = () => this.start({ anyway: true })) {
    this.stop();
    if (error instanceof TypeError) console.error(error);
    const [iconName, heading] = error instanceof NoCamera ? ["camera-off", error.title] : ["warn", t("Nothing was enrolled")];
    const actions = [makeButton(t("Try again"), "renew", () => this.start())];
    if (this.seemsCovered) actions.push(makeButton(t("Enroll all the same"), "enroll", enrollAnyway));
    this.stage.showInstead(makeNotice(iconName, heading, makeSentence(error.message), ...actions));
    announce(joinSentences(heading, error.message));
  }

  setRunning(yes) {
    this.startButton.hidden = yes;
    this.cancelButton.hidden = this.finishButton.hidden = !yes;
    this.finishButton.disabled = true;
    this.input.disabled = this.look.disabled = yes;
    this.split.classList.toggle("running", yes);
  }

  stop() {
    this.stopCapture();
    this.setRunning(false);
    this.showOff();
  }

  stopCapture() {
    this.advice.restart();
    this.saidAdvice = null;
    this.capture?.stop();
    this.capture = null;
  }
}
