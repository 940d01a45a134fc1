// Two histograms on one scale: margins of the person's own pictures, and of strangers.

import { s } from "./dom.js";
import { signed } from "./words.js";

const HEIGHT = 220;
const FLOOR = 190; // where the bars stand; below it the scale
const BAR = 12; // pixels

export class Histogram {
  /** `low` and `high` are the ends of the scale; `own`, `strangers` and `attempts` margins. */
  constructor({ low, high, own, strangers, attempts }) {
    this.width = matchMedia("(max-width: 759px)").matches ? 312 : 720;
    this.low = low;
    this.high = high;
    this.line = s("line", { class: "alpha", y1: 0, y2: FLOOR });
    this.over = s("rect", { class: "over", y: 0, height: FLOOR });
    this.element = s("svg", { class: "histogram", viewBox: `0 0 ${this.width} ${HEIGHT}`, role: "img", "aria-label": described(own, strangers) },
      this.over,
      this.bars(strangers, "stranger", FLOOR - 16),
      this.bars(own, "own", FLOOR - 70),
      attempts.map((each) => s("path", { class: `tried ${each.accepted ? "in" : "out"}`, d: `M${this.x(each.margin)} ${FLOOR - 2}l-5 -9h10z` })),
      s("line", { class: "floor", x1: 0, x2: this.width, y1: FLOOR, y2: FLOOR }),
      this.scale(),
      this.line);
  }

  x(value) {
    return ((value - this.low) / (this.high - this.low)) * this.width;
  }

  bars(values, kind, most) {
    const counts = new Array(Math.ceil(this.width / BAR)).fill(0);
    for (const value of values) counts[Math.min(counts.length - 1, Math.floor(this.x(value) / BAR))] += 1;
    const top = Math.max(...counts, 1);
    return s("g", { class: kind }, counts.map((count, bin) => {
      if (!count) return null;
      const tall = Math.max(4, (count / top) * most);
      return s("rect", { x: bin * BAR + 1, width: BAR - 2, y: FLOOR - tall, height: tall, rx: 2 });
    }));
  }

  scale() {
    const step = this.width < 400 ? 0.4 : 0.2;
    const marks = [];
    for (let at = Math.ceil(this.low / step) * step; at <= this.high + 1e-9; at += step) {
      const x = Math.min(this.width - 20, Math.max(20, this.x(at)));
      marks.push(s("text", { class: "mark", x, y: HEIGHT - 10, "text-anchor": "middle" }, signed(at).slice(0, 4)));
    }
    return s("g", {}, marks);
  }

  /** Move alpha. */
  at(alpha) {
    const x = this.x(alpha);
    this.line.setAttribute("x1", x);
    this.line.setAttribute("x2", x);
    this.over.setAttribute("x", x);
    this.over.setAttribute("width", Math.max(0, this.width - x));
  }
}

function described(own, strangers) {
  const range = (values) => (values.length ? `from ${signed(Math.min(...values))} to ${signed(Math.max(...values))}` : "none");
  return `Margins of ${own.length} own pictures ${range(own)}, and of ${strangers.length} strangers ${range(strangers)}.`;
}
