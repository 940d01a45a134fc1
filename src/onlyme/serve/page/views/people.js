// Who is known: what each alpha promises; forget, renew, certificate.

import { ask, get, of } from "../api.js";
import { certificate } from "../certificate.js";
import { announce, button, confirmed, h, icon } from "../dom.js";
import { nobody } from "../picker.js";
import { odds, sentence, several, signed, time } from "../words.js";

export const title = "People";
export const lead = "Everybody whose face is known to this vault.";

export async function render(body) {
  const everybody = await get("/v1/names");
  if (!everybody.length) {
    body.replaceChildren(nobody());
    return;
  }
  body.replaceChildren(
    h("ul", { class: "people-list" }, everybody.map((person) => card(person, () => render(body)))),
    h("div", { class: "actions" }, h("a", { class: "button primary", href: "#/enroll" }, icon("enroll"), h("span", {}, "Enroll somebody"))));
}

function card(person, again) {
  const { name } = person;
  const path = encodeURIComponent(name);
  const more = h("div", { class: "more" });
  const actions = h("div", { class: "actions" },
    person.needs_reenroll
      ? h("a", { class: "button primary", href: `#/enroll/${path}` }, icon("enroll"), h("span", {}, "Enroll again"))
      : [
        button("Certificate", "shield", () => certified(name, more)),
        h("a", { class: "button", href: `#/not-me/${path}` }, icon("not-me"), h("span", {}, "That wasn’t me")),
        button("Renew", "renew", () => renewed(name, again)),
      ],
    button("Forget", "trash", () => forgotten(name, again), "danger quiet"));
  for (const each of actions.children) each.setAttribute("aria-label", `${each.textContent}: ${name}`);
  return h("li", { class: "card person" },
    h("div", { class: "face", "aria-hidden": "true" }, [...name][0].toUpperCase()),
    h("div", { class: "known" },
      h("h2", {}, name),
      person.needs_reenroll
        ? h("p", {}, "Another network made this template; enroll again to use it.")
        : [
          h("p", { class: "odds" }, sentence(odds(person.far))),
          h("p", { class: "soft small" }, `Alpha ${signed(person.alpha)}, from ${several(person.photos, "picture")}, changed ${time(person.created)}.`),
        ]),
    actions, more);
}

async function certified(name, more) {
  if (more.childElementCount) {
    more.replaceChildren();
    return;
  }
  const { sentences } = await get(of(name, "promise"));
  more.replaceChildren(certificate(name, sentences));
  more.querySelector("summary").focus();
}

async function renewed(name, again) {
  const sure = await confirmed(`Renew the template of ${name}?`,
    "What is stored is turned by a new secret, and every stolen copy of it is void. Recognition stays the same.", "Renew");
  if (!sure) return;
  await ask("POST", of(name, "revoke"));
  await again();
  announce(`The template of ${name} is renewed`);
}

async function forgotten(name, again) {
  const sure = await confirmed(`Forget ${name}?`,
    "Everything that was learned of this face is erased, in the vault and in its backups. This cannot be undone.", "Forget");
  if (!sure) return;
  await ask("DELETE", of(name));
  await again();
  announce(`${name} is forgotten`);
  document.querySelector("h1")?.focus();
}
