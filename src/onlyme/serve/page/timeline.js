// Draw the margin of every picture over time, as a line against alpha, and each verdict as a mark.

import { h, svg } from "./dom.js";
import { t } from "./i18n.js";
import { toShare } from "./meter.js";
import { formatSigned } from "./words.js";

const SHOWN_SECONDS = 12;
const GAP_SECONDS = 0.8; // without a margin for so long, the line breaks
// Lengths in units of the drawing's viewBox.
const [WIDTH, HEIGHT, MARK] = [600, 120, 6];

export class Timeline {
  constructor(alpha) {
    this.points = []; // {at, margin, verdict?}, times in seconds
    this.line = svg("path", { class: "line" });
    this.alphaLine = svg("line", { class: "alpha", x1: 0, x2: WIDTH });
    this.marks = svg("g", {});
    this.drawing = svg("svg", { class: "timeline", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, this.alphaLine, this.line, this.marks);
    this.alphaWords = h("span", {});
    this.element = h("figure", { class: "time" }, this.drawing,
      h("figcaption", { class: "soft small" }, t("The margin of each picture over the last {n} seconds; the dashed line is alpha,", { n: SHOWN_SECONDS }), " ", this.alphaWords));
    this.setAlpha(alpha);
  }

  setAlpha(alpha) {
    this.alpha = alpha;
    this.alphaWords.textContent = `${formatSigned(alpha)}.`;
    for (const end of ["y1", "y2"]) this.alphaLine.setAttribute(end, toY(alpha));
  }

  /** Add the margin of one picture, or the verdict of an attempt: `yes`, `no` or `unsure`. */
  add(margin, verdict = null) {
    if (margin === null || margin === undefined) return;
    const now = performance.now() / 1000;
    this.points = this.points.filter((point) => now - point.at < SHOWN_SECONDS);
    this.points.push({ at: now, margin, verdict });
    this.draw(now);
  }

  /** Begin anew: what is drawn is of the past. */
  clear() {
    this.points = [];
    this.draw(0);
  }

  draw(now) {
    const toX = (at) => (WIDTH * (1 - (now - at) / SHOWN_SECONDS)).toFixed(1);
    let path = "";
    let before = null;
    for (const { at, margin, verdict } of this.points) {
      if (verdict) continue;
      path += `${before === null || at - before > GAP_SECONDS ? "M" : "L"}${toX(at)} ${toY(margin)}`;
      before = at;
    }
    this.line.setAttribute("d", path);
    this.marks.replaceChildren(...this.points.filter((point) => point.verdict).map(({ at, margin, verdict }) =>
      svg("path", { class: verdict, d: `M${toX(at)} ${toY(margin) - MARK}l${MARK} ${MARK}l-${MARK} ${MARK}l-${MARK} -${MARK}z` })));
  }
}

function toY(margin) {
  return HEIGHT * (1 - toShare(margin));
}
