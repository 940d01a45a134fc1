// Let people try to fool their own camera, attack after attack, and draw the score card.

import { get, makeSegment } from "../api.js";
import { NoCamera } from "../camera.js";
import { Capture } from "../capture.js";
import { describeRate, drawScoreCard } from "../card.js";
import { announce, h, makeButton, makeNotice, saveFile } from "../dom.js";
import { t, translate } from "../i18n.js";
import { findPeople, makePicker } from "../picker.js";
import { Stage } from "../stage.js";
import { Timeline } from "../timeline.js";
import { describeDecision, formatPercent, formatSigned, joinSentences, makeSentence } from "../words.js";

export const title = "Fool me";
export const lead = "Try to fool your own camera with photos and screens that show you. Nothing opens, and no try is counted.";

const PATH = "/v1/service/fool-me";
const OWN_STAGE = "live"; // the stage that is no attack
const PAUSE_MS = 900; // after an attempt: time to read what became of it

export async function render(body, wanted) {
  const people = await findPeople("fool", wanted);
  body.replaceChildren(...people.notices);
  if (!people.chosen) return null;
  const view = new FoolView(people, await get(PATH));
  body.append(view.element);
  return () => view.leave();
}

class FoolView {
  constructor(people, { schema, attacks, attempts }) {
    Object.assign(this, { name: people.chosen.name, schema, attacks, attempts });
    this.titles = Object.fromEntries(attacks.map((attack) => [attack.stage, t(attack.title)]));
    this.stage = new Stage();
    this.timeline = new Timeline(people.chosen.alpha);
    this.life = new LifeMeter();
    this.round = h("div", { class: "round" });
    this.list = h("ol", { class: "rounds" });
    this.startButton = makeButton(t("Start this round"), "camera", () => this.play(), "primary");
    this.skipButton = makeButton(t("Skip this round"), null, () => this.finishRound(makeEmptyOutcome(this.attack.stage)));
    this.againButton = makeButton(t("Begin again"), "renew", () => this.begin());
    this.canvas = h("canvas", { class: "score-card", role: "img" });
    this.score = h("section", { class: "card", "aria-label": t("Score"), hidden: true }, this.canvas,
      h("div", { class: "actions" },
        makeButton(t("Save as a picture"), "picture", () => this.canvas.toBlob((blob) => saveFile(blob, "onlyme-fool-me.png"), "image/png")),
        makeButton(t("Save as JSON"), "download", () => saveFile(new Blob([`${JSON.stringify(this.card, null, 2)}\n`], { type: "application/json" }), "onlyme-fool-me.json"))));
    this.element = h("div", { class: "split" },
      h("div", { class: "stack" }, this.stage.element, this.timeline.element, this.score),
      h("section", { class: "card panel", "aria-label": t("Fool me") },
        makePicker("fool", people), this.round, h("div", { class: "actions" }, this.startButton, this.skipButton, this.againButton),
        this.life.element, this.list));
    this.begin();
  }

  get attack() {
    return this.attacks[this.outcomes.length];
  }

  begin() {
    this.stop();
    this.outcomes = [];
    this.card = null;
    this.score.hidden = true;
    this.showRound();
  }

  /** Show what comes next, and how the rounds before ended. */
  showRound() {
    const { attack } = this;
    this.startButton.hidden = this.skipButton.hidden = !attack;
    this.againButton.hidden = !this.outcomes.length;
    this.timeline.element.hidden = true;
    const heading = attack ? t("{n} of {all}: {title}", { n: this.outcomes.length + 1, all: this.attacks.length, title: t(attack.title) }) : t("All rounds are over");
    const words = attack ? t(attack.words) : this.card?.fooled ? t("A picture of you would have opened. In the settings, liveness = challenge asks for movements.") : "";
    this.round.replaceChildren(h("h2", {}, heading), h("p", {}, words));
    this.list.replaceChildren(...this.attacks.map((one, index) => this.makeLine(one, index)));
    this.life.show(null);
    this.stage.showInstead(makeNotice("camera", t("The camera is off"), t("Pictures go to this service only, and are forgotten once looked at.")));
    return joinSentences(heading, words);
  }

  makeLine({ stage }, index) {
    const outcome = this.outcomes[index];
    const isNext = index === this.outcomes.length;
    const words = !outcome ? (isNext ? t("next") : "") : outcome.attempts ? describeRate(outcome.opened, outcome.attempts, outcome.rate) : t("skipped");
    const kind = !outcome?.attempts ? "" : outcome.opened > 0 === (stage === OWN_STAGE) ? "good" : "bad";
    return h("li", { "aria-current": isNext ? "step" : null }, h("span", {}, this.titles[stage]), h("span", { class: kind }, words));
  }

