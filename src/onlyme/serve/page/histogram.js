// Draw two histograms on one scale: margins of the person's own pictures, and of strangers.

import { svg } from "./dom.js";
import { t } from "./i18n.js";
import { formatSigned } from "./words.js";

// Lengths in units of the drawing's viewBox.
const HEIGHT = 220;
const FLOOR_Y = 190; // where the bars stand; the scale is below
const BAR_WIDTH = 12;
const STRANGER_HEIGHT = FLOOR_Y - 16; // of the highest bar
const OWN_HEIGHT = FLOOR_Y - 70;
const MIN_BAR_HEIGHT = 4;

export class Histogram {
  /** `low` and `high` are the ends of the scale; `own`, `strangers` and `attempts` hold margins. */
  constructor({ low, high, own, strangers, attempts }) {
    this.width = matchMedia("(max-width: 759px)").matches ? 312 : 720;
    this.low = low;
    this.high = high;
    this.alphaLine = svg("line", { class: "alpha", y1: 0, y2: FLOOR_Y });
    this.aboveAlpha = svg("rect", { class: "over", y: 0, height: FLOOR_Y });
    this.element = svg("svg", { class: "histogram", viewBox: `0 0 ${this.width} ${HEIGHT}`, role: "img", "aria-label": describeMargins(own, strangers) },
      this.aboveAlpha,
      this.drawBars(strangers, "stranger", STRANGER_HEIGHT),
      this.drawBars(own, "own", OWN_HEIGHT),
      attempts.map((attempt) => svg("path", { class: `tried ${attempt.accepted ? "in" : "out"}`, d: `M${this.toX(attempt.margin)} ${FLOOR_Y - 2}l-5 -9h10z` })),
      svg("line", { class: "floor", x1: 0, x2: this.width, y1: FLOOR_Y, y2: FLOOR_Y }),
      this.drawScale(),
      this.alphaLine);
  }

  toX(margin) {
    return ((margin - this.low) / (this.high - this.low)) * this.width;
  }

  drawBars(margins, kind, maxHeight) {
    const counts = new Array(Math.ceil(this.width / BAR_WIDTH)).fill(0);
    for (const margin of margins) counts[Math.min(counts.length - 1, Math.floor(this.toX(margin) / BAR_WIDTH))] += 1;
    const highest = Math.max(...counts, 1);
    return svg("g", { class: kind }, counts.map((count, bin) => {
      if (!count) return null;
      const height = Math.max(MIN_BAR_HEIGHT, (count / highest) * maxHeight);
      return svg("rect", { x: bin * BAR_WIDTH + 1, width: BAR_WIDTH - 2, y: FLOOR_Y - height, height, rx: 2 });
    }));
  }

  drawScale() {
    const step = this.width < 400 ? 0.4 : 0.2;
    const marks = [];
    for (let margin = Math.ceil(this.low / step) * step; margin <= this.high + 1e-9; margin += step) {
      const x = Math.min(this.width - 20, Math.max(20, this.toX(margin)));
      marks.push(svg("text", { class: "mark", x, y: HEIGHT - 10, "text-anchor": "middle" }, formatSigned(margin, 1)));
    }
    return svg("g", {}, marks);
  }

  moveAlpha(alpha) {
    const x = this.toX(alpha);
    this.alphaLine.setAttribute("x1", x);
    this.alphaLine.setAttribute("x2", x);
    this.aboveAlpha.setAttribute("x", x);
    this.aboveAlpha.setAttribute("width", Math.max(0, this.width - x));
  }
}

function describeMargins(own, strangers) {
  const formatRange = (values) => (values.length ? t("from {low} to {high}", { low: formatSigned(Math.min(...values)), high: formatSigned(Math.max(...values)) }) : t("none"));
  return t("Margins of {own} own pictures {ownRange}, and of {strangers} strangers {range}.", { own: own.length, ownRange: formatRange(own), strangers: strangers.length, range: formatRange(strangers) });
}
