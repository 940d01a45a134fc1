// Say who is in a picture, from a file or from the camera, among everybody who is enrolled.

import { ask, get, Problem } from "../api.js";
import { NoCamera } from "../camera.js";
import { Capture } from "../capture.js";
import { announce, h, makeButton, makeDetails, makeIcon, makeNotice } from "../dom.js";
import { t } from "../i18n.js";
import { PhotoDrop } from "../photos.js";
import { openCamera, Stage } from "../stage.js";
import { adviseOn, describeDecision, describeLiveness, formatSeconds, formatSigned, joinSentences, makeSentence, nameDoorEvent } from "../words.js";

export const title = "Who is this?";
export const lead = "A picture, or everybody before the camera, is compared with all who are enrolled. Somebody who is not enrolled is told as such.";

const SHOWN_VISITS = 20;
const VERDICT_MS = 5000; // the stage shows a verdict for so long: by then somebody else may be there
const KINDS = { known: "yes", unknown: "no", not_live: "no", locked_out: "no", ambiguous: "unsure" }; // by verdict

export async function render(body) {
  const people = await get("/v1/people");
  const view = new WhoView(people.length);
  body.replaceChildren(view.element);
  return () => view.close();
}

class WhoView {
  constructor(count) {
    this.stage = new Stage();
    this.camera = null;
    this.asked = 0; // number of the newest picture, or of what replaced it
    this.lookButton = makeButton(t("Look"), "who", () => this.look(), "primary");
    this.stopButton = makeButton(t("Stop"), "camera-off", () => this.showOff());
    this.followButton = makeButton(t("Watch everybody"), "people", () => this.follow());
    this.visits = h("ol", { class: "visits", "aria-label": t("Visits") });
    this.startButton = makeButton(t("Start the camera"), "camera", () => this.start(), "primary");
    this.drop = new PhotoDrop((files) => files.length && this.identify(files[0], files[0].name), { multiple: false, label: t("A picture") });
    this.outcome = h("div", { class: "outcome", role: "status" });
    this.element = h("div", { class: "split" },
      h("div", { class: "stack" }, this.stage.element),
      h("section", { class: "card panel", "aria-label": t("Answer") },
        h("div", { class: "actions" }, this.lookButton, this.followButton, this.stopButton),
        this.drop.element,
        this.outcome,
        this.visits,
        count ? null : h("p", { class: "soft" }, t("Nobody is enrolled yet"))));
    this.showOff();
  }

  showOff() {
    this.stopCamera();
    this.outcome.replaceChildren(h("p", { class: "soft" }, t("No picture yet.")));
    this.followButton.hidden = false;
    this.lookButton.hidden = this.stopButton.hidden = true;
    this.stage.showInstead(makeNotice("camera", t("The camera is off"), t("Pictures go to this service only, and are forgotten once looked at."), this.startButton));
  }

  stopCamera() {
    this.asked += 1;
    this.lookButton.disabled = false;
    this.camera?.stop();
    this.capture?.stop();
    this.camera = this.capture = null;
    clearTimeout(this.timer);
    this.visits.replaceChildren();
  }

  /** Follow everybody before the camera, and say who they are as soon as that is sure. */
  async follow() {
    this.stopCamera();
    this.outcome.replaceChildren();
    this.capture = new Capture(this.stage, () => "/v1/identify/watch", {
      started: () => this.stage.showPrompt(t("Loading…")),
      failed: (error) => this.showCameraError(error, () => this.follow()),
      ended: (words) => this.showCameraError(new NoCamera(t("Paused"), words), () => this.follow()),
      silent: () => this.visits.replaceChildren(),
      ready: (message) => this.showRules(message),
      look: (message) => this.showFaces(message),
      visit: (message) => this.showVisit(message),
    });
    this.lookButton.hidden = this.followButton.hidden = true;
    this.stopButton.hidden = false;
    this.stopButton.focus({ preventScroll: true });
    await this.capture.start();
  }

  showRules({ opens }) {
    this.outcome.replaceChildren(h("p", { class: "soft" }, opens
      ? t("Each visit counts as an attempt, as at a door.")
      : t("This is a doorbell: it opens nothing, and no attempt is counted.")));
  }

