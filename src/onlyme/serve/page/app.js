// Show the view that the address names, and say when the service or the session has ended.

import { ask, connection, get, Problem } from "./api.js";
import { askToConfirm, closeDialogs, h, hideTold, loadIcons, makeIcon, makeLink, makeNotice } from "./dom.js";
import { loadLanguage, t } from "./i18n.js";
import * as audit from "./views/audit.js";
import * as enroll from "./views/enroll.js";
import * as notMe from "./views/not-me.js";
import * as people from "./views/people.js";
import * as sensitivity from "./views/sensitivity.js";
import * as unlock from "./views/unlock.js";
import * as who from "./views/who.js";

const LATER = ["events", "fool", "lab", "settings", "tokens", "doctor"]; // views that are loaded when they are asked for
const VIEWS = new Map(Object.entries({
  unlock, who, enroll, sensitivity, people, audit, more: enroll.more, "not-me": notMe,
  ...Object.fromEntries(LATER.map((key) => [key, () => import(`./views/${key}.js`)])),
}));
const PARENTS = { "not-me": "people", more: "people" }; // views without a tab of their own
const BANNER_MS = 8000; // how long the banner shows a refusal

const main = document.getElementById("main");
const banner = document.getElementById("banner");
const signOut = document.getElementById("sign-out");
let leaveView = () => {}; // what the view that is shown must do before another one is shown
let newest = 0; // number of the last call of `showView`
let sessionEnded = false;
let bannerTimer; // hides a refusal, never what was said after it

const missing = {
  title: "No such view",
  lead: "The address names no view of this page.",
  render: (body) => body.replaceChildren(makeNotice("warn", t("Nothing is at this address"), t("It may have been cut off, or come from another version."),
    makeLink(t("Unlock"), "unlock", "#/unlock", "primary"))),
};

/** Return the view and the person that the address names, with composed letters as names have. */
function readAddress() {
  const [view, ...rest] = location.hash.slice(2).split("/");
  try {
    return { key: view || "unlock", view: VIEWS.get(view || "unlock") ?? missing, name: decodeURIComponent(rest.join("/")).normalize("NFC") };
  } catch {
    return { key: "", view: missing, name: "" };
  }
}

async function showView({ first = false } = {}) {
  if (sessionEnded) return;
  const number = ++newest;
  leaveCurrent();
  hideTold();
  const { key, view: found, name } = readAddress();
  const view = typeof found === "function" ? await load(found) : found;
  if (!view || number !== newest || sessionEnded) return;
  main.inert = false;
  document.title = `${t(view.title)} – onlyme`;
  for (const link of document.querySelectorAll("#tabs a, .foot a")) {
    link.removeAttribute("aria-current");
    if (link.getAttribute("href") === `#/${PARENTS[key] ?? key}`) link.setAttribute("aria-current", "page");
  }
  const heading = h("h1", { tabindex: "-1" }, t(view.title));
  const body = h("div", { class: `view ${key}`, "aria-busy": "true" }, h("p", { class: "soft" }, t("One moment…")));
  closeDialogs(); // that were opened while this view was loaded
  main.replaceChildren(h("div", { class: "head" }, heading, h("p", { class: "lead" }, t(view.lead))), body);
  if (!first) heading.focus({ preventScroll: true });
  window.scrollTo(0, 0);
  try {
    const leave = await view.render(body, name);
    if (number !== newest || sessionEnded) return leave?.(); // another view was chosen meanwhile
    leaveView = leave ?? leaveView;
  } catch (error) {
    if (number !== newest) return;
    showError(body, error);
  }
  body.removeAttribute("aria-busy");
}

/**
 * Load a view; null if the service does not give it: the page then waits until it is back. Nothing of
 * the view before can be used meanwhile: it was left, so nobody would close a camera that it starts.
 */
async function load(view) {
  main.querySelector(".view")?.setAttribute("aria-busy", "true");
  main.inert = true;
  try {
    return await view();
  } catch {
    await get("/v1/keys").catch(() => null); // notices that the service is gone, or the session over
    return null;
  }
}

/** Leave the view that is shown: its camera is closed, and so is a question about it. */
function leaveCurrent() {
  closeDialogs();
  leaveView();
  leaveView = () => {};
}

function showError(body, error) {
  if (!(error instanceof Problem)) console.error(error);
  body.replaceChildren(makeNotice("warn", t("That did not work"),
    error instanceof Problem ? error.message : t("Something unexpected happened in this page."),
    h("button", { type: "button", class: "button", onclick: () => showView() }, t("Try again"))));
}

function showSessionEnd(title, words) {
  if (sessionEnded) return;
  sessionEnded = true;
  main.inert = false;
  leaveCurrent();
  hideTold();
  banner.hidden = true;
  signOut.hidden = true;
  document.title = `${title} – onlyme`;
  const heading = h("h1", { tabindex: "-1" }, title);
  main.replaceChildren(h("div", { class: "notice whole" },
    makeIcon("link"), heading,
    h("p", {}, `${words} ${t("In a terminal, ask for another link and open it:")}`),
    h("pre", { tabindex: "0", "aria-label": t("Command") }, h("code", {}, "onlyme serve link"))));
  heading.focus();
}

connection.addEventListener("ended", () => showSessionEnd(t("This session has ended"),
  t("Sessions end after a working day, and when somebody signs out.")));

signOut.addEventListener("click", async () => {
  const sure = await askToConfirm(t("Sign out of all browsers?"),
    t("The sessions and cameras of all browsers end, and a network that was trained in the lab is erased. To come back, ask for a link in a terminal: “onlyme serve link”."), t("Sign out"));
  if (!sure) return;
  await ask("POST", "/sign-out");
  showSessionEnd(t("You have signed out"), t("The sessions of all browsers have ended."));
});

connection.addEventListener("gone", () => {
  closeDialogs();
  leaveView(); // and once more when another view is shown: its camera may be started meanwhile
  showBanner(t("The service does not answer. Is “onlyme serve” still running? Trying again…"));
});

connection.addEventListener("back", () => {
  banner.hidden = true;
  showView();
});

function showBanner(words) {
  clearTimeout(bannerTimer);
  banner.replaceChildren(makeIcon("warn"), h("span", {}, words));
  banner.hidden = false;
}

// If the service refuses what a button started, the banner says so.
window.addEventListener("unhandledrejection", (event) => {
  if (!(event.reason instanceof Problem)) return;
  event.preventDefault();
  if (sessionEnded || event.reason.kind === "gone") return;
  showBanner(event.reason.message);
  bannerTimer = setTimeout(() => (banner.hidden = true), BANNER_MS);
});

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names the view, so the link must not change it
  main.focus();
});
window.addEventListener("hashchange", () => showView());
window.addEventListener("pagehide", () => leaveView());
loadIcons().catch(() => {}); // the page works without icons
await loadLanguage();
showView({ first: true });
