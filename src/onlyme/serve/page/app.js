// Which view is shown, and what is said when the service or the session is gone.

import { connection, Problem } from "./api.js";
import { h, icon, icons, notice } from "./dom.js";
import * as audit from "./views/audit.js";
import * as enroll from "./views/enroll.js";
import * as notMe from "./views/not-me.js";
import * as people from "./views/people.js";
import * as sensitivity from "./views/sensitivity.js";
import * as unlock from "./views/unlock.js";

const VIEWS = { unlock, enroll, sensitivity, people, audit, "not-me": notMe };

const main = document.getElementById("main");
const banner = document.getElementById("banner");
let leave = () => {};
let turn = 0;
let ended = false;

/** The view and the person that the address names. */
function address() {
  const [view, name] = location.hash.slice(2).split("/");
  try {
    return { view: view in VIEWS ? view : "unlock", name: decodeURIComponent(name ?? "") };
  } catch {
    return { view: "unlock", name: "" };
  }
}

async function show({ first = false } = {}) {
  if (ended) return;
  const mine = ++turn;
  leave();
  leave = () => {};
  const { view, name } = address();
  const { title, lead, render } = VIEWS[view];
  document.title = `${title} – onlyme`;
  for (const link of document.querySelectorAll("#tabs a")) {
    const here = link.getAttribute("href") === `#/${view}` || (view === "not-me" && link.getAttribute("href") === "#/people");
    link.toggleAttribute("aria-current", false);
    if (here) link.setAttribute("aria-current", "page");
  }
  const heading = h("h1", { tabindex: "-1" }, title);
  const body = h("div", { class: `view ${view}`, "aria-busy": "true" }, h("p", { class: "soft" }, "One moment…"));
  main.replaceChildren(h("div", { class: "head" }, heading, h("p", { class: "lead" }, lead)), body);
  if (!first) heading.focus({ preventScroll: true });
  window.scrollTo(0, 0);
  try {
    const after = await render(body, name);
    if (mine !== turn) after?.();
    else leave = after ?? leave;
  } catch (error) {
    if (mine === turn) failed(body, error);
  }
  body.removeAttribute("aria-busy");
}

function failed(body, error) {
  if (!(error instanceof Problem)) console.error(error);
  body.replaceChildren(notice("warn", "That did not work",
    error instanceof Problem ? error.message : "Something unexpected happened in this page.",
    h("button", { type: "button", class: "button", onclick: () => show() }, "Try again")));
}

connection.addEventListener("ended", () => {
  if (ended) return;
  ended = true;
  leave();
  banner.hidden = true;
  document.title = "Session ended – onlyme";
  const heading = h("h1", { tabindex: "-1" }, "This session has ended");
  main.replaceChildren(h("div", { class: "notice whole" },
    icon("link"), heading,
    h("p", {}, "Sessions end after a working day, and when the service starts anew. In a terminal, ask for another link and open it:"),
    h("pre", { tabindex: "0", "aria-label": "Command" }, h("code", {}, "onlyme serve link"))));
  heading.focus();
});

connection.addEventListener("gone", () => {
  leave();
  leave = () => {};
  banner.replaceChildren(icon("warn"), h("span", {}, "The service does not answer. Is “onlyme serve” still running? Trying again…"));
  banner.hidden = false;
});

connection.addEventListener("back", () => {
  banner.hidden = true;
  show();
});

// What a button started and the service refused is said where the eye is.
window.addEventListener("unhandledrejection", (event) => {
  if (!(event.reason instanceof Problem)) return;
  event.preventDefault();
  if (ended || event.reason.kind === "gone") return;
  banner.replaceChildren(icon("warn"), h("span", {}, event.reason.message));
  banner.hidden = false;
  setTimeout(() => (banner.hidden = true), 8000);
});

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names the view
  main.focus();
});
window.addEventListener("hashchange", () => show());
window.addEventListener("pagehide", () => leave());
icons().catch(() => {}); // without them the words remain
show({ first: true });
