// Two histograms on one scale: margins of the person's own pictures, and of strangers.

import { s } from "./dom.js";
import { signed } from "./words.js";

const WIDTH = 720;
const HEIGHT = 220;
const FLOOR = 190; // where the bars stand; below it the scale
const BINS = 60;

export class Histogram {
  /** `low` and `high` are the ends of the scale; `own`, `strangers` and `attempts` margins. */
  constructor({ low, high, own, strangers, attempts }) {
    this.low = low;
    this.high = high;
    this.line = s("line", { class: "alpha", y1: 0, y2: FLOOR });
    this.over = s("rect", { class: "over", y: 0, height: FLOOR });
    this.element = s("svg", { class: "histogram", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": described(own, strangers) },
      this.over,
      this.bars(strangers, "stranger", FLOOR - 16),
      this.bars(own, "own", FLOOR - 70),
      attempts.map((each) => s("path", { class: `tried ${each.accepted ? "in" : "out"}`, d: `M${this.x(each.margin)} ${FLOOR - 2}l-5 -9h10z` })),
      s("line", { class: "floor", x1: 0, x2: WIDTH, y1: FLOOR, y2: FLOOR }),
      this.scale(),
      this.line);
  }

  x(value) {
    return ((value - this.low) / (this.high - this.low)) * WIDTH;
  }

  bars(values, kind, most) {
    const counts = new Array(BINS).fill(0);
    for (const value of values) {
      counts[Math.min(BINS - 1, Math.max(0, Math.floor((this.x(value) / WIDTH) * BINS)))] += 1;
    }
    const top = Math.max(...counts, 1);
    const wide = WIDTH / BINS;
    return s("g", { class: kind }, counts.map((count, bin) => {
      if (!count) return null;
      const tall = Math.max(4, (count / top) * most);
      return s("rect", { x: bin * wide + 1, width: wide - 2, y: FLOOR - tall, height: tall, rx: 2 });
    }));
  }

  scale() {
    const step = (this.high - this.low) / WIDTH > 0.0021 ? 0.5 : 0.2;
    const marks = [];
    for (let at = Math.ceil(this.low / step) * step; at <= this.high + 1e-9; at += step) {
      const x = Math.min(WIDTH - 20, Math.max(20, this.x(at)));
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
    this.over.setAttribute("width", Math.max(0, WIDTH - x));
  }
}

function described(own, strangers) {
  const range = (values) => (values.length ? `from ${signed(Math.min(...values))} to ${signed(Math.max(...values))}` : "none");
  return `Margins of ${own.length} own pictures ${range(own)}, and of ${strangers.length} strangers ${range(strangers)}.`;
}