  async play() {
    const { stage } = this.attack;
    this.stop();
    this.progress = "";
    this.startButton.hidden = true;
    this.timeline.element.hidden = false;
    this.capture = new Capture(this.stage, () => `${PATH}/${makeSegment(this.name)}/watch?stage=${stage}`, {
      started: () => { this.stage.showPrompt(t("Loading…")); this.stage.focus(); },
      failed: (error) => this.showError(error),
      ended: (words) => this.showError(new NoCamera(t("Paused"), words)),
      silent: () => { this.timeline.clear(); this.life.show(null); },
      look: (message) => this.showLook(message),
      ask: ({ arrow, words }) => this.stage.showPrompt(makeSentence(translate(words)), arrow),
      attempt: (message) => this.showAttempt(message),
      played: ({ outcome }) => this.finishRound(outcome),
    });
    await this.capture.start();
  }

  showLook({ box, margin }) {
    this.stage.showPrompt(null);
    this.stage.setResting(false);
    this.stage.frameFace(box);
    this.stage.showNote(this.capture.stream.isSlow ? t("Few pictures get through: the line or the computer is slow. Hold still for longer.") : this.progress);
    this.timeline.add(margin);
  }

  showAttempt({ decision, number }) {
    const isAttack = this.attack.stage !== OWN_STAGE;
    const words = decision.accepted ? t("Would open") : joinSentences(t("Stays shut"), describeDecision(decision, this.name)).replace(/\.$/, "");
    const kind = decision.accepted === isAttack ? "no" : "yes";
    this.stage.showVerdict(kind, words);
    this.progress = t("Attempt {n} of {all}", { n: number, all: this.attempts });
    this.stage.showNote(this.progress);
    this.stage.setResting(true);
    this.timeline.setAlpha(decision.alpha ?? this.timeline.alpha);
    this.timeline.add(decision.margin, kind);
    this.life.show(decision.liveness);
    announce(words);
    this.capture.stream.pause(PAUSE_MS);
  }

  async finishRound(outcome) {
    this.stop();
    this.outcomes.push(outcome);
    await this.drawCard();
    const said = this.showRound();
    announce(joinSentences(describeOutcome(outcome), said));
    (this.attack ? this.startButton : this.againButton).focus({ preventScroll: true });
  }

  async drawCard() {
    const attacks = this.outcomes.filter((outcome) => outcome.stage !== OWN_STAGE);
    const sum = (key) => attacks.reduce((total, outcome) => total + outcome[key], 0);
    const rate = await get(`${PATH}/rate?count=${sum("opened")}&total=${sum("attempts")}`);
    this.card = { schema: this.schema, created: new Date().toISOString(), name: this.name, stages: this.outcomes, attacks: rate, fooled: rate.count > 0 };
    const summary = rate.total ? t("Attacks that would have opened: {count} of {total} (at most {high})", { ...rate, high: formatPercent(rate.high) }) : t("No attack was tried.");
    this.score.hidden = !this.outcomes.some((one) => one.attempts);
    drawScoreCard(this.canvas, this.card, this.titles, summary);
    this.canvas.setAttribute("aria-label", joinSentences(this.card.fooled ? t("The camera was fooled") : t("Nothing but the owner opened"), summary));
  }

  showError(error) {
    if (!(error instanceof NoCamera)) console.error(error);
    this.stop();
    this.showRound();
    this.stage.showInstead(makeNotice("camera-off", error.title ?? t("The camera cannot be used"), error.message, makeButton(t("Try again"), "renew", () => this.play())));
    announce(joinSentences(error.title, error.message));
  }

  /** Close the camera; nothing that it showed stays. */
  leave() {
    this.stop();
    this.showRound();
  }

  stop() {
    this.capture?.stop();
    this.capture = null;
    this.timeline.clear();
  }
}

/** How sure it is that a living person is there, from 0 to 1. */
class LifeMeter {
  constructor() {
    this.level = h("div", { class: "level" });
    this.track = h("div", { class: "track", role: "img" }, this.level);
    this.element = h("div", { class: "life" }, h("p", { class: "soft small" }, t("A living person")), this.track);
    this.show(null);
  }

  show(liveness) {
    const score = liveness?.score;
    const hasScore = score !== null && score !== undefined;
    this.level.className = `level ${hasScore ? liveness.verdict ?? "" : ""}`;
    this.level.style.setProperty("--at", hasScore ? score : 0);
    this.track.setAttribute("aria-label", hasScore ? t("A living person, from 0 to 1: {score}", { score: formatSigned(score, 2).slice(1) }) : t("A living person: no reading yet"));
  }
}

function makeEmptyOutcome(stage) {
  return { stage, attempts: 0, recognised: 0, opened: 0, rate: { count: 0, total: 0, value: null, low: 0, high: 1 }, reasons: [], scores: [] };
}

function describeOutcome({ opened, attempts }) {
  return attempts ? t("{opened} of {total} would have opened", { opened, total: attempts }) : t("skipped");
}
