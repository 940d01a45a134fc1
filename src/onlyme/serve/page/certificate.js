// What an owner's alpha promises, in sentences, and as a file to keep.

import { button, h } from "./dom.js";
import { sentence } from "./words.js";

/** A part of a page that opens: the sentences, and what was noticed while learning. */
export function certificate(name, sentences, notes = []) {
  return h("details", { class: "certificate", open: true },
    h("summary", {}, "The certificate"),
    sentences.length
      ? h("ul", {}, sentences.map((each) => h("li", {}, each)))
      : h("p", {}, "Nothing can be promised: this network is not calibrated, or alpha is too low."),
    notes.length ? h("p", { class: "soft small" }, notes.map(sentence).join(" ")) : null,
    sentences.length ? button("Download", "download", () => download(name, sentences)) : null);
}

function download(name, sentences) {
  const words = [`onlyme certificate: ${name}`, new Date().toISOString(), "", ...sentences, ""].join("\n");
  const link = h("a", {
    href: URL.createObjectURL(new Blob([words], { type: "text/plain" })),
    download: `onlyme-certificate-${name.replace(/[^\p{L}\p{N} _-]/gu, "_")}.txt`,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
