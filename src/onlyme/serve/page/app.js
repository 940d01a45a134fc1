// Show the view that the address names, and say when the service or the session has ended.

import { ask, connection, Problem } from "./api.js";
import { h, loadIcons, makeIcon, makeNotice } from "./dom.js";
import * as audit from "./views/audit.js";
import * as enroll from "./views/enroll.js";
import * as notMe from "./views/not-me.js";
import * as people from "./views/people.js";
import * as sensitivity from "./views/sensitivity.js";
import * as unlock from "./views/unlock.js";

const VIEWS = { unlock, enroll, sensitivity, people, audit, "not-me": notMe };
const BANNER_MS = 8000; // how long the banner shows a refusal

const main = document.getElementById("main");
const banner = document.getElementById("banner");
const signOut = document.getElementById("sign-out");
let leaveView = () => {}; // what the view that is shown must do before another one is shown
let newest = 0; // number of the last call of `showView`
let sessionEnded = false;

/** Return the view and the person that the address names. */
function readAddress() {
  const [view, name] = location.hash.slice(2).split("/");
  try {
    return { view: view in VIEWS ? view : "unlock", name: decodeURIComponent(name ?? "") };
  } catch {
    return { view: "unlock", name: "" };
  }
}

async function showView({ first = false } = {}) {
  if (sessionEnded) return;
  const number = ++newest;
  leaveView();
  leaveView = () => {};
  const { view, name } = readAddress();
  const { title, lead, render } = VIEWS[view];
  document.title = `${title} – onlyme`;
  for (const link of document.querySelectorAll("#tabs a")) {
    const current = link.getAttribute("href") === `#/${view}` || (view === "not-me" && link.getAttribute("href") === "#/people");
    link.toggleAttribute("aria-current", false);
    if (current) link.setAttribute("aria-current", "page");
  }
  const heading = h("h1", { tabindex: "-1" }, title);
  const body = h("div", { class: `view ${view}`, "aria-busy": "true" }, h("p", { class: "soft" }, "One moment…"));
  main.replaceChildren(h("div", { class: "head" }, heading, h("p", { class: "lead" }, lead)), body);
  if (!first) heading.focus({ preventScroll: true });
  window.scrollTo(0, 0);
  try {
    const leave = await render(body, name);
    if (number !== newest) leave?.(); // another view was chosen meanwhile
    else leaveView = leave ?? leaveView;
  } catch (error) {
    if (number === newest) showError(body, error);
  }
  body.removeAttribute("aria-busy");
}

function showError(body, error) {
  if (!(error instanceof Problem)) console.error(error);
  body.replaceChildren(makeNotice("warn", "That did not work",
    error instanceof Problem ? error.message : "Something unexpected happened in this page.",
    h("button", { type: "button", class: "button", onclick: () => showView() }, "Try again")));
}

function showSessionEnd(title, words) {
  if (sessionEnded) return;
  sessionEnded = true;
  leaveView();
  banner.hidden = true;
  signOut.hidden = true;
  document.title = `${title} – onlyme`;
  const heading = h("h1", { tabindex: "-1" }, title);
  main.replaceChildren(h("div", { class: "notice whole" },
    makeIcon("link"), heading,
    h("p", {}, `${words} In a terminal, ask for another link and open it:`),
    h("pre", { tabindex: "0", "aria-label": "Command" }, h("code", {}, "onlyme serve link"))));
  heading.focus();
}

connection.addEventListener("ended", () => showSessionEnd("This session has ended",
  "Sessions end after a working day, and when the service starts anew."));

signOut.addEventListener("click", async () => {
  await ask("POST", "/sign-out");
  showSessionEnd("You have signed out", "The sessions of all browsers have ended.");
});

connection.addEventListener("gone", () => {
  leaveView();
  leaveView = () => {};
  banner.replaceChildren(makeIcon("warn"), h("span", {}, "The service does not answer. Is “onlyme serve” still running? Trying again…"));
  banner.hidden = false;
});

connection.addEventListener("back", () => {
  banner.hidden = true;
  showView();
});

// If the service refuses what a button started, the banner says so.
window.addEventListener("unhandledrejection", (event) => {
  if (!(event.reason instanceof Problem)) return;
  event.preventDefault();
  if (sessionEnded || event.reason.kind === "gone") return;
  banner.replaceChildren(makeIcon("warn"), h("span", {}, event.reason.message));
  banner.hidden = false;
  setTimeout(() => (banner.hidden = true), BANNER_MS);
});

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names the view, so the link must not change it
  main.focus();
});
window.addEventListener("hashchange", () => showView());
window.addEventListener("pagehide", () => leaveView());
loadIcons().catch(() => {}); // the page works without icons
showView({ first: true });
