// A line from "surely somebody else" to "surely the person", with alpha and the margin on it.

import { h } from "./dom.js";
import { signed } from "./words.js";

const LOW = -0.6;
const HIGH = 1.0;

export class Meter {
  constructor() {
    this.alpha = h("div", { class: "alpha" }, h("span", {}, "alpha"));
    this.margin = h("div", { class: "margin", hidden: true });
    this.element = h("div", { class: "meter", role: "img", "aria-label": "No attempt yet" },
      h("div", { class: "track" }, this.margin, this.alpha),
      h("div", { class: "ends", "aria-hidden": "true" }, h("span", {}, "somebody else"), h("span", {}, "the person")));
  }

  show(margin, alpha) {
    const known = margin !== null && margin !== undefined;
    this.alpha.style.setProperty("--at", share(alpha));
    this.margin.hidden = !known;
    if (known) this.margin.style.setProperty("--at", share(margin));
    this.margin.classList.toggle("over", known && margin >= alpha);
    this.element.setAttribute("aria-label", known
      ? `Margin ${signed(margin)}, alpha ${signed(alpha)}` : `Alpha ${signed(alpha)}, no margin`);
  }
}

function share(value) {
  return Math.min(1, Math.max(0, (value - LOW) / (HIGH - LOW)));
}
