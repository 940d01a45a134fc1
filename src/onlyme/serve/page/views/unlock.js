// Demonstrate recognition live: the person, the margin, the promise of alpha, and the gate.

import { makePath } from "../api.js";
import { NoCamera } from "../camera.js";
import { Capture } from "../capture.js";
import { announce, h, makeButton, makeDetails, makeIcon, makeLink, makeNotice } from "../dom.js";
import { formatNumber, t, translate } from "../i18n.js";
import { Meter } from "../meter.js";
import { findPeople, makePicker } from "../picker.js";
import { Stage } from "../stage.js";
import { Timeline } from "../timeline.js";
import { adviseOn, describeDecision, describeGate, describeLiveness, describeOdds, formatDuration, formatSigned, hasFailedChallenge, joinSentences, makeSentence } from "../words.js";

export const title = "Unlock";
export const lead = "What a door with your face for a key would do. Nothing is opened, and no picture is kept.";

// Pauses after an attempt: time to read a rejection, and more before the last try; time in which an
// opened door stays open. The service waits five seconds for a picture.
const REJECTED_PAUSE_MS = 1500;
const LAST_TRY_PAUSE_MS = 4000;
const ACCEPTED_PAUSE_MS = 1200;
const SURE_REASONS = ["no_match", "not_live"]; // rejections that are no doubt

/** The picture of the newest attempt that was accepted, for the view “That wasn't me”. */
export const lastAccepted = { name: null, picture: null };

export async function render(body, wanted) {
  const people = await findPeople("unlock", wanted);
  body.replaceChildren(...people.notices);
  if (!people.chosen) return null;
  const view = new UnlockView(people);
  body.append(view.element);
  return () => view.close();
}

class UnlockView {
  constructor(people) {
    this.name = people.chosen.name;
    this.alpha = people.chosen.alpha;
    this.stage = new Stage();
    this.meter = new Meter();
    this.timeline = new Timeline(this.alpha);
    this.facts = Object.fromEntries(["verdict", "living", "odds", "gate", "margin", "alpha", "score", "speed"].map((key) => [key, h("dd", {}, "–")]));
    this.startButton = makeButton(t("Start the camera"), "camera", () => this.start(), "primary");
    this.stopButton = makeButton(t("Stop"), "camera-off", () => this.stop());
    this.challengeBox = h("input", { type: "checkbox", id: "harder", onchange: () => this.capture && this.start() });
    this.notMeLink = makeLink(t("That wasn’t me"), "not-me", `#/not-me/${encodeURIComponent(this.name)}`);
    this.notMeLink.hidden = true;
    this.warning = h("p", { class: "last-try", role: "status", hidden: true });
    this.buttons = h("div", { class: "actions" }, this.stopButton, this.notMeLink);
    this.element = h("div", { class: "split" },
      h("div", { class: "stack" }, this.stage.element, this.timeline.element),
      h("section", { class: "card panel", "aria-label": t("Readings") },
        makePicker("unlock", people),
        this.buttons,
        this.warning,
        this.meter.element,
        h("dl", { class: "facts" },
          makeFact(t("Verdict"), this.facts.verdict, "wide"),
          makeFact(t("A living person"), this.facts.living, "wide"),
          makeFact(t("Tries left"), this.facts.gate, "wide"),
          makeFact(t("At this setting"), this.facts.odds, "wide")),
        makeDetails(t("Figures"), h("dl", { class: "facts" },
          makeFact(t("Margin"), this.facts.margin), makeFact("Alpha", this.facts.alpha), makeFact(t("Liveness"), this.facts.score),
          makeFact(t("Speed"), this.facts.speed, "wide"))),
        h("div", { class: "choice" }, this.challengeBox, h("label", { for: "harder" }, t("Ask me to move, as a photo cannot")))));
    this.far = people.chosen.far;
    this.showOff();
  }

  showOff() {
    this.setRunning(false);
    this.clearReadings();
    this.stage.showInstead(makeNotice("camera", t("The camera is off"), t("Pictures go to this service only, and are forgotten once looked at."), this.startButton));
  }

