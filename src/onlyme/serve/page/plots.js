// Draw the learning curve of a network, and a map of the vectors of its photos.

import { h, svg } from "./dom.js";
import { formatNumber, t } from "./i18n.js";
import { formatSigned } from "./words.js";

// Lengths in units of the drawings' viewBox.
const [WIDTH, HEIGHT, LEFT, FLOOR, TOP] = [560, 220, 44, 190, 12];
const [SIDE, PAD, DOT] = [320, 24, 6];

/** Draw losses by step: `[step, clean loss, loss of the varied photos]` each. */
export function drawCurve(curve, most) {
  const last = curve.at(-1)?.[0] ?? 0;
  const high = Math.max(...curve.flatMap(([, clean, varied]) => [clean, varied]), 1e-9);
  const toX = (step) => LEFT + ((WIDTH - LEFT - 8) * step) / Math.max(last, 1);
  const toY = (loss) => FLOOR - ((FLOOR - TOP) * Math.max(0, loss)) / high;
  const makePath = (column) => curve.map((point, index) => `${index ? "L" : "M"}${toX(point[0]).toFixed(1)} ${toY(point[column]).toFixed(1)}`).join("");
  const words = t("The loss after {n} steps is {loss}; it began at {first}.", { n: formatNumber(last), loss: formatLoss(curve.at(-1)?.[1]), first: formatLoss(curve[0]?.[1]) });
  return h("figure", { class: "plot-figure" },
    svg("svg", { class: "curve", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words },
      svg("line", { class: "floor", x1: LEFT, x2: WIDTH, y1: FLOOR, y2: FLOOR }),
      svg("path", { class: "varied", d: makePath(2) }),
      svg("path", { class: "clean", d: makePath(1) }),
      svg("text", { class: "mark", x: LEFT - 8, y: TOP + 8, "text-anchor": "end" }, formatLoss(high)),
      svg("text", { class: "mark", x: LEFT - 8, y: FLOOR, "text-anchor": "end" }, "0"),
      svg("text", { class: "mark", x: LEFT, y: HEIGHT - 8 }, t("Step {n} of at most {most}", { n: formatNumber(last), most: formatNumber(most ?? last) }))),
    h("figcaption", { class: "soft small" }, t("Loss: the thick line for the photos as they are, the thin one for photos that are varied at each step.")));
}

/** Draw the photos as points: `me` and `not_me` are lists of `[x, y]`. */
export function drawMap({ me, not_me: others }) {
  const all = [...me, ...others];
  const reach = Math.max(...all.flat().map(Math.abs), 1e-9);
  const place = (value) => (SIDE / 2 + (value / reach) * (SIDE / 2 - PAD)).toFixed(1);
  return h("figure", { class: "plot-figure" },
    svg("svg", { class: "map", viewBox: `0 0 ${SIDE} ${SIDE}`, role: "img", "aria-label": t("Map of {me} photos of you and {others} of others.", { me: me.length, others: others.length }) },
      svg("rect", { class: "frame", x: 1, y: 1, width: SIDE - 2, height: SIDE - 2, rx: 12 }),
      others.map(([x, y]) => svg("path", { class: "other", d: `M${place(x)} ${place(y) - DOT}l${DOT} ${DOT}l-${DOT} ${DOT}l-${DOT} -${DOT}z` })),
      me.map(([x, y]) => svg("circle", { class: "own", cx: place(x), cy: place(y), r: DOT }))),
    h("figcaption", { class: "soft small" }, t("Map of the photos: circles are you, diamonds are others. Near means alike for this network.")));
}

function formatLoss(loss) {
  return loss === undefined ? "–" : formatSigned(loss, loss < 0.1 ? 3 : 2).replace("+", "");
}
