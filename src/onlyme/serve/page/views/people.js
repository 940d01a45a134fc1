// List who is enrolled and what each alpha promises; show certificates, renew and forget.

import { ask, get, makePath } from "../api.js";
import { makeCertificate } from "../certificate.js";
import { announce, askToConfirm, h, makeButton, makeIcon } from "../dom.js";
import { makeEmptyNotice } from "../picker.js";
import { describeOdds, formatCount, formatSigned, formatTime, makeSentence } from "../words.js";

export const title = "People";
export const lead = "Everybody whose face is known to this vault.";

const MAX_MEMBERS = 50; // people of the gallery that are shown

export async function render(body) {
  const people = await get("/v1/names");
  if (!people.length) {
    body.replaceChildren(makeEmptyNotice());
    return;
  }
  const members = people.filter((person) => person.where === "gallery");
  const shown = [...people.filter((person) => person.where !== "gallery"), ...members.slice(0, MAX_MEMBERS)];
  const rest = members.length - MAX_MEMBERS;
  body.replaceChildren(
    h("ul", { class: "people-list" }, shown.map((person) => makeCard(person, () => render(body)))),
    rest > 0 ? h("p", { class: "soft" }, `${formatCount(rest, "more person is", "more people are")} in the gallery; the command onlyme list --filter finds them.`) : "",
    h("div", { class: "actions" }, h("a", { class: "button primary", href: "#/enroll" }, makeIcon("enroll"), h("span", {}, "Enroll somebody"))));
}

function makeCard(person, reload) {
  const { name } = person;
  const isMember = person.where === "gallery";
  const path = encodeURIComponent(name);
  const more = h("div", { class: "more" });
  const actions = h("div", { class: "actions" },
    person.needs_reenroll
      ? h("a", { class: "button primary", href: `#/enroll/${path}` }, makeIcon("enroll"), h("span", {}, "Enroll again"))
      : [
        makeButton("Certificate", "shield", () => toggleCertificate(name, more)),
        isMember ? null : h("a", { class: "button", href: `#/not-me/${path}` }, makeIcon("not-me"), h("span", {}, "That wasn’t me")),
        isMember ? null : makeButton("Renew", "renew", () => renew(name, reload)),
      ],
    makeButton("Forget", "trash", () => forget(name, reload), "danger quiet"));
  for (const action of actions.children) action.setAttribute("aria-label", `${action.textContent}: ${name}`);
  return h("li", { class: "card person" },
    h("div", { class: "face", "aria-hidden": "true" }, [...name][0].toUpperCase()),
    h("div", { class: "known" },
      h("h2", {}, name),
      person.needs_reenroll
        ? h("p", {}, "Another network made this template; enroll again to use it.")
        : isMember ? h("p", { class: "soft small" }, `In the gallery, from ${formatCount(person.photos, "picture")}, changed ${formatTime(person.created)}.`)
        : [
          h("p", { class: "odds" }, makeSentence(describeOdds(person.far))),
          h("p", { class: "soft small" }, `Alpha ${formatSigned(person.alpha)}, from ${formatCount(person.photos, "picture")}, changed ${formatTime(person.created)}.`),
        ]),
    actions, more);
}

async function toggleCertificate(name, more) {
  if (more.childElementCount) {
    more.replaceChildren();
    return;
  }
  const { sentences } = await get(makePath(name, "promise"));
  more.replaceChildren(makeCertificate(name, sentences));
  more.querySelector("summary").focus();
}

async function renew(name, reload) {
  const sure = await askToConfirm(`Renew the template of ${name}?`,
    "The template is re-encrypted with a new secret; copies stolen earlier no longer work. Recognition stays the same.", "Renew");
  if (!sure) return;
  await ask("POST", makePath(name, "revoke"));
  await reload();
  announce(`The template of ${name} is renewed`);
}

async function forget(name, reload) {
  const sure = await askToConfirm(`Forget ${name}?`,
    "Everything that was learned of this face is erased, in the vault and in its backups. This cannot be undone.", "Forget");
  if (!sure) return;
  await ask("DELETE", makePath(name));
  await reload();
  announce(`${name} is forgotten`);
  document.querySelector("h1")?.focus();
}
