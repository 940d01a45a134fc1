// Show a line from "surely somebody else" to "surely the person", with alpha and the margin on it.

import { h } from "./dom.js";
import { formatSigned } from "./words.js";

// Margins at the ends of the line.
const LOWEST_MARGIN = -0.6;
const HIGHEST_MARGIN = 1.0;

export class Meter {
  constructor() {
    this.alpha = h("div", { class: "alpha" }, h("span", {}, "alpha"));
    this.margin = h("div", { class: "margin", hidden: true });
    this.element = h("div", { class: "meter", role: "img", "aria-label": "No attempt yet" },
      h("div", { class: "track" }, this.margin, this.alpha),
      h("div", { class: "ends", "aria-hidden": "true" }, h("span", {}, "somebody else"), h("span", {}, "the person")));
  }

  show(margin, alpha) {
    const hasMargin = margin !== null && margin !== undefined;
    this.alpha.style.setProperty("--at", toShare(alpha));
    this.margin.hidden = !hasMargin;
    if (hasMargin) this.margin.style.setProperty("--at", toShare(margin));
    this.margin.classList.toggle("over", hasMargin && margin >= alpha);
    this.element.setAttribute("aria-label", hasMargin
      ? `Margin ${formatSigned(margin)}, alpha ${formatSigned(alpha)}` : `Alpha ${formatSigned(alpha)}, no margin`);
  }
}

function toShare(margin) {
  return Math.min(1, Math.max(0, (margin - LOWEST_MARGIN) / (HIGHEST_MARGIN - LOWEST_MARGIN)));
}
