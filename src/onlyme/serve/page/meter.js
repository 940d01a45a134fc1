// Show a line from "surely somebody else" to "surely the person", with alpha and the margin on it.

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { formatSigned } from "./words.js";

// Margins at the ends of the line.
const LOWEST_MARGIN = -0.6;
const HIGHEST_MARGIN = 1.0;

export class Meter {
  constructor() {
    this.alpha = h("div", { class: "alpha" }, h("span", {}, "alpha"));
    this.margin = h("div", { class: "margin", hidden: true });
    this.element = h("div", { class: "meter", role: "img", "aria-label": t("No attempt yet") },
      h("div", { class: "track" }, this.margin, this.alpha),
      h("div", { class: "ends", "aria-hidden": "true" }, h("span", {}, t("somebody else")), h("span", {}, t("the person"))));
  }

  /**
   * Show a margin, or none. Only what was accepted is shown as a yes: a face over alpha that was
   * refused, such as a photo of the person, must not look as if it had come in.
   */
  show(margin, alpha, accepted = false) {
    const hasMargin = margin !== null && margin !== undefined;
    const isOver = hasMargin && margin >= alpha;
    this.alpha.style.setProperty("--at", toShare(alpha));
    this.margin.hidden = !hasMargin;
    if (hasMargin) this.margin.style.setProperty("--at", toShare(margin));
    this.margin.classList.toggle("over", isOver && accepted);
    this.margin.classList.toggle("refused", isOver && !accepted);
    const numbers = { margin: formatSigned(margin), alpha: formatSigned(alpha) };
    this.element.setAttribute("aria-label", !hasMargin ? t("Alpha {alpha}, no margin", numbers)
      : isOver && !accepted ? t("Margin {margin}, alpha {alpha}; refused for another reason", numbers)
        : t("Margin {margin}, alpha {alpha}", numbers));
  }
}

/** Return the place of a margin on the line, 0 to 1. */
export function toShare(margin) {
  return Math.min(1, Math.max(0, (margin - LOWEST_MARGIN) / (HIGHEST_MARGIN - LOWEST_MARGIN)));
}
