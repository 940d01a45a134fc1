// Demonstrate recognition live: the person, the margin, the promise of alpha, and the gate.

import { makePath } from "../api.js";
import { NoCamera } from "../camera.js";
import { Capture } from "../capture.js";
import { announce, h, makeButton, makeIcon, makeNotice } from "../dom.js";
import { Meter } from "../meter.js";
import { findPeople, makeEmptyNotice, makePicker } from "../picker.js";
import { Stage } from "../stage.js";
import { adviseOn, describeDecision, describeOdds, formatCount, formatDuration, formatSigned, makeSentence } from "../words.js";

export const title = "Unlock";
export const lead = "What a door with your face for a key would do. Nothing is opened, and no picture is kept.";

// Pauses after an attempt: time to read a rejection; time in which an opened door stays open.
const REJECTED_PAUSE_MS = 1500;
const ACCEPTED_PAUSE_MS = 1200;

/** The picture of the newest attempt that was accepted, for the view “That wasn't me”. */
export const lastAccepted = { name: null, picture: null };

export async function render(body, wanted) {
  const people = await findPeople(wanted);
  if (!people) {
    body.replaceChildren(makeEmptyNotice());
    return null;
  }
  const view = new UnlockView(people);
  body.replaceChildren(view.element);
  return () => view.close();
}

class UnlockView {
  constructor(people) {
    this.name = people.chosen.name;
    this.stage = new Stage();
    this.meter = new Meter();
    this.facts = Object.fromEntries(["verdict", "margin", "alpha", "odds", "gate", "speed"].map((key) => [key, h("dd", {}, "–")]));
    this.startButton = makeButton("Start the camera", "camera", () => this.start(), "primary");
    this.stopButton = makeButton("Stop", "camera-off", () => this.stop());
    this.challengeBox = h("input", { type: "checkbox", id: "harder", onchange: () => this.capture?.stream && this.start() });
    this.notMeLink = h("a", { class: "button", href: `#/not-me/${encodeURIComponent(this.name)}`, hidden: true }, makeIcon("not-me"), h("span", {}, "That wasn’t me"));
    this.buttons = h("div", { class: "actions" }, this.stopButton, this.notMeLink);
    this.element = h("div", { class: "split" },
      this.stage.element,
      h("section", { class: "card panel", "aria-label": "Readings" },
        makePicker("unlock", people),
        this.buttons,
        this.meter.element,
        h("dl", { class: "facts" },
          makeFact("Verdict", this.facts.verdict), makeFact("Margin", this.facts.margin), makeFact("Alpha", this.facts.alpha),
          makeFact("Which means", this.facts.odds, "wide"), makeFact("The gate", this.facts.gate, "wide"), makeFact("Speed", this.facts.speed, "wide")),
        h("div", { class: "choice" }, this.challengeBox, h("label", { for: "harder" }, "Ask me to move, as a photo cannot"))));
    this.showOff();
    this.meter.show(null, people.chosen.alpha);
    this.facts.alpha.textContent = formatSigned(people.chosen.alpha);
    this.facts.odds.textContent = makeSentence(describeOdds(people.chosen.far));
    this.stopIfHidden = () => document.hidden && this.capture?.stream && this.stop();
    document.addEventListener("visibilitychange", this.stopIfHidden);
  }

  showOff() {
    this.setRunning(false);
    this.stage.showInstead(makeNotice("camera", "The camera is off", "Pictures go to this service only, and are forgotten once looked at.", this.startButton));
  }

  /** Show the buttons that make sense now. The focus moves from Start to Stop, which replaces it. */
  setRunning(yes) {
    const hasFocus = document.activeElement === this.startButton || document.activeElement === this.stopButton;
    this.stopButton.hidden = !yes;
    this.buttons.hidden = !yes && this.notMeLink.hidden;
    if (yes && hasFocus) this.stopButton.focus({ preventScroll: true });
  }

  async start() {
    this.stopCapture();
    this.setRunning(true);
    this.capture = new Capture(this.stage, () => makePath(this.name, `watch${this.challengeBox.checked ? "?liveness=challenge" : ""}`), {
      started: () => this.stage.showNote("Loading…"),
      failed: (error) => this.showError(error),
      ended: (words) => this.showPause(words),
      ready: (message) => this.showGate(message.gate),
      look: (message) => this.showLook(message),
      ask: (message) => this.showChallenge(message),
      attempt: (message) => this.showAttempt(message),
      closed: (message) => this.showClosedGate(message.gate),
    });
    await this.capture.start();
  }

