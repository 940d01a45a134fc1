// Choose alpha with a slider: show two histograms, and which recent attempts would be accepted.

import { ask, get, makePath } from "../api.js";
import { findCounted } from "../certificate.js";
import { askToConfirm, h, makeButton, makeIcon, tell } from "../dom.js";
import { Histogram } from "../histogram.js";
import { t, tn } from "../i18n.js";
import { findPeople, makePicker } from "../picker.js";
import { describeAlike, describeOdds, describePromise, formatPercent, formatSigned, formatTime, formatTries, joinSentences } from "../words.js";

export const title = "Sensitivity";
export const lead = "Alpha is the margin that a face must reach. Higher keeps more strangers out, and you too when the light is bad.";

const SAME_ALPHA = 5e-4; // alphas that differ by less are shown as the same
const OUTSIDE = { not_live: "stays out: no living person", liveness_undecided: "stays out: not sure a person was there", not_attentive: "stays out: the eyes were closed or elsewhere", attention_undecided: "stays out: the eyes could not be seen" };

export async function render(body, wanted) {
  const people = await findPeople("sensitivity", wanted);
  body.replaceChildren(...people.notices);
  if (!people.chosen) return;
  const { name } = people.chosen;
  const [data, { sentences }] = await Promise.all([get(makePath(name, "attempts")), get(makePath(name, "promise"))]);
  body.append(new SensitivityView(people, data, findCounted(sentences)).element);
}

class SensitivityView {
  constructor(people, data, counted) {
    this.data = data;
    this.counted = counted; // of the alpha that is in force
    const alphas = data.scale.map((place) => place.alpha);
    const [low, high] = [alphas[0], alphas.at(-1)];
    this.histogram = new Histogram({ low, high, own: data.own, strangers: data.strangers, attempts: data.attempts });
    this.slider = h("input", {
      type: "range", id: "alpha", min: 0, max: alphas.length - 1, step: 1, class: "alpha-slider",
      "aria-describedby": "promise alike", oninput: () => this.followSlider(),
    });
    this.value = h("output", { for: "alpha", class: "alpha-value" });
    this.promise = h("p", { class: "promise", id: "promise" });
    this.alike = h("p", { class: "soft alike", id: "alike" });
    this.missRate = h("p", { class: "soft" });
    this.setButton = makeButton(t("Set this alpha"), "check", () => this.setAlpha(), "primary");
    this.undoButton = makeButton(t("Undo"), "undo", () => this.moveTo(this.data.alpha, this.data.far));
    this.summary = h("p", { class: "soft", id: "summary" });
    this.list = h("ol", { class: "attempts", "aria-describedby": "summary" });
    this.element = h("div", { class: "stack" },
      h("section", { class: "card", "aria-label": "Alpha" },
        h("div", { class: "row" }, makePicker("sensitivity", people), makeLegend()),
        h("div", { class: "plot" }, this.histogram.element, this.slider),
        h("div", { class: "row tune" }, h("label", { for: "alpha" }, "Alpha"), this.value),
        this.promise,
        this.alike,
        this.missRate,
        this.makePresets(),
        h("div", { class: "actions" }, this.setButton, this.undoButton)),
      h("section", { class: "card", "aria-labelledby": "recent" },
        h("h2", { id: "recent" }, t("Who would have come in")),
        this.summary,
        this.list));
    this.moveTo(data.alpha, data.far);
  }