  /** Take away what was said about earlier pictures, here and on the stage. */
  clearReadings() {
    this.stage.clearReadings();
    this.timeline.clear();
    this.meter.show(null, this.alpha);
    for (const key of ["verdict", "living", "margin", "score", "speed"]) this.facts[key].textContent = "–";
    this.facts.alpha.textContent = formatSigned(this.alpha);
    this.facts.odds.textContent = makeSentence(describeOdds(this.far));
    this.warning.hidden = true;
    this.speed = "";
  }

  /** Show the buttons that make sense now. The focus moves from Start to Stop, which replaces it. */
  setRunning(yes) {
    const hasFocus = document.activeElement === this.startButton || document.activeElement === this.stopButton;
    this.stopButton.hidden = this.timeline.element.hidden = !yes;
    this.buttons.hidden = !yes && this.notMeLink.hidden;
    if (yes && hasFocus) this.stopButton.focus({ preventScroll: true });
  }

  async start() {
    this.stopCapture();
    this.setRunning(true);
    this.capture = new Capture(this.stage, () => makePath(this.name, `watch${this.challengeBox.checked ? "?liveness=challenge" : ""}`), {
      started: () => this.showStart(),
      failed: (error) => this.showError(error),
      ended: (words) => this.showPause(words),
      silent: () => this.clearReadings(),
      ready: ({ gate }) => this.showReady(gate),
      look: (message) => this.showLook(message),
      ask: (message) => this.showChallenge(message),
      attempt: (message) => this.showAttempt(message),
      closed: (message) => this.showClosedGate(message.gate),
    });
    await this.capture.start();
  }

  showStart() {
    this.stage.showPrompt(t("Loading…"));
    this.isLoading = true;
    this.stage.element.scrollIntoView({ block: "nearest" });
  }

  /** Say before the first picture what the gate allows: tries may have failed before. */
  showReady(gate) {
    this.showGate(gate);
    const warning = this.warnOfLastTry(gate);
    if (warning) announce(warning);
  }

  showLook(message) {
    if (this.isLoading) this.stage.showPrompt(null);
    this.isLoading = false;
    this.stage.setResting(false);
    this.stage.frameFace(message.box);
    this.timeline.add(message.margin);
    const stream = this.capture.stream;
    if (stream.isSlow) this.stage.showNote(t("Only {n} pictures a second get through: the line or the computer is slow.", { n: formatNumber(message.rate) }));
    else if (!message.box && this.capture.camera.isDark()) this.stage.showNote(t("It is too dark, or something covers the camera."));
    else this.stage.showNote(this.warning.hidden ? "" : t("Last try"));
    this.speed = t("{rate} frames a second, {ms} ms each", { rate: message.rate.toFixed(0), ms: Math.round(message.latency) });
    this.facts.speed.textContent = `${this.speed}.`;
  }

  showChallenge({ arrow, words }) {
    this.isLoading = false;
    this.stage.showPrompt(makeSentence(translate(words)), arrow);
    announce(translate(words));
  }

  showAttempt({ decision, gate, latency }) {
    const isDark = decision.reason === "no_face" && this.capture.camera.isDark();
    const words = isDark ? t("It is too dark") : describeDecision(decision, this.name);
    const kind = decision.accepted ? "yes" : SURE_REASONS.includes(decision.reason) || hasFailedChallenge(decision) ? "no" : "unsure";
    this.showMargin(decision, kind, words);
    this.showFacts(decision, words, latency);
    this.showGate(gate);
    const advice = isDark ? t("Turn on a light, or uncover the camera.") : adviseOn(decision);
    const warning = this.warnOfLastTry(gate);
    const said = decision.accepted ? t("{name} is accepted", { name: words }) : joinSentences(words, advice, warning);
    if (said !== this.lastAnnouncement) announce(said);
    this.lastAnnouncement = said;
    if (decision.accepted) {
      Object.assign(lastAccepted, { name: this.name, picture: this.capture.stream.lastPicture });
      this.notMeLink.hidden = this.buttons.hidden = false;
    }
    this.pauseAfter(decision, warning);
  }

  /** Show the verdict on the picture, and the margin against alpha beside it. */
  showMargin(decision, kind, words) {
    const { margin, alpha, far } = decision;
    const hasMargin = margin !== null && margin !== undefined;
    if (hasMargin) Object.assign(this, { alpha, far });
    const numbers = hasMargin ? t("margin {margin} {sign} alpha {alpha}", { margin: formatSigned(margin), sign: margin >= alpha ? "≥" : "<", alpha: formatSigned(alpha) }) : "";
    this.stage.showVerdict(kind, words, numbers);
    this.meter.show(margin, this.alpha, decision.accepted);
    this.timeline.setAlpha(this.alpha);
    this.timeline.add(margin, kind);
  }

