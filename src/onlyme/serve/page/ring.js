// The oval to put a face into, and round it a ring that fills as poses are photographed.

import { s } from "./dom.js";

// Clockwise from the top, as in the mirror: the person's left is on the left.
const PLACES = ["front", "right", "right", "front", "front", "left", "left"];
const GAP = 0.05; // between two parts of the ring, in radians

export class Ring {
  constructor() {
    this.shade = s("path", { class: "shade", "fill-rule": "evenodd" });
    this.arcs = PLACES.map((pose) => s("path", { class: "arc", "data-pose": pose }));
    this.drawing = s("g", { class: "ring" }, this.shade, this.arcs);
  }

  shape(width, height) {
    const tall = Math.min(0.37 * height, 0.58 * width);
    const wide = 0.76 * tall;
    const [x, y] = [width / 2, 0.455 * height];
    this.shade.setAttribute("d", `M0 0H${width}V${height}H0Z ${ellipse(x, y, wide, tall)}`);
    const part = (2 * Math.PI) / PLACES.length;
    this.arcs.forEach((arc, index) => {
      const middle = index * part - Math.PI / 2;
      const ends = [middle - part / 2 + GAP, middle + part / 2 - GAP].map((angle) =>
        `${x + wide * Math.cos(angle)} ${y + tall * Math.sin(angle)}`);
      arc.setAttribute("d", `M${ends[0]} A${wide} ${tall} 0 0 1 ${ends[1]}`);
    });
  }

  /**
   * Fill it: photos of each pose, such as `{front: 2, left: 0, right: 1}`; whether the face fits now;
   * and the pose that is asked for, or null.
   */
  fill(covered, fits = false, asked = null) {
    const left = { ...covered };
    for (const [index, pose] of PLACES.entries()) {
      const filled = left[pose] > 0;
      if (filled) left[pose] -= 1;
      this.arcs[index].classList.toggle("filled", filled);
      this.arcs[index].classList.toggle("asked", !filled && pose === asked);
    }
    this.drawing.classList.toggle("fits", fits);
  }
}

function ellipse(x, y, wide, tall) {
  return `M${x - wide} ${y}A${wide} ${tall} 0 1 0 ${x + wide} ${y}A${wide} ${tall} 0 1 0 ${x - wide} ${y}Z`;
}