  showFaces({ people }) {
    this.stage.showPrompt(null);
    this.stage.showNote(this.capture.stream.isSlow ? t("Few pictures get through: the line or the computer is slow. Hold still for longer.") : "");
    this.stage.frameFaces(people.map(({ box, verdict, name, decision }) => ({
      box, kind: KINDS[verdict] ?? "", words: verdict === "known" ? decision?.name ?? name : KINDS[verdict] ? nameDoorEvent(verdict) : "…",
    })));
  }

  showVisit({ event, name, decision, names }) {
    if (event === "came") return;
    const who = decision?.name && event === "known" ? decision.name : name;
    const words = event === "known" ? who : joinSentences(nameDoorEvent(event), names?.length ? names.join(t(" or ")) : "").replace(/\.$/, "");
    const at = new Date().toISOString();
    this.visits.prepend(h("li", { class: KINDS[event] ?? "soft" }, h("span", {}, words), h("time", { class: "soft small", datetime: at }, formatSeconds(at))));
    while (this.visits.childElementCount > SHOWN_VISITS) this.visits.lastChild.remove();
    if (event !== "left") announce(words);
  }

  async start() {
    if (!await openCamera(this)) return;
    this.lookButton.hidden = this.stopButton.hidden = false;
    this.followButton.hidden = true;
    this.lookButton.focus({ preventScroll: true });
  }

  showCameraError(error, again = () => this.start()) {
    if (!(error instanceof NoCamera)) console.error(error);
    this.showOff();
    this.stage.showInstead(makeNotice("camera-off", error.title ?? t("The camera cannot be used"), error.message, makeButton(t("Try again"), "renew", again)));
    announce(joinSentences(error.title, error.message));
  }

  async look() {
    await this.identify(await this.camera.takePicture(), t("the camera’s picture"), this.camera.isDark());
  }

  async identify(picture, name, isDark = false) {
    const form = new FormData();
    form.append("frame", picture, name);
    const number = ++this.asked;
    this.lookButton.disabled = true;
    this.stage.showVerdict(null);
    this.outcome.replaceChildren(h("p", { class: "soft" }, t("One moment…")));
    try {
      const decision = await ask("POST", "/v1/identify", form);
      if (number === this.asked) this.showDecision(decision, isDark);
    } catch (error) {
      if (!(error instanceof Problem) || !error.status) throw error;
      if (number === this.asked) this.outcome.replaceChildren(h("p", { class: "refused" }, makeIcon("warn"), makeSentence(error.message)));
    } finally {
      if (number === this.asked) this.lookButton.disabled = false;
    }
  }

  /** Show a verdict on the camera's picture, which goes on: after a while it is of the past. */
  showVerdict(kind, words) {
    this.stage.showVerdict(kind, words);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.stage.showVerdict(null), VERDICT_MS);
  }

  showDecision(decision, isDark) {
    const isDarkness = isDark && decision.reason === "no_face";
    const words = isDarkness ? t("It is too dark") : describeDecision(decision, null);
    const advice = isDarkness ? t("Turn on a light, or uncover the camera.") : decision.reason === "no_match" ? t("The face is none of those that are enrolled.") : adviseOn(decision);
    const kind = decision.accepted ? "yes" : decision.reason === "no_match" ? "no" : "unsure";
    if (this.camera) this.showVerdict(kind, words);
    this.outcome.replaceChildren(
      h("h2", { class: kind }, words),
      advice ? h("p", {}, advice) : "",
      makeDetails(t("Figures"), h("p", {}, joinSentences(
        t("Margin {margin}, alpha {alpha}", { margin: formatSigned(decision.margin), alpha: formatSigned(decision.alpha) }),
        `${t("A living person")}: ${describeLiveness(decision.liveness)}`,
        decision.name && !decision.accepted ? t("Most alike: {name}", { name: decision.name }) : ""))));
    announce(joinSentences(words, advice));
  }

  close() {
    this.showOff();
  }
}
