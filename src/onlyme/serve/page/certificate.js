// Show what an owner's alpha promises, in sentences, and offer it as a file.

import { h, makeButton } from "./dom.js";
import { makeSentence } from "./words.js";

const REVOKE_MS = 1000; // by then the browser has read the file

/** Make a part of the page that opens and closes: the sentences, and notes of the enrolment. */
export function makeCertificate(name, sentences, notes = []) {
  return h("details", { class: "certificate", open: true },
    h("summary", {}, "The certificate"),
    sentences.length
      ? h("ul", {}, sentences.map((sentence) => h("li", {}, sentence)))
      : h("p", {}, "Nothing can be promised: this network is not calibrated, or alpha is too low."),
    notes.length ? h("p", { class: "soft small" }, notes.map(makeSentence).join(" ")) : null,
    sentences.length ? makeButton("Download", "download", () => download(name, sentences)) : null);
}

function download(name, sentences) {
  const text = [`onlyme certificate: ${name}`, new Date().toISOString(), "", ...sentences, ""].join("\n");
  const link = h("a", {
    href: URL.createObjectURL(new Blob([text], { type: "text/plain" })),
    download: `onlyme-certificate-${name.replace(/[^\p{L}\p{N} _-]/gu, "_")}.txt`,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), REVOKE_MS);
}
