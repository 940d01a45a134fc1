// Small helpers: elements, icons, what is announced to screen readers, questions.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element. `on…` attributes are listeners; null, undefined and false are left out. */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Make an SVG element. */
export function s(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined));
  return element;
}

/** One of the icons, for the eye only: the words beside it say the same. */
export function icon(name) {
  return s("svg", { class: "icon", "aria-hidden": "true" }, s("use", { href: `#icon-${name}` }));
}

/** Fetch the icons once and keep them in the page. */
export async function icons() {
  const text = await (await fetch("icons.svg")).text();
  const drawn = document.importNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement, true);
  drawn.setAttribute("class", "unseen");
  drawn.setAttribute("aria-hidden", "true");
  document.body.append(drawn);
}

/** A button with an icon. */
export function button(words, name, onclick, kind = "") {
  return h("button", { type: "button", class: `button ${kind}`, onclick }, name ? icon(name) : null, h("span", {}, words));
}

/** Say something to who cannot see it; the same again is said again. */
export function announce(words) {
  const announcer = document.getElementById("announcer");
  announcer.textContent = "";
  // A region that did not change says nothing; a moment apart are two changes.
  setTimeout(() => (announcer.textContent = words), 60);
}

/** A heading, a paragraph, and perhaps what to do about it. */
export function notice(name, title, words, ...actions) {
  return h("div", { class: "notice" },
    icon(name),
    h("h2", {}, title),
    h("p", {}, words),
    actions.length ? h("div", { class: "actions" }, actions) : null);
}

/** Ask before something that cannot be taken back. Resolves to whether to go on. */
export function confirmed(title, words, yes) {
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
