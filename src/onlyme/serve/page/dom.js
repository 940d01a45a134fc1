// Make elements and icons, tell the user what happened, and ask for confirmation.

import { t } from "./i18n.js";

const SVG = "http://www.w3.org/2000/svg";
const REVOKE_MS = 1000; // by then the browser has read a file that is saved
const ANNOUNCE_MS = 60; // between emptying and filling the region that screen readers watch

/**
 * Make an HTML element. Named `h` as in hyperscript, since every view calls it for every element.
 * `on…` attributes are listeners; attributes that are null, undefined or false are left out.
 */
export function h(tag, attributes = {}, ...children) {
  return fillElement(document.createElement(tag), attributes, children);
}

/** Make an SVG element, with the same arguments as `h`. */
export function svg(tag, attributes = {}, ...children) {
  return fillElement(document.createElementNS(SVG, tag), attributes, children);
}

function fillElement(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined));
  return element;
}

/** Make an icon. Screen readers skip it: the words beside it say the same. */
export function makeIcon(name) {
  return svg("svg", { class: "icon", "aria-hidden": "true" }, svg("use", { href: `#icon-${name}` }));
}

/** Fetch all icons once and add them to the page, where `makeIcon` refers to them. */
export async function loadIcons() {
  const text = await (await fetch("icons.svg")).text();
  const drawing = document.importNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement, true);
  drawing.setAttribute("class", "unseen");
  drawing.setAttribute("aria-hidden", "true");
  document.body.append(drawing);
}

/** Make a button with an icon; `iconName` may be null. */
export function makeButton(words, iconName, onclick, kind = "") {
  return h("button", { type: "button", class: `button ${kind}`, onclick }, iconName ? makeIcon(iconName) : null, h("span", {}, words));
}

/** Make a link that looks like a button. */
export function makeLink(words, iconName, href, kind = "") {
  return h("a", { class: `button ${kind}`, href }, iconName ? makeIcon(iconName) : null, h("span", {}, words));
}

/** Make a part that is closed until somebody wants the figures. */
export function makeDetails(words, ...content) {
  return h("details", { class: "figures" }, h("summary", {}, words), content);
}

/** Have a screen reader say something, also if it is the same as before. */
export function announce(words) {
  const announcer = document.getElementById("announcer");
  announcer.textContent = "";
  // Screen readers speak only when the region changes, so it is emptied first.
  setTimeout(() => (announcer.textContent = words), ANNOUNCE_MS);
}

/**
 * Tell the user what a button has done: shown until the next action or view, and announced.
 * `undo`, if given, is a function for a button beside the words.
 */
export function tell(words, undo = null) {
  const told = document.getElementById("told");
  const close = h("button", { type: "button", class: "close", "aria-label": t("Close"), onclick: hideTold }, makeIcon("cross"));
  told.replaceChildren(makeIcon("check"), h("span", {}, words), undo ? makeButton(t("Undo"), "undo", () => { hideTold(); undo(); }) : "", close);
  told.hidden = false;
  announce(words);
}

/** Hide what was told last. */
export function hideTold() {
  document.getElementById("told").hidden = true;
}

/** Make a notice: an icon, a heading, a paragraph, and buttons or links. */
export function makeNotice(iconName, title, words, ...actions) {
  return h("div", { class: "notice" },
    makeIcon(iconName),
    h("h2", {}, title),
    h("p", {}, words),
    actions.length ? h("div", { class: "actions" }, actions) : null);
}

/** Have the browser save a file. */
export function saveFile(blob, fileName) {
  const link = h("a", { href: URL.createObjectURL(blob), download: fileName });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), REVOKE_MS);
}

/** Return the view that is shown; a question that is asked after a request names it as its own. */
export function findView() {
  return document.querySelector("main .view");
}

/**
 * Ask before something that cannot be undone or loosens. Resolves to true if the user agrees. If the
 * user has left `view` meanwhile, it resolves to false, and nothing is asked.
 */
export function askToConfirm(title, words, yes, view = findView()) {
  return openDialog(title, words, yes, null, "danger", view);
}

/** Ask for a text, with `label`; resolves to it, or to null. */
export async function askForText(title, words, label, yes, value = "") {
  const input = h("input", { type: "text", id: "ask-text", maxlength: 128, autocomplete: "off", spellcheck: "false", value, autofocus: true });
  const agreed = await openDialog(title, words, yes, h("div", { class: "field" }, h("label", { for: "ask-text" }, label), input), "primary", findView());
  return agreed ? input.value : null;
}

/** Close every question as if it were cancelled: what it was about is not shown any more. */
export function closeDialogs() {
  for (const dialog of document.querySelectorAll("dialog")) dialog.close("no");
}

function openDialog(title, words, yes, field, kind, view) {
  if (!view?.isConnected) return Promise.resolve(false);
  closeDialogs(); // one question at a time
  return new Promise((resolve) => {
    const form = h("form", { method: "dialog", onsubmit: (event) => { event.preventDefault(); dialog.close("yes"); } },
      h("h2", { id: "ask-title" }, title),
      h("p", { id: "ask-words" }, words),
      field,
      h("div", { class: "actions" },
        h("button", { type: "button", class: "button", autofocus: !field, onclick: () => dialog.close("no") }, t("Cancel")),
        h("button", { type: field ? "submit" : "button", class: `button ${kind}`, onclick: field ? null : () => dialog.close("yes") }, yes)));
    const dialog = h("dialog", { class: "card ask", "aria-labelledby": "ask-title", "aria-describedby": "ask-words" }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
