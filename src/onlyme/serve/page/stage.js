// The camera's picture and what is drawn on it: the face's frame, the verdict, the oval, notices.

import { h, icon, s } from "./dom.js";
import { Ring } from "./ring.js";

export class Stage {
  /** `guided`: with the oval and its ring, for enrolling. */
  constructor({ guided = false } = {}) {
    this.video = h("video", { muted: true, playsinline: true, "aria-label": "What the camera sees, mirrored", tabindex: "-1" });
    this.video.muted = true;
    this.box = s("rect", { class: "box", rx: 0, visibility: "hidden" });
    this.ring = guided ? new Ring() : null;
    this.drawing = s("svg", { class: "drawing", "aria-hidden": "true" }, this.ring?.drawing, this.box);
    this.pill = h("p", { class: "pill", hidden: true });
    this.corner = h("p", { class: "corner", hidden: true, "aria-hidden": "true" });
    this.prompt = h("p", { class: "prompt", hidden: true });
    this.cover = h("div", { class: "cover" });
    this.element = h("div", { class: "stage" }, this.video, this.drawing, this.corner, this.prompt, this.pill, this.cover);
    this.video.addEventListener("resize", () => this.fit());
    this.shape(640, 480);
  }

  fit() {
    if (this.video.videoWidth) this.shape(this.video.videoWidth, this.video.videoHeight);
  }

  shape(width, height) {
    this.width = width;
    this.height = height;
    this.element.style.setProperty("--ratio", width / height);
    this.drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.ring?.shape(width, height);
  }

  /** Show the picture, with nothing on it. */
  clear() {
    this.cover.replaceChildren();
    this.cover.hidden = true;
    this.frame(null);
    this.say(null);
    this.ask(null);
    this.note("");
  }

  /** Show something in place of the picture. */
  blank(...content) {
    this.clear();
    this.cover.replaceChildren(...content);
    this.cover.hidden = false;
  }

  /** Frame the face: `[left, top, width, height]` as shares of the picture, or null. */
  frame(box) {
    this.box.setAttribute("visibility", box ? "visible" : "hidden");
    if (!box) return;
    const [left, top, width, height] = box;
    const mirrored = 1 - left - width; // the picture is shown as in a mirror
    this.box.setAttribute("x", mirrored * this.width);
    this.box.setAttribute("y", top * this.height);
    this.box.setAttribute("width", width * this.width);
    this.box.setAttribute("height", height * this.height);
    this.box.setAttribute("rx", 0.12 * width * this.width);
  }

  /** Between two attempts nobody is looked for, and a frame would be of a moment ago. */
  rest(yes) {
    this.element.classList.toggle("resting", yes);
  }

  /** The verdict on the picture: `yes`, `no` or `unsure`, with its words. */
  say(kind, words = "", numbers = "") {
    this.element.dataset.verdict = kind ?? "";
    this.pill.hidden = !kind;
    if (!kind) return;
    const name = { yes: "check", no: "cross" }[kind] ?? "warn";
    this.pill.replaceChildren(icon(name), h("span", { class: "who" }, words), numbers ? h("span", { class: "numbers" }, numbers) : "");
  }

  /** What the person should do, with an arrow. */
  ask(words, arrow = "") {
    this.prompt.hidden = !words;
    this.prompt.replaceChildren(arrow ? h("span", { class: "arrow", "aria-hidden": "true" }, arrow) : "", words ?? "");
  }

  /** Small words in the corner. */
  note(words) {
    this.corner.hidden = !words;
    this.corner.textContent = words;
  }
}
