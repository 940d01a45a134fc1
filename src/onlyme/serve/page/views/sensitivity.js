// Choose alpha with a slider: show two histograms, and which recent attempts would be accepted.

import { ask, get, makePath } from "../api.js";
import { announce, h, makeButton, makeIcon } from "../dom.js";
import { Histogram } from "../histogram.js";
import { findPeople, makeEmptyNotice, makePicker } from "../picker.js";
import { describeOdds, formatCount, formatPercent, formatPower, formatSigned, formatTime, makeSentence } from "../words.js";

export const title = "Sensitivity";
export const lead = "Alpha is the margin that a face must reach. Higher keeps more strangers out, and you too when the light is bad.";

const SAME_ALPHA = 5e-4; // alphas that differ by less are shown as the same

export async function render(body, wanted) {
  const people = await findPeople(wanted);
  if (!people) {
    body.replaceChildren(makeEmptyNotice());
    return;
  }
  const data = await get(makePath(people.chosen.name, "attempts"));
  body.replaceChildren(new SensitivityView(people, data).element);
}

class SensitivityView {
  constructor(people, data) {
    this.data = data;
    const alphas = data.scale.map((place) => place.alpha);
    const [low, high] = [alphas[0], alphas.at(-1)];
    this.histogram = new Histogram({ low, high, own: data.own, strangers: data.strangers, attempts: data.attempts });
    this.slider = h("input", {
      type: "range", id: "alpha", min: 0, max: alphas.length - 1, step: 1, class: "alpha-slider",
      "aria-describedby": "promise", oninput: () => this.followSlider(),
    });
    this.value = h("output", { for: "alpha", class: "alpha-value" });
    this.promise = h("p", { class: "promise", id: "promise" });
    this.missRate = h("p", { class: "soft" });
    this.setButton = makeButton("Set this alpha", "check", () => this.setAlpha(), "primary");
    this.backButton = makeButton("Back", "undo", () => this.moveTo(this.data.alpha, this.data.far));
    this.summary = h("p", { class: "soft", id: "summary" });
    this.list = h("ol", { class: "attempts", "aria-describedby": "summary" });
    this.element = h("div", { class: "stack" },
      h("section", { class: "card", "aria-label": "Alpha" },
        h("div", { class: "row" }, makePicker("sensitivity", people), makeLegend()),
        h("div", { class: "plot" }, this.histogram.element, this.slider),
        h("div", { class: "row tune" }, h("label", { for: "alpha" }, "Alpha"), this.value),
        this.promise,
        this.missRate,
        this.makePresets(),
        h("div", { class: "actions" }, this.setButton, this.backButton)),
      h("section", { class: "card", "aria-labelledby": "recent" },
        h("h2", { id: "recent" }, "Who would have come in"),
        this.summary,
        this.list));
    this.moveTo(data.alpha, data.far);
  }

  makePresets() {
    if (!this.data.presets.length) return null;
    return h("div", { class: "presets", role: "group", "aria-label": "Rates that others ask for" },
      this.data.presets.map((preset) => h("button", {
        type: "button", class: "chip", title: preset.source, onclick: () => this.moveTo(preset.alpha, preset.far),
      }, preset.name, h("span", { class: "soft" }, ` ${formatPower(preset.far)}`))));
  }

  /** Move the slider near an alpha; show exactly this alpha and its rate until the slider is moved. */
  moveTo(alpha, far) {
    const nearest = this.data.scale.reduce((best, place, index) =>
      (Math.abs(place.alpha - alpha) < Math.abs(this.data.scale[best].alpha - alpha) ? index : best), 0);
    this.slider.value = nearest;
    this.show(alpha, { ...this.data.scale[nearest], far });
  }

  followSlider() {
    const place = this.data.scale[this.slider.value];
    this.show(place.alpha, place);
  }

  show(alpha, { far, miss }) {
    this.alpha = alpha;
    this.histogram.moveAlpha(alpha);
    const promise = makeSentence(describeOdds(far));
    this.value.textContent = formatSigned(alpha);
    this.slider.setAttribute("aria-valuetext", `${formatSigned(alpha)}: ${promise}`);
    this.promise.textContent = promise;
    this.missRate.textContent = miss === null ? "" : `The owner is missed in ${miss < 1e-4 ? "" : "about "}${formatPercent(miss)} of tries, as counted on other people.`;
    this.setButton.disabled = this.backButton.disabled = Math.abs(alpha - this.data.alpha) < SAME_ALPHA;
    this.showAttempts(alpha);
  }

  showAttempts(alpha) {
    const attempts = this.data.attempts.map((attempt) => ({ ...attempt, enters: attempt.by_alpha && attempt.margin >= alpha }));
    const enterCount = attempts.filter((attempt) => attempt.enters).length;
    this.summary.textContent = attempts.length
      ? `${enterCount} of the last ${formatCount(attempts.length, "attempt")} would have come in with this alpha.`
      : "No attempt was judged yet, as this person is known now. Try “Unlock”.";
    this.list.replaceChildren(...attempts.map(makeAttempt));
  }

  async setAlpha() {
    this.setButton.disabled = true;
    const tuning = await ask("POST", makePath(this.data.name, `tune?alpha=${this.alpha}`));
    Object.assign(this.data, { alpha: tuning.alpha, far: tuning.far });
    this.moveTo(tuning.alpha, tuning.far);
    announce(`Alpha is ${formatSigned(tuning.alpha)}: ${describeOdds(tuning.far)}`);
    this.slider.focus();
  }
}

function makeAttempt({ enters, by_alpha: isByAlpha, margin, at, source, accepted }) {
  return h("li", { class: enters ? "in" : "out" },
    makeIcon(enters ? "check" : "cross"),
    h("span", { class: "what" }, enters ? "comes in" : isByAlpha ? "stays out" : "stays out: no living person"),
    h("span", { class: "numbers" }, formatSigned(margin)),
    h("span", { class: "soft" }, `${formatTime(at)}, ${source}`),
    enters === accepted ? null : h("span", { class: "tag" }, accepted ? "was let in" : "was refused"));
}

function makeLegend() {
  return h("ul", { class: "legend", "aria-label": "Legend" },
    h("li", { class: "own" }, "own pictures"),
    h("li", { class: "stranger" }, "strangers (synthetic)"),
    h("li", { class: "tried" }, "attempts"));
}
