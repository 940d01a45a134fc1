// Draw the oval that the face must fill, and a ring around it that fills as poses are photographed.

import { svg } from "./dom.js";

// Clockwise from the top, as in a mirror: the person's left is on the left.
const ARC_POSES = ["front", "right", "right", "front", "front", "left", "left"];
const GAP_RADIANS = 0.05; // between two arcs, on each side

export class Ring {
  constructor() {
    this.shade = svg("path", { class: "shade", "fill-rule": "evenodd" });
    this.arcs = ARC_POSES.map((pose) => svg("path", { class: "arc", "data-pose": pose }));
    this.drawing = svg("g", { class: "ring" }, this.shade, this.arcs);
  }

  resize(width, height) {
    const radiusY = Math.min(0.37 * height, 0.58 * width);
    const radiusX = 0.76 * radiusY;
    const [x, y] = [width / 2, 0.455 * height];
    this.shade.setAttribute("d", `M0 0H${width}V${height}H0Z ${makeEllipsePath(x, y, radiusX, radiusY)}`);
    const part = (2 * Math.PI) / ARC_POSES.length;
    this.arcs.forEach((arc, index) => {
      const middle = index * part - Math.PI / 2;
      const ends = [middle - part / 2 + GAP_RADIANS, middle + part / 2 - GAP_RADIANS].map((angle) =>
        `${x + radiusX * Math.cos(angle)} ${y + radiusY * Math.sin(angle)}`);
      arc.setAttribute("d", `M${ends[0]} A${radiusX} ${radiusY} 0 0 1 ${ends[1]}`);
    });
  }

  /**
   * Fill the ring: `covered` counts the photos of each pose, such as `{front: 2, left: 0, right: 1}`;
   * `fits` says whether the face fits the oval now; `asked` is the pose that is asked for, or null.
   */
  fill(covered, fits = false, asked = null) {
    const remaining = { ...covered };
    for (const [index, pose] of ARC_POSES.entries()) {
      const isFilled = remaining[pose] > 0;
      if (isFilled) remaining[pose] -= 1;
      this.arcs[index].classList.toggle("filled", isFilled);
      this.arcs[index].classList.toggle("asked", !isFilled && pose === asked);
    }
    this.drawing.classList.toggle("fits", fits);
  }
}

function makeEllipsePath(x, y, radiusX, radiusY) {
  return `M${x - radiusX} ${y}A${radiusX} ${radiusY} 0 1 0 ${x + radiusX} ${y}A${radiusX} ${radiusY} 0 1 0 ${x - radiusX} ${y}Z`;
}
