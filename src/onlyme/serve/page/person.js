// Show what one person's alpha promises, and what can be done with the person.

import { ask, get, makePath, Problem } from "./api.js";
import { findCounted, makeCertificate } from "./certificate.js";
import { askForText, askToConfirm, findView, h, makeButton, makeDetails, makeLink, tell } from "./dom.js";
import { t, translate } from "./i18n.js";
import { makeExamples } from "./examples.js";
import { describePromise, formatSigned, makeSentence } from "./words.js";

/** Make the content of a person's row: promise, figures and buttons. `reload` shows the list anew. */
export function makePersonPanel(person, people, reload) {
  const { name } = person;
  const path = encodeURIComponent(name);
  const isOwner = person.where === "vault";
  const promise = h("p", { class: "odds" });
  const more = h("div", { class: "more" });
  if (!person.needs_reenroll) showPromise(name, promise, more);
  const actions = h("div", { class: "actions" },
    person.needs_reenroll ? makeLink(t("Enroll again"), "enroll", `#/enroll/${path}`, "primary") : [
      makeLink(t("Unlock"), "unlock", `#/unlock/${path}`),
      makeLink(t("Sensitivity"), "slider", `#/sensitivity/${path}`),
      isOwner ? makeLink(t("More photos"), "enroll", `#/more/${path}`) : null,
      isOwner ? makeLink(t("That wasn’t me"), "not-me", `#/not-me/${path}`) : null,
      makeButton(t("Certificate"), "shield", () => toggleCertificate(name, more)),
    ],
    isOwner && !person.needs_reenroll ? makeButton(t("Pictures"), "picture", () => toggleExamples(name, more, reload)) : null,
    makeButton(t("Rename"), "edit", () => rename(name, reload)),
    isOwner && !person.needs_reenroll && people.length > 1 ? makeButton(t("Merge"), "merge", () => merge(name, reload)) : null,
    isOwner ? makeButton(t("Make stolen copies worthless"), "renew", () => renew(name, reload)) : null,
    makeButton(t("Forget"), "trash", () => forget(name, reload), "danger quiet"));
  for (const action of actions.children) action.setAttribute("aria-label", `${action.textContent}: ${name}`);
  return [promise, actions, more];
}

async function showPromise(name, promise, more) {
  const [tuning, { sentences }] = await Promise.all([get(makePath(name, "tune")), get(makePath(name, "promise"))]);
  promise.textContent = describePromise(tuning.far, findCounted(sentences));
  more.before(makeDetails(t("Figures"), h("p", { class: "soft" }, t("A face must reach a margin of {alpha}.", { alpha: formatSigned(tuning.alpha) }))));
}

/** Close the part below the buttons; return whether it showed this. */
function closePart(more, kind) {
  const wasShown = more.dataset.shown === kind && more.childElementCount > 0;
  more.replaceChildren();
  more.dataset.shown = kind;
  return wasShown;
}

async function toggleExamples(name, more, reload) {
  if (closePart(more, "examples")) return;
  more.replaceChildren(await makeExamples(name, reload));
  more.querySelector("h3").focus();
}

async function toggleCertificate(name, more) {
  if (closePart(more, "certificate")) return;
  const [tuning, { sentences }] = await Promise.all([get(makePath(name, "tune")), get(makePath(name, "promise"))]);
  more.replaceChildren(makeCertificate(name, describePromise(tuning.far, findCounted(sentences)), sentences, { open: true }));
  more.querySelector("summary").focus();
}

async function renew(name, reload) {
  const sure = await askToConfirm(t("Make stolen copies of {name} worthless?", { name }),
    t("The template is re-encrypted with a new secret; copies stolen earlier no longer work. Recognition stays the same."), t("Make worthless"));
  if (!sure) return;
  await ask("POST", makePath(name, "revoke"));
  await reload();
  tell(t("Earlier copies of {name} are worthless now", { name }));
}

async function rename(name, reload) {
  const view = findView();
  const title = t("Rename {name}", { name });
  const wanted = await askForText(title, t("Attempts that were counted stay counted. Backups hold the earlier name."), t("New name"), t("Rename"), name);
  if (wanted === null || wanted === name) return;
  const checked = await get(`/v1/name-check?${new URLSearchParams({ name: wanted })}`);
  const problem = checked.problem ?? (checked.taken ? t("{name} is enrolled already", { name: checked.name }) : null);
  if (problem) {
    await askToConfirm(title, makeSentence(translate(problem)), t("Understood"), view);
    return;
  }
  const renamed = await ask("POST", makePath(name, `rename?${new URLSearchParams({ to: wanted })}`));
  await reload();
  tell(t("{name} is called {other} now", { name, other: renamed.name }));
}

async function merge(name, reload) {
  const view = findView();
  const other = await askForText(t("Merge another name into {name}", { name }), t("{name} keeps the photos of both; the other name is forgotten. This cannot be undone.", { name }), t("Name that is forgotten"), t("Merge"));
  if (!other) return;
  const send = (anyway) => ask("POST", makePath(name, `merge?${new URLSearchParams({ other, anyway })}`));
  try {
    await send(false);
  } catch (error) {
    if (!(error instanceof Problem) || error.status >= 500) throw error;
    const sure = await askToConfirm(t("Merge all the same?"), makeSentence(error.message), t("Merge all the same"), view);
    if (!sure) return;
    await send(true);
  }
  await reload();
  tell(t("{other} is part of {name} now", { name, other }));
}

async function forget(name, reload) {
  const sure = await askToConfirm(t("Forget {name}?", { name }),
    t("Everything that was learned of this face is erased, in the vault and in its backups. This cannot be undone."), t("Forget"));
  if (!sure) return;
  await ask("DELETE", makePath(name));
  await reload();
  tell(t("{name} is forgotten", { name }));
  document.querySelector("h1")?.focus();
}