  makePresets() {
    if (!this.data.presets.length) return null;
    return h("div", { class: "presets", role: "group", "aria-label": t("Rates that others ask for") },
      this.data.presets.map((preset) => h("button", {
        type: "button", class: "chip", title: preset.source, onclick: () => this.moveTo(preset.alpha, preset.far),
      }, t("1 in {tries}", { tries: formatTries(preset.far) }), h("span", { class: "soft" }, ` · ${namePreset(preset.name)}`))));
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

  isInForce(alpha) {
    return Math.abs(alpha - this.data.alpha) < SAME_ALPHA;
  }

  show(alpha, { far, miss }) {
    Object.assign(this, { alpha, far });
    this.histogram.moveAlpha(alpha);
    const promise = describePromise(far, this.isInForce(alpha) ? this.counted : null);
    this.value.textContent = formatSigned(alpha);
    this.slider.setAttribute("aria-valuetext", `${formatSigned(alpha)}: ${promise}`);
    this.promise.textContent = promise;
    this.alike.textContent = describeAlike(far);
    this.missRate.textContent = miss === null ? "" : t("The owner is missed in {share} of tries, as counted on other people.", { share: `${miss < 1e-4 ? "" : t("about ")}${formatPercent(miss)}` });
    this.setButton.disabled = this.undoButton.disabled = this.isInForce(alpha);
    this.showAttempts(alpha);
  }

  showAttempts(alpha) {
    const attempts = this.data.attempts.map((attempt) => ({ ...attempt, enters: attempt.by_alpha && attempt.margin >= alpha }));
    const enterCount = attempts.filter((attempt) => attempt.enters).length;
    this.summary.textContent = attempts.length
      ? tn(attempts.length, "{entered} of the last {n} attempt would have come in with this alpha.", "{entered} of the last {n} attempts would have come in with this alpha.", { entered: enterCount })
      : t("No attempt was judged yet, as this person is known now. Try “Unlock”.");
    this.list.replaceChildren(...attempts.map(makeAttempt));
  }

  /** Set the alpha that is shown. What lets more strangers in is asked about, and can be undone. */
  async setAlpha() {
    const { alpha, far, data } = this;
    if (alpha < data.alpha) {
      const sure = await askToConfirm(t("Let more strangers in?"),
        joinSentences(t("Now: {odds}", { odds: describeOdds(data.far) }), t("With alpha {alpha}: {odds}", { alpha: formatSigned(alpha), odds: describeOdds(far) })),
        t("Set {alpha}", { alpha: formatSigned(alpha) }));
      if (!sure) return;
    }
    const before = { alpha: data.alpha, far: data.far };
    await this.send(alpha);
    tell(t("Alpha is {alpha}: {odds}", { alpha: formatSigned(data.alpha), odds: describeOdds(data.far) }), async () => {
      await this.send(before.alpha);
      tell(t("Alpha is {alpha} again: {odds}", { alpha: formatSigned(data.alpha), odds: describeOdds(data.far) }));
    });
  }

  async send(alpha) {
    this.setButton.disabled = true;
    try {
      const { name } = this.data;
      // The question above is the second time that a loose alpha was asked for.
      const tuning = await ask("POST", makePath(name, `tune?alpha=${alpha}&yes=true`));
      const { sentences } = await get(makePath(name, "promise"));
      this.counted = findCounted(sentences);
      Object.assign(this.data, { alpha: tuning.alpha, far: tuning.far });
    } finally {
      this.moveTo(this.data.alpha, this.data.far);
      this.slider.focus();
    }
  }
}

function namePreset(name) {
  return name === "nist" ? "NIST" : name === "hello" ? "Windows Hello" : name.charAt(0).toUpperCase() + name.slice(1);
}

function makeAttempt({ enters, by_alpha: isByAlpha, margin, at, source, accepted, reason }) {
  const what = enters ? t("comes in") : isByAlpha ? t("stays out") : t(OUTSIDE[reason] ?? "stays out for another reason");
  return h("li", { class: enters ? "in" : "out" },
    makeIcon(enters ? "check" : "cross"),
    h("span", { class: "what" }, what),
    h("span", { class: "soft" }, `${formatTime(at)}, ${source}`),
    enters === accepted ? null : h("span", { class: "tag" }, accepted ? t("was let in") : t("was refused")),
    h("span", { class: "numbers soft" }, t("margin {margin}", { margin: formatSigned(margin) })));
}

function makeLegend() {
  return h("ul", { class: "legend", "aria-label": t("Legend") },
    h("li", { class: "own" }, t("own pictures")),
    h("li", { class: "stranger" }, t("strangers (synthetic)")),
    h("li", { class: "tried in" }, t("accepted attempts")),
    h("li", { class: "tried out" }, t("rejected attempts")));
}
