// List everybody, page by page; what can be done with one person is behind one click.

import { h, makeButton, makeLink } from "../dom.js";
import { formatNumber, locale, t, tn } from "../i18n.js";
import { makePersonPanel } from "../person.js";
import { listPeople, makeEmptyNotice } from "../picker.js";
import { formatTime } from "../words.js";

export const title = "People";
export const lead = "Everybody whose face is known to this vault.";

const PER_PAGE = 25;
const FEW = 5; // so few people are shown open

export async function render(body) {
  const people = await listPeople();
  if (!people.length) {
    body.replaceChildren(makeEmptyNotice());
    return;
  }
  const view = new PeopleView(people, () => render(body));
  body.replaceChildren(view.element);
}

class PeopleView {
  constructor(people, reload) {
    this.people = people;
    this.reload = reload;
    this.page = 0;
    this.search = h("input", { type: "search", id: "search", autocomplete: "off", spellcheck: "false", oninput: () => this.show(0) });
    this.where = h("select", { id: "where", onchange: () => this.show(0) },
      [["", "Everybody"], ["vault", "Owners"], ["gallery", "Gallery"]].map(([value, words]) => h("option", { value }, t(words))));
    const hasBoth = new Set(people.map((person) => person.where)).size > 1;
    this.count = h("p", { class: "soft", role: "status" });
    this.list = h("ul", { class: "people-list" });
    this.earlier = makeButton(t("Previous"), null, () => this.show(this.page - 1));
    this.later = makeButton(t("Next"), null, () => this.show(this.page + 1));
    this.place = h("span", { class: "soft numbers" });
    this.pager = h("nav", { class: "actions pager", "aria-label": t("Pages") }, this.earlier, this.place, this.later);
    this.element = h("div", { class: "stack" },
      h("div", { class: "row" },
        h("div", { class: "field" }, h("label", { for: "search" }, t("Search")), this.search),
        hasBoth ? h("div", { class: "field" }, h("label", { for: "where" }, t("Show")), this.where) : null,
        makeLink(t("Enroll somebody"), "enroll", "#/enroll", "primary")),
      this.count, this.list, this.pager);
    this.show(0);
  }

  show(page) {
    const typed = this.search.value.trim().normalize("NFC").toLocaleLowerCase(locale); // composed, as names are
    const found = this.people.filter((person) => person.name.toLocaleLowerCase(locale).includes(typed) && (!this.where.value || person.where === this.where.value));
    const pages = Math.max(1, Math.ceil(found.length / PER_PAGE));
    this.page = Math.min(Math.max(0, page), pages - 1);
    const start = this.page * PER_PAGE;
    const shown = found.slice(start, start + PER_PAGE);
    this.count.textContent = tn(found.length, "{n} person", "{n} people");
    this.list.replaceChildren(...shown.map((person) => this.makeRow(person)));
    this.pager.hidden = pages === 1;
    this.place.textContent = t("{from} to {to} of {all}", { from: formatNumber(start + 1), to: formatNumber(start + shown.length), all: formatNumber(found.length) });
    this.earlier.disabled = this.page === 0;
    this.later.disabled = this.page === pages - 1;
  }

  makeRow(person) {
    const { name } = person;
    const panel = h("div", { class: "person-panel", hidden: true });
    const toggle = makeButton(t("Open"), null, () => this.toggle(person, panel, toggle), "quiet plain");
    toggle.setAttribute("aria-label", t("Open {name}", { name }));
    toggle.setAttribute("aria-expanded", "false");
    const row = h("li", { class: "card person" },
      h("div", { class: "face", "aria-hidden": "true" }, [...new Intl.Segmenter(locale).segment(name)][0].segment.toLocaleUpperCase(locale)),
      h("div", { class: "known" }, h("h2", {}, name), h("p", { class: "soft small" }, describePerson(person))),
      toggle, panel);
    if (this.people.length <= FEW) this.toggle(person, panel, toggle);
    return row;
  }

  toggle(person, panel, toggle) {
    const isOpening = panel.hidden;
    panel.hidden = !isOpening;
    toggle.setAttribute("aria-expanded", String(isOpening));
    toggle.querySelector("span").textContent = isOpening ? t("Fold") : t("Open");
    panel.replaceChildren(...(isOpening ? makePersonPanel(person, this.people, this.reload) : []));
  }
}

function describePerson(person) {
  if (person.needs_reenroll) return t("Another network made this template; enroll again to use it.");
  const photos = tn(person.photos, "{n} picture", "{n} pictures");
  const changed = person.created ? t("changed {time}", { time: formatTime(person.created) }) : "";
  return [person.where === "gallery" ? t("Gallery") : null, photos, changed].filter(Boolean).join(", ");
}
