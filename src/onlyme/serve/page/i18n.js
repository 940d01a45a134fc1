// Say every message in the browser's language: English, or German where de.js has it.

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;

let catalogue = {};
let sentences = []; // of the service, with numbers in them: [pattern, German]

/** The language of dates and numbers: the browser's own. */
export const locale = navigator.language || "en";

/** Load the messages of the first of the browser's languages that the page knows. */
export async function loadLanguage() {
  const wanted = navigator.languages.map((one) => one.split("-")[0].toLowerCase());
  const language = wanted.find((one) => one === "en" || one === "de") ?? "en";
  document.documentElement.lang = language;
  if (language === "de") {
    catalogue = (await import("./de.js")).default;
    sentences = Object.entries((await import("./de-sentences.js")).default).map(([english, german]) => [makePattern(english), german]);
  }
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-t-label]")) element.setAttribute("aria-label", t(element.dataset.tLabel));
  for (const element of document.querySelectorAll("[data-t-title]")) element.title = t(element.dataset.tTitle);
}

/** Return a message in the page's language; `{key}` stands for the value of that key. */
export function t(message, values = {}) {
  return (catalogue[message] ?? message).replace(/\{(\w+)\}/g, (whole, key) => isolate(values[key] ?? whole));
}

/** Keep a name that is written from right to left from turning the words beside it around. */
function isolate(value) {
  return RIGHT_TO_LEFT.test(value) ? `\u2068${value}\u2069` : value;
}

/** Return the message for one or for another number of things; `{n}` stands for the number. */
export function tn(count, one, more, values = {}) {
  return t(count === 1 ? one : more, { n: formatNumber(count), ...values });
}

/** Return a sentence of the service in the page's language, with a real minus sign; a list follows its first line. */
export function translate(sentence) {
  const [first, ...others] = (sentence ?? "").split("\n").map((line) => line.trim());
  if (others.length) return `${translate(first)} ${others.map(translate).join("; ")}`;
  const said = catalogue[sentence] ?? fillSentence(sentence ?? "") ?? sentence ?? "";
  return said.replace(/(^|[\s([])-(?=\d)/g, "$1−");
}

/** Return a pattern for sentences that differ in their numbers: `{key}` is one, `{key:one|more}` a word, `{key*}` and `{key!}` any words. */
function makePattern(english) {
  const quoted = english.replace(/[*!]\}/g, "…}").replace(/[.*+?^$()[\]\\]/g, "\\$&");
  return new RegExp(`^${quoted.replace(/\{\w+:(.+?)\}/g, "(?:$1)").replace(/\{(\w+)…\}/g, "(?<$1>.+)").replace(/\{(\w+)\}/g, "(?<$1>[\\d.,]*\\d)")}$`);
}

/** Return a sentence with numbers in the page's language, and its numbers as the browser writes them. */
function fillSentence(sentence) {
  for (const [pattern, german] of sentences) {
    const found = pattern.exec(sentence);
    if (found) return german.replace(/\{(\w+)([*!])?(?::(.+?)\|(.+?))?\}/g, (_, key, words, one, more) =>
      (words === "!" ? found.groups[key] : words ? translate(found.groups[key]) : one ? (found.groups[key] === "1" ? one : more) : formatWritten(found.groups[key])));
  }
  return null;
}

/** Format a number that was written in English, with as many digits. */
function formatWritten(text) {
  const digits = text.split(".")[1]?.length ?? 0;
  return new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(Number(text.replaceAll(",", "")));
}

const numberFormat = new Intl.NumberFormat(locale);

/** Format a whole number. */
export function formatNumber(value) {
  return numberFormat.format(value);
}
