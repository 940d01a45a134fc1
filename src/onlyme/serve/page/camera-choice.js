// Offer a choice among the browser's cameras; the browser remembers it.

import { chooseCamera, readCameraChoice } from "./camera.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";

/** Make a choice of the camera; null where there is nothing to choose from. */
export function makeCameraChoice(cameras) {
  if (cameras.length < 2) return null;
  const select = h("select", { id: "camera", onchange: () => chooseCamera(select.value) },
    h("option", { value: "" }, t("The browser’s choice")),
    cameras.map(({ id, label }, index) => h("option", { value: id, selected: id && id === readCameraChoice() }, label || t("Camera {n}", { n: index + 1 }))));
  return h("div", { class: "field" }, h("label", { for: "camera" }, t("Camera")), select);
}
