// Choose photos from files, by dropping them or with the file dialog, and say which cannot be read.

import { h, makeIcon } from "./dom.js";
import { t } from "./i18n.js";

const HEIC_BRANDS = ["heic", "heix", "hevc", "heim", "heis", "hevm", "mif1", "msf1", "heif"];

export class PhotoDrop {
  /** `onchange` is called with the files that can be used, whenever there are new ones; `words` say what becomes of them. */
  constructor(onchange, { multiple = true, label = t("Photos of this person"), id = "photos", words = null } = {}) {
    this.onchange = onchange;
    this.multiple = multiple;
    this.input = h("input", { type: "file", id, accept: "image/*,.heic,.heif", multiple, onchange: () => this.take(this.input.files) });
    this.problems = h("div", { role: "status" });
    this.element = h("div", { class: "drop", ondragover: (event) => this.hover(event, true), ondragleave: (event) => this.hover(event, false), ondrop: (event) => this.drop(event) },
      h("div", { class: "field" }, h("label", { for: id }, label), this.input),
      h("p", { class: "soft small" }, words ?? (multiple ? t("Or drop photos here. They are not kept, only what is learned from them.") : t("Or drop a picture here. It is not kept."))),
      this.problems);
  }

  hover(event, yes) {
    event.preventDefault();
    this.element.classList.toggle("over", yes);
  }

  drop(event) {
    this.hover(event, false);
    this.take(event.dataTransfer.files);
  }

  async take(list) {
    const files = [...list].slice(0, this.multiple ? undefined : 1);
    const heic = await Promise.all(files.map(isHeic));
    this.show(files.filter((_, index) => heic[index]).map((file) =>
      t("{file} is a HEIC picture. If the service cannot read it, save or send it as JPEG; on an iPhone: Settings, Camera, Formats, “Most Compatible”.", { file: file.name })));
    this.onchange(files);
  }

  /** Show what is wrong with single files. */
  show(sentences) {
    const list = h("ul", { class: "problems" }, sentences.map((sentence) => h("li", {}, makeIcon("warn"), h("span", {}, sentence))));
    this.problems.replaceChildren(...(sentences.length ? [list] : []));
  }

  clear() {
    this.input.value = "";
  }
}

/** Say whether a file is HEIC by its first bytes, whatever its name is. */
async function isHeic(file) {
  const head = new TextDecoder("latin1").decode(await file.slice(4, 12).arrayBuffer());
  return head.startsWith("ftyp") && HEIC_BRANDS.includes(head.slice(4));
}
