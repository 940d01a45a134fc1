// Show the camera's picture, and draw on it: the face's frame, the verdict, the oval, notices.

import { Camera } from "./camera.js";
import { h, makeIcon, svg } from "./dom.js";
import { t } from "./i18n.js";
import { Ring } from "./ring.js";

const CORNER_SHARE = 0.12; // radius of the frame's corners, as a share of its width
const PROMPT_KINDS = { "✗": "no", "✓": "yes" }; // how an arrow of the service is coloured

export class Stage {
  /** `guided`: with the oval and its ring, for enrolling. */
  constructor({ guided = false } = {}) {
    this.video = h("video", { muted: true, playsinline: true, "aria-label": t("What the camera sees, mirrored"), tabindex: "-1" });
    this.video.muted = true;
    this.box = svg("rect", { class: "box", rx: 0, visibility: "hidden" });
    this.faces = svg("g", { class: "faces" });
    this.ring = guided ? new Ring() : null;
    this.drawing = svg("svg", { class: "drawing", "aria-hidden": "true" }, this.ring?.drawing, this.box, this.faces);
    this.pill = h("p", { class: "pill", hidden: true });
    this.note = h("p", { class: "note", hidden: true });
    this.prompt = h("p", { class: "prompt", hidden: true });
    this.top = h("div", { class: "over-picture" }, this.note, this.prompt);
    this.cover = h("div", { class: "cover" });
    this.element = h("div", { class: "stage", role: "group", "aria-label": t("Camera"), tabindex: "-1" }, this.video, this.drawing, this.top, this.pill, this.cover);
    this.video.addEventListener("resize", () => this.fitToVideo());
    this.resize(640, 480);
  }

  fitToVideo() {
    if (this.video.videoWidth) this.resize(this.video.videoWidth, this.video.videoHeight);
  }

  resize(width, height) {
    this.width = width;
    this.height = height;
    this.element.style.setProperty("--ratio", width / height);
    this.drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.ring?.resize(width, height);
  }

  /** Show the picture alone. */
  clear() {
    this.cover.replaceChildren();
    this.cover.hidden = true;
    this.element.classList.add("on");
    this.clearReadings();
  }

  /** Take away everything that was said about earlier pictures. */
  clearReadings() {
    this.frameFace(null);
    this.frameFaces([]);
    this.showVerdict(null);
    this.showPrompt(null);
    this.showNote("");
    this.setResting(false);
  }

  /** Show something in place of the picture. */
  showInstead(...content) {
    this.clear();
    this.element.classList.remove("on");
    this.cover.replaceChildren(...content);
    this.cover.hidden = false;
  }

  /** Bring the picture into sight, and the focus to it: no key then does anything by mistake. */
  focus() {
    this.element.scrollIntoView({ block: "center" });
    this.element.focus({ preventScroll: true });
  }

  /** Frame the face: `[left, top, width, height]` as shares of the picture, or null. */
  frameFace(box) {
    this.box.setAttribute("visibility", box ? "visible" : "hidden");
    for (const [key, value] of Object.entries(box ? this.place(box) : {})) this.box.setAttribute(key, value);
  }

  /** Frame several faces: each `{box, kind, words}`, with `kind` as of a verdict, or empty. */
  frameFaces(faces) {
    this.faces.replaceChildren(...faces.map(({ box, kind, words }) => {
      const at = this.place(box);
      const size = Math.max(12, this.height / 24);
      return svg("g", { class: kind },
        svg("rect", { class: "box", ...at }),
        svg("text", { x: at.x + at.width / 2, y: Math.min(this.height - size / 2, at.y + at.height + size * 1.2), "font-size": size, "text-anchor": "middle" }, words));
    }));
  }

  /** Return where a box is in the drawing, in pixels: the picture is shown as in a mirror. */
  place([left, top, width, height]) {
    return { x: (1 - left - width) * this.width, y: top * this.height, width: width * this.width, height: height * this.height, rx: CORNER_SHARE * width * this.width };
  }

  /** Between two attempts no picture is looked at, so the frame of the last one is hidden. */
  setResting(yes) {
    this.element.classList.toggle("resting", yes);
  }

  /** Show the verdict on the picture: `yes`, `no` or `unsure`, with words and numbers; null hides it. */
  showVerdict(kind, words = "", numbers = "") {
    this.element.dataset.verdict = kind ?? "";
    this.pill.hidden = !kind;
    if (!kind) return;
    const iconName = { yes: "check", no: "cross" }[kind] ?? "warn";
    this.pill.replaceChildren(makeIcon(iconName), h("span", { class: "who" }, words), numbers ? h("span", { class: "numbers" }, numbers) : "");
  }

  /** Show what the person should do, with an arrow; null hides it. */
  showPrompt(words, arrow = "") {
    this.prompt.hidden = !words;
    this.prompt.dataset.kind = PROMPT_KINDS[arrow] ?? "";
    this.prompt.replaceChildren(arrow ? h("span", { class: "arrow", "aria-hidden": "true" }, arrow) : "", words ?? "");
  }

  /** Show a warning above the picture's prompt; an empty text hides it. */
  showNote(words) {
    this.note.hidden = !words;
    this.note.textContent = words;
  }
}

/** Start the camera of a view that has a stage; return null where it cannot be used, or was replaced. */
export async function openCamera(view) {
  const camera = new Camera(view.stage.video);
  view.stopCamera();
  view.camera = camera;
  view.stage.showInstead(h("p", { class: "soft" }, t("Waiting for the camera…")));
  try {
    await camera.start();
  } catch (error) {
    if (camera === view.camera) view.showCameraError(error);
    return null;
  }
  if (camera !== view.camera) return null;
  camera.onLost((error) => camera === view.camera && view.showCameraError(error));
  view.stage.fitToVideo();
  view.stage.clear();
  return camera;
}
