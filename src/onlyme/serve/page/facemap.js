// Draw which poses were photographed: three heads that fill, seen as in a mirror.

import { h, svg } from "./dom.js";
import { t } from "./i18n.js";

// From left to right as in a mirror: the person's left is on the left.
const POSES = [["left", -1], ["front", 0], ["right", 1]];
const WORDS = { left: "to the left", front: "from the front", right: "to the right" };

export class FaceMap {
  /** `wanted` is the number of photos of each pose, such as `{front: 3, left: 2, right: 2}`. */
  constructor(wanted) {
    this.wanted = wanted;
    this.heads = Object.fromEntries(POSES.map(([pose, turn]) => [pose, drawHead(turn)]));
    this.counts = Object.fromEntries(POSES.map(([pose]) => [pose, h("figcaption", {})]));
    this.element = h("div", { class: "facemap", role: "group", "aria-label": t("Poses covered") },
      POSES.map(([pose]) => h("figure", {}, this.heads[pose], this.counts[pose])));
    this.fill({ front: 0, left: 0, right: 0 });
  }

  /** Show how many photos of each pose are there; `asked` is the pose that is asked for, or null. */
  fill(covered, asked = null) {
    for (const [pose] of POSES) {
      const share = Math.min(1, covered[pose] / this.wanted[pose]);
      this.heads[pose].querySelector(".level").setAttribute("height", 44 * share);
      this.heads[pose].querySelector(".level").setAttribute("y", 48 - 44 * share);
      this.heads[pose].classList.toggle("asked", pose === asked);
      this.heads[pose].classList.toggle("full", share === 1);
      this.counts[pose].textContent = t("{n} of {all} {pose}", { n: covered[pose], all: this.wanted[pose], pose: t(WORDS[pose]) });
    }
  }
}

function drawHead(turn) {
  const id = `head${turn}`;
  const outline = () => svg("ellipse", { cx: 26, cy: 26, rx: 17, ry: 22 });
  return svg("svg", { class: "head-map", viewBox: "0 0 52 52", "aria-hidden": "true" },
    svg("clipPath", { id }, outline()),
    svg("rect", { class: "level", x: 0, y: 48, width: 52, height: 0, "clip-path": `url(#${id})` }),
    svg("g", { class: "outline" }, outline(),
      svg("path", { d: `M${20 + 6 * turn} 22v3M${32 + 6 * turn} 22v3M${26 + 8 * turn} 25l${turn || 1} 6M${20 + 5 * turn} 37q6 4 12 0` })));
}
