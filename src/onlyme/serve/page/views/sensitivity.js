// How sure is sure enough: two histograms, a slider for alpha, and who would have come in.

import { ask, get, of } from "../api.js";
import { announce, button, h, icon } from "../dom.js";
import { Histogram } from "../histogram.js";
import { nobody, people, picker } from "../picker.js";
import { odds, percent, power, sentence, several, signed, time } from "../words.js";

export const title = "Sensitivity";
export const lead = "Alpha is the margin that a face must reach. Higher keeps more strangers out, and you too when the light is bad.";

export async function render(body, wanted) {
  const found = await people(wanted);
  if (!found) {
    body.replaceChildren(nobody());
    return;
  }
  const data = await get(of(found.chosen.name, "attempts"));
  body.replaceChildren(new Slider(found, data).element);
}

class Slider {
  constructor(found, data) {
    this.data = data;
    const alphas = data.scale.map((place) => place.alpha);
    const [low, high] = [alphas[0], alphas.at(-1)];
    this.histogram = new Histogram({ low, high, own: data.own, strangers: data.strangers, attempts: data.attempts });
    this.range = h("input", {
      type: "range", id: "alpha", min: 0, max: alphas.length - 1, step: 1, class: "alpha-slider",
      "aria-describedby": "promise", oninput: () => this.move(),
    });
    this.value = h("output", { for: "alpha", class: "alpha-value" });
    this.promise = h("p", { class: "promise", id: "promise" });
    this.missed = h("p", { class: "soft" });
    this.set = button("Set this alpha", "check", () => this.keep(), "primary");
    this.back = button("Back", "undo", () => this.to(this.data.alpha, this.data.far));
    this.summary = h("p", { class: "soft", id: "summary" });
    this.list = h("ol", { class: "attempts", "aria-describedby": "summary" });
    this.element = h("div", { class: "stack" },
      h("section", { class: "card", "aria-label": "Alpha" },
        h("div", { class: "row" }, picker("sensitivity", found), legend()),
        h("div", { class: "plot" }, this.histogram.element, this.range),
        h("div", { class: "row tune" }, h("label", { for: "alpha" }, "Alpha"), this.value),
        this.promise,
        this.missed,
        this.presets(),
        h("div", { class: "actions" }, this.set, this.back)),
      h("section", { class: "card", "aria-labelledby": "recent" },
        h("h2", { id: "recent" }, "Who would have come in"),
        this.summary,
        this.list));
    this.to(data.alpha, data.far);
  }

  presets() {
    if (!this.data.presets.length) return null;
    return h("div", { class: "presets", role: "group", "aria-label": "Rates that others ask for" },
      this.data.presets.map((preset) => h("button", {
        type: "button", class: "chip", title: preset.source, onclick: () => this.to(preset.alpha, preset.far),
      }, preset.name, h("span", { class: "soft" }, ` ${power(preset.far)}`))));
  }

  /** Put the slider to an alpha and its rate; these very ones count until it is moved. */
  to(alpha, far) {
    const nearest = this.data.scale.reduce((best, place, index) =>
      (Math.abs(place.alpha - alpha) < Math.abs(this.data.scale[best].alpha - alpha) ? index : best), 0);
    this.range.value = nearest;
    this.show(alpha, { ...this.data.scale[nearest], far });
  }

  move() {
    const place = this.data.scale[this.range.value];
    this.show(place.alpha, place);
  }

  show(alpha, { far, miss }) {
    this.alpha = alpha;
    this.histogram.at(alpha);
    const promised = sentence(odds(far));
    this.value.textContent = signed(alpha);
    this.range.setAttribute("aria-valuetext", `${signed(alpha)}: ${promised}`);
    this.promise.textContent = promised;
    this.missed.textContent = miss === null ? "" : `The owner is missed in ${miss < 1e-4 ? "" : "about "}${percent(miss)} of tries, as counted on other people.`;
    const same = Math.abs(alpha - this.data.alpha) < 5e-4;
    this.set.disabled = this.back.disabled = same;
    this.attempts(alpha);
  }

  attempts(alpha) {
    const shown = this.data.attempts.map((each) => ({ ...each, enters: each.by_alpha && each.margin >= alpha }));
    const enter = shown.filter((each) => each.enters).length;
    this.summary.textContent = shown.length
      ? `${enter} of the last ${several(shown.length, "attempt")} would have come in with this alpha.`
      : "No attempt was judged yet, as this person is known now. Try “Unlock”.";
    this.list.replaceChildren(...shown.map((each) => h("li", { class: each.enters ? "in" : "out" },
      icon(each.enters ? "check" : "cross"),
      h("span", { class: "what" }, each.enters ? "comes in" : each.by_alpha ? "stays out" : "stays out: no living person"),
      h("span", { class: "numbers" }, signed(each.margin)),
      h("span", { class: "soft" }, `${time(each.at)}, ${each.source}`),
      each.enters === each.accepted ? null : h("span", { class: "tag" }, each.accepted ? "was let in" : "was refused"))));
  }

  async keep() {
    this.set.disabled = true;
    const tuning = await ask("POST", of(this.data.name, `tune?alpha=${this.alpha}`));
    Object.assign(this.data, { alpha: tuning.alpha, far: tuning.far });
    this.to(tuning.alpha, tuning.far);
    announce(`Alpha is ${signed(tuning.alpha)}: ${odds(tuning.far)}`);
    this.range.focus();
  }
}

function legend() {
  return h("ul", { class: "legend", "aria-label": "Legend" },
    h("li", { class: "own" }, "own pictures"),
    h("li", { class: "stranger" }, "strangers (synthetic)"),
    h("li", { class: "tried" }, "attempts"));
}