  showFacts({ accepted, liveness, margin }, words, latency) {
    const score = liveness?.score;
    this.facts.verdict.textContent = accepted ? t("Accepted") : words;
    this.facts.living.textContent = makeSentence(describeLiveness(liveness));
    this.facts.score.textContent = score === null || score === undefined ? "–" : formatSigned(score, 2).slice(1);
    this.facts.margin.textContent = formatSigned(margin);
    this.facts.alpha.textContent = formatSigned(this.alpha);
    this.facts.odds.textContent = makeSentence(describeOdds(this.far));
    this.facts.speed.textContent = `${this.speed}; ${t("the verdict {ms} ms after its last picture.", { ms: Math.round(latency) })}`;
  }

  /** Leave time to read the verdict, and more before the last try. */
  pauseAfter({ accepted, reason }, warning) {
    const { stream } = this.capture;
    const isTooSlow = reason === "liveness_undecided" && stream.isSlow; // before the pause forgets the rate
    this.stage.setResting(true);
    stream.pause(accepted ? ACCEPTED_PAUSE_MS : warning ? LAST_TRY_PAUSE_MS : REJECTED_PAUSE_MS);
    if (isTooSlow) this.timer = setTimeout(() => this.showSlowLine(), REJECTED_PAUSE_MS - 100);
  }

  /** End it before another try is lost: a living person is refused for the line's sake. */
  showSlowLine() {
    this.showPause(t("Too few pictures get through to tell a living face from a photo; nothing is wrong with your face. Come nearer to the network, or close other programs, then try again."), t("The line is too slow"));
  }

  /** Before the last try, say what happens if it fails; return the words. */
  warnOfLastTry({ tries, wait }) {
    const isLast = tries === 1 && !wait;
    this.warning.hidden = !isLast;
    if (!isLast) return "";
    const words = t("This is the last try: if it fails, the gate closes for minutes. “Stop” keeps it for later.");
    this.warning.replaceChildren(makeIcon("warn"), h("span", {}, words));
    this.stage.showNote(t("Last try"));
    return words;
  }

  showGate(gate) {
    this.facts.gate.textContent = describeGate(gate);
  }

  /** Too many tries failed: say for how long the gate is closed, and start again after that. */
  showClosedGate(gate) {
    this.stopCapture();
    const openAt = performance.now() + gate.wait * 1000;
    const countdown = h("p", { class: "countdown", role: "timer" }, formatDuration(gate.wait));
    this.stage.showInstead(makeNotice("lock", t("The gate is closed"),
      t("Too many tries failed. It opens again by itself; the password opens it at once: “onlyme reset” in a terminal."), countdown));
    announce(t("The gate is closed for {time}", { time: formatDuration(gate.wait) }));
    this.showGate(gate);
    this.setRunning(false);
    this.timer = setInterval(() => {
      const seconds = (openAt - performance.now()) / 1000;
      countdown.textContent = formatDuration(seconds);
      this.showGate({ ...gate, wait: Math.max(1, seconds) });
      if (seconds <= 0) this.start();
    }, 1000);
  }

  showError(error) {
    if (!(error instanceof NoCamera)) console.error(error);
    this.showPause(error.message, error.title ?? t("The camera cannot be used"), "camera-off");
  }

  showPause(words, heading = t("Paused"), iconName = "warn") {
    this.stopCapture();
    this.stage.showInstead(makeNotice(iconName, heading, words, makeButton(t("Try again"), "renew", () => this.start())));
    this.setRunning(false);
    announce(joinSentences(heading, words));
  }

  /** Close the camera; nothing that it showed stays. */
  stopCapture() {
    clearInterval(this.timer);
    clearTimeout(this.timer);
    this.capture?.stop();
    this.capture = null;
    this.lastAnnouncement = null;
    this.clearReadings();
  }

  stop() {
    this.stopCapture();
    this.showOff();
    this.startButton.focus({ preventScroll: true });
  }

  close() {
    this.stopCapture();
    this.showOff();
  }
}

function makeFact(words, value, kind = "") {
  return h("div", { class: kind }, h("dt", {}, words), value);
}
