// Make elements and icons, announce words to screen readers, and ask for confirmation.

const SVG = "http://www.w3.org/2000/svg";
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

/** Have a screen reader say something, also if it is the same as before. */
export function announce(words) {
  const announcer = document.getElementById("announcer");
  announcer.textContent = "";
  // Screen readers speak only when the region changes, so it is emptied first.
  setTimeout(() => (announcer.textContent = words), ANNOUNCE_MS);
}

/** Make a notice: an icon, a heading, a paragraph, and buttons or links. */
export function makeNotice(iconName, title, words, ...actions) {
  return h("div", { class: "notice" },
    makeIcon(iconName),
    h("h2", {}, title),
    h("p", {}, words),
    actions.length ? h("div", { class: "actions" }, actions) : null);
}

/** Ask before something that cannot be undone. Resolves to true if the user agrees. */
export function askToConfirm(title, words, yes) {
  return new Promise((resolve) => {
    const answer = (value) => () => dialog.close(value);
    const dialog = h("dialog", { class: "card ask", "aria-labelledby": "ask-title", "aria-describedby": "ask-words" },
      h("h2", { id: "ask-title" }, title),
      h("p", { id: "ask-words" }, words),
      h("div", { class: "actions" },
        h("button", { type: "button", class: "button", autofocus: true, onclick: answer("no") }, "Cancel"),
        h("button", { type: "button", class: "button danger", onclick: answer("yes") }, yes)));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