  showLook(message) {
    this.stage.setResting(false);
    this.stage.frameFace(message.box);
    this.stage.showNote(`${Math.round(message.rate)} frames/s`);
    this.speed = `${message.rate.toFixed(0)} frames a second, ${Math.round(message.latency)} ms each`;
    this.facts.speed.textContent = `${this.speed}.`;
  }

  showChallenge({ arrow, words }) {
    this.stage.showPrompt(makeSentence(words), arrow);
    announce(words);
  }

  showAttempt({ decision, gate, latency }) {
    this.facts.speed.textContent = `${this.speed}; the verdict ${Math.round(latency)} ms after its last picture.`;
    const words = describeDecision(decision, this.name);
    const kind = decision.accepted ? "yes" : decision.reason === "no_match" || decision.reason === "not_live" ? "no" : "unsure";
    const hasMargin = decision.margin !== null && decision.margin !== undefined;
    const numbers = hasMargin ? `margin ${formatSigned(decision.margin)} ${decision.margin >= decision.alpha ? "≥" : "<"} alpha ${formatSigned(decision.alpha)}` : "";
    this.stage.showVerdict(kind, words, numbers);
    this.facts.verdict.textContent = decision.accepted ? "Accepted" : words;
    this.facts.margin.textContent = formatSigned(decision.margin);
    if (hasMargin) {
      this.facts.alpha.textContent = formatSigned(decision.alpha);
      this.facts.odds.textContent = makeSentence(describeOdds(decision.far));
      this.meter.show(decision.margin, decision.alpha);
    }
    this.showGate(gate);
    const announcement = [words, adviseOn(decision)].filter(Boolean).join(". ");
    if (announcement !== this.lastAnnouncement) announce(decision.accepted ? `${words} is accepted` : announcement);
    this.lastAnnouncement = announcement;
    const stream = this.capture?.stream;
    if (decision.accepted) {
      Object.assign(lastAccepted, { name: this.name, picture: stream?.lastPicture });
      this.notMeLink.hidden = this.buttons.hidden = false;
    }
    stream?.pause(decision.accepted ? ACCEPTED_PAUSE_MS : REJECTED_PAUSE_MS);
    this.stage.setResting(true);
  }

  showGate({ tries, of: allTries, wait }) {
    this.facts.gate.textContent = wait ? `Closed for ${formatDuration(wait)}.` : tries === allTries ? `Open: ${formatCount(tries, "try", "tries")} in five minutes.` : `${formatCount(tries, "try", "tries")} left; an accepted face starts over.`;
  }

  /** Too many tries failed: say for how long the gate is closed, and start again after that. */
  showClosedGate({ wait }) {
    this.stopCapture();
    const openAt = performance.now() + wait * 1000;
    const countdown = h("p", { class: "countdown", role: "timer" }, formatDuration(wait));
    this.stage.showInstead(makeNotice("lock", "The gate is closed",
      "Too many tries failed. It opens again by itself; the password opens it at once: “onlyme reset” in a terminal.", countdown));
    announce(`The gate is closed for ${formatDuration(wait)}`);
    this.setRunning(false);
    this.timer = setInterval(() => {
      const seconds = (openAt - performance.now()) / 1000;
      countdown.textContent = formatDuration(seconds);
      this.facts.gate.textContent = `Closed for ${formatDuration(seconds)}.`;
      if (seconds <= 0) this.start();
    }, 1000);
  }

  showError(error) {
    if (!(error instanceof NoCamera)) console.error(error);
    this.showPause(error.message, error.title ?? "The camera cannot be used", "camera-off");
  }

  showPause(words, heading = "Paused", iconName = "warn") {
    this.stopCapture();
    this.stage.showInstead(makeNotice(iconName, heading, words, makeButton("Try again", "renew", () => this.start())));
    this.setRunning(false);
    announce(`${heading}. ${words}`);
  }

  stopCapture() {
    clearInterval(this.timer);
    this.capture?.stop();
    this.capture = null;
    this.lastAnnouncement = null;
  }

  stop() {
    this.stopCapture();
    this.showOff();
    this.startButton.focus({ preventScroll: true });
  }

  close() {
    this.stopCapture();
    document.removeEventListener("visibilitychange", this.stopIfHidden);
  }
}

function makeFact(words, value, kind = "") {
  return h("div", { class: kind }, h("dt", {}, words), value);
}
