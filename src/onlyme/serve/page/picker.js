// Choose one of the enrolled people; the address names the one that is chosen.

import { get, makePath } from "./api.js";
import { h, makeLink, makeNotice } from "./dom.js";
import { locale, t } from "./i18n.js";

const MAX_OPTIONS = 100; // more people than this are typed, with suggestions
const MAX_SUGGESTIONS = 50;
const collator = new Intl.Collator(locale, { numeric: true, sensitivity: "base" });

/** Return everybody, in the order of the user's language. */
export async function listPeople() {
  const people = await get("/v1/people");
  return people.sort((one, other) => collator.compare(one.name, other.name) || (one.name < other.name ? -1 : 1));
}

/**
 * Return the people who can be recognised as `usable`, and as `chosen` the one that the address or the
 * last view named, with `alpha` and `far`. `notices` holds what is to be said if there is none.
 */
export async function findPeople(view, wanted) {
  const all = await listPeople();
  const usable = all.filter((person) => !person.needs_reenroll);
  const found = all.find((person) => person.name === wanted);
  if (wanted && !found) return { usable, chosen: null, notices: [makeUnknownNotice(view, wanted, usable)] };
  if (found?.needs_reenroll) return { usable, chosen: null, notices: [makeOutdatedNotice(found.name)] };
  if (!usable.length) return { usable, chosen: null, notices: [makeEmptyNotice()] };
  const chosen = found ?? usable.find((person) => person.name === sessionStorage.getItem("person")) ?? usable[0];
  sessionStorage.setItem("person", chosen.name);
  return { usable, chosen: { ...chosen, ...(await get(makePath(chosen.name, "tune"))) }, notices: [] };
}

/** Make what opens the same view for another person. */
export function makePicker(view, { usable, chosen }) {
  const open = () => (location.hash = `#/${view}/${encodeURIComponent(choice.value)}`);
  const [choice, ...more] = makeNameChoice("person", usable.map((person) => person.name), { chosen: chosen?.name, everybody: chosen ? null : t("Choose somebody"), onchange: open });
  return h("div", { class: "field" }, h("label", { for: "person" }, t("Person")), choice, more);
}

/**
 * Make a choice of names: a list of few names, and of many a field with suggestions. Return it, and what
 * stands beside it. `everybody`, if given, is said of an empty choice.
 */
export function makeNameChoice(id, names, { chosen = "", everybody = null, onchange = null }) {
  if (names.length <= MAX_OPTIONS) {
    const options = names.map((name) => h("option", { value: name, selected: name === chosen }, name));
    return [h("select", { id, onchange }, everybody ? h("option", { value: "" }, everybody) : null, options)];
  }
  const list = h("datalist", { id: `${id}-names` });
  const suggest = () => {
    const typed = input.value.toLocaleLowerCase(locale);
    const fitting = names.filter((name) => name.toLocaleLowerCase(locale).includes(typed));
    list.replaceChildren(...fitting.slice(0, MAX_SUGGESTIONS).map((name) => h("option", { value: name })));
  };
  const input = h("input", { type: "text", id, list: list.id, maxlength: 64, placeholder: everybody, autocomplete: "off", value: chosen, oninput: suggest, onchange });
  suggest();
  return [input, list];
}

/** Make the notice that stands in place of a view while no person is enrolled. */
export function makeEmptyNotice() {
  return makeNotice("enroll", t("Nobody is enrolled yet"),
    t("Show your face to the camera once; it takes about ten seconds."),
    makeLink(t("Enroll the first person"), null, "#/enroll", "primary"));
}

function makeUnknownNotice(view, name, usable) {
  return h("div", { class: "notice" },
    makeNotice("people", t("“{name}” is not enrolled", { name }), t("Choose somebody else, or enroll this person."),
      makeLink(t("Enroll {name}", { name }), "enroll", `#/enroll/${encodeURIComponent(name)}`, "primary"), makeLink(t("People"), "people", "#/people")),
    usable.length ? makePicker(view, { usable, chosen: null }) : null);
}

function makeOutdatedNotice(name) {
  return makeNotice("warn", t("{name} must enroll again", { name }), t("Another network made this template; enroll again to use it."),
    makeLink(t("Enroll again"), "enroll", `#/enroll/${encodeURIComponent(name)}`, "primary"));
}
