// Show what an owner's alpha promises, in sentences, and offer it as text and as a picture.

import { h, makeButton, saveFile } from "./dom.js";
import { t, translate } from "./i18n.js";
import { drawCard } from "./card.js";
import { makeSentence } from "./words.js";

const COUNTED = /at most 1 in ([\d,]+) strangers \(95 % bound\)/;

/** Return the number of tries of the counted bound in a certificate's sentences, or null. */
export function findCounted(sentences) {
  const match = sentences.join(" ").match(COUNTED);
  return match ? Number(match[1].replaceAll(",", "")) : null;
}

/** Make a part of the page that opens and closes: the sentences, and notes of the enrolment. */
export function makeCertificate(name, promise, sentences, { notes = [], open = false } = {}) {
  return h("div", { class: "certificate" },
    h("details", { open },
      h("summary", {}, t("The certificate")),
      sentences.length
        ? h("ul", {}, sentences.map((sentence) => h("li", {}, translate(sentence))))
        : h("p", {}, t("Nothing can be promised: this network is not calibrated, or alpha is too low.")),
      notes.length ? h("p", { class: "soft small" }, notes.map((note) => makeSentence(translate(note))).join(" ")) : null),
    sentences.length ? h("div", { class: "actions" },
      makeButton(t("Download"), "download", () => saveText(name, sentences.map(translate))),
      makeButton(t("Save as a picture"), "picture", () => savePicture(name, promise, sentences.map(translate)))) : null);
}

function saveText(name, sentences) {
  const text = [`${t("onlyme certificate")}: ${name}`, new Date().toISOString(), "", ...sentences, ""].join("\n");
  saveFile(new Blob([text], { type: "text/plain" }), makeFileName(name, "txt"));
}

async function savePicture(name, promise, sentences) {
  saveFile(await drawCard(name, promise, sentences), makeFileName(name, "png"));
}

function makeFileName(name, ending) {
  return `onlyme-certificate-${name.replace(/[^\p{L}\p{M}\p{N} _-]/gu, "_")}.${ending}`;
}
