// List what happened at the doors that are watched, and offer it as a table.

import { get } from "../api.js";
import { h, makeButton, makeIcon, makeLink } from "../dom.js";
import { t, tn } from "../i18n.js";
import { listPeople, makeNameChoice } from "../picker.js";
import { makeUnknown } from "../unknown.js";
import { describeOdds, DOOR_EVENTS, formatDuration, formatSeconds, formatSigned, makeSentence, nameDoorEvent } from "../words.js";

export const title = "Events";
export const lead = "Who came to the doors that are watched: to the camera of a program, and to “Who?”. A picture is kept of people without a name alone, and only if you said so.";

const KINDS = { known: "in", unknown: "out", not_live: "out", locked_out: "out" }; // how an outcome is coloured
const EVENTS_PER_PAGE = 50;

export async function render(body) {
  const names = (await listPeople()).map((person) => person.name);
  const [person, ...suggestions] = makeNameChoice("event-person", names, { everybody: t("Everybody") });
  const kind = makeChoice("kind", "Everything", DOOR_EVENTS.map((key) => [key, nameDoorEvent(key)]));
  const from = h("input", { type: "date", id: "from" });
  const to = h("input", { type: "date", id: "to" });
  const status = h("p", { class: "chain", role: "status" });
  const rows = h("tbody");
  const table = makeLink(t("Save as a table"), "download", "#");
  table.setAttribute("download", "onlyme-events.csv");
  let following = null;
  let asked = 0; // number of the newest question: what others answer is of another choice

  function makeQuery() {
    const query = new URLSearchParams();
    if (person.value) query.set("person", person.value);
    if (kind.value) query.set("kind", kind.value);
    if (from.value) query.set("since", new Date(`${from.value}T00:00`).toISOString());
    if (to.value) query.set("until", new Date(`${to.value}T23:59:59.999`).toISOString());
    return query;
  }

  async function load(before = null) {
    const number = ++asked;
    const query = makeQuery();
    table.setAttribute("href", `/v1/events/table?${query}`);
    query.set("limit", EVENTS_PER_PAGE);
    if (before) query.set("before", before);
    try {
      const page = await get(`/v1/events?${query}`);
      if (number !== asked) return;
      if (!before) rows.replaceChildren();
      rows.append(...page.events.map(makeRow));
      following = page.next;
      status.className = "chain";
      status.replaceChildren(tn(rows.childElementCount, "{n} event", "{n} events"), following ? ` ${t("(there are older ones)")}` : "");
    } catch (error) {
      if (error.kind !== "vault-damaged") throw error;
      if (number !== asked) return;
      rows.replaceChildren();
      following = null;
      status.className = "chain broken";
      status.replaceChildren(makeIcon("warn"), makeSentence(error.message));
    }
    more.hidden = !following;
    table.hidden = !rows.childElementCount;
  }

  const more = makeButton(t("Older events"), "clock", () => load(following));
  const form = h("form", { class: "filters four", onsubmit: (event) => event.preventDefault(), onchange: () => load() },
    h("div", { class: "field" }, h("label", { for: "event-person" }, t("Person")), person, suggestions),
    h("div", { class: "field" }, h("label", { for: "kind" }, t("What")), kind),
    h("div", { class: "field" }, h("label", { for: "from" }, t("From")), from),
    h("div", { class: "field" }, h("label", { for: "to" }, t("To")), to));
  await load();
  const unknown = await makeUnknown();
  body.replaceChildren(
    unknown,
    h("section", { class: "card", "aria-label": t("Events") }, form, status,
      h("table", { class: "log" },
        h("thead", {}, h("tr", {}, ["When", "What", "Person", "Where", "Outcome", "Margin"].map((words) => h("th", { scope: "col" }, t(words))))),
        rows),
      h("div", { class: "actions" }, more, table)));
}

function makeChoice(id, everything, options) {
  return h("select", { id }, h("option", { value: "" }, t(everything)), options.map(([value, words]) => h("option", { value }, words)));
}

function makeRow(event) {
  const makeCell = (content, label, extra = "") => h("td", { "data-label": label, class: content ? extra : `empty ${extra}` }, content);
  const who = event.name ?? event.names.join(t(" or "));
  return h("tr", { class: KINDS[event.event] ?? "" },
    makeCell(h("time", { datetime: event.at }, formatSeconds(event.at)), "When"),
    makeCell(nameDoorEvent(event.event), "What"),
    makeCell(who, "Person"),
    makeCell(event.camera, "Where"),
    makeCell(describe(event), "Outcome", "outcome"),
    makeCell(event.margin === null ? "" : formatSigned(event.margin), "Margin", "numbers"));
}

/** Say what is worth knowing about an event beside its kind. */
function describe(event) {
  if (event.event === "left") return t("after {time}", { time: formatDuration(event.seconds) });
  if (event.event === "known") return describeOdds(event.far);
  return "";
}
