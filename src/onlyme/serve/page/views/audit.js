// List the entries of the log, and say whether its chain is intact.

import { get } from "../api.js";
import { h, makeButton, makeIcon } from "../dom.js";
import { listPeople, makeNameChoice } from "../picker.js";
import { t, tn } from "../i18n.js";
import { describeOutcome, formatSeconds, formatSigned, nameEvent } from "../words.js";

export const title = "Audit";
export const lead = "Every attempt and every change, each line sealed to the one before it. Never a picture.";

const LINES_PER_PAGE = 50;
const MAX_LINES = 1000; // that the service sends
const MAX_NAME_LENGTH = 64; // nobody has a longer one, whatever an address says

export async function render(body, wanted) {
  const names = [...new Set([...(await listPeople()).filter((person) => person.where === "vault").map((person) => person.name), wanted])].filter((name) => name && name.length <= MAX_NAME_LENGTH);
  const [owner, ...suggestions] = makeNameChoice("owner", names, { chosen: wanted, everybody: t("Everybody") });
  const from = h("input", { type: "date", id: "from" });
  const to = h("input", { type: "date", id: "to" });
  const status = h("p", { class: "chain", role: "status" });
  const lines = h("tbody");
  const more = makeButton(t("Older lines"), "clock", () => showLines(shownCount + LINES_PER_PAGE));
  let entries = [];
  let shownCount = 0;
  let asked = 0; // number of the newest question: what others answer is of another choice

  function showLines(count) {
    shownCount = count;
    lines.replaceChildren(...entries.slice(0, count).map(makeRow));
    more.hidden = entries.length <= count;
  }

  async function load() {
    const number = ++asked;
    const query = new URLSearchParams();
    if (owner.value) query.set("owner", owner.value);
    if (from.value) query.set("since", new Date(`${from.value}T00:00`).toISOString());
    if (to.value) query.set("until", new Date(`${to.value}T23:59:59.999`).toISOString());
    try {
      const answered = await get(`/v1/audit?${query}`);
      if (number !== asked) return;
      entries = answered.reverse();
      status.className = "chain whole";
      status.replaceChildren(makeIcon("shield"), describeCount(entries.length, query.size));
    } catch (error) {
      if (error.kind !== "vault-damaged") throw error;
      if (number !== asked) return;
      entries = [];
      status.className = "chain broken";
      status.replaceChildren(makeIcon("warn"), t("The chain is broken: a line was changed, removed or added. “onlyme audit verify” says which."));
    }
    showLines(LINES_PER_PAGE);
  }

  const form = h("form", { class: "filters", onsubmit: (event) => event.preventDefault(), onchange: load },
    h("div", { class: "field" }, h("label", { for: "owner" }, t("Person")), owner, suggestions),
    h("div", { class: "field" }, h("label", { for: "from" }, t("From")), from),
    h("div", { class: "field" }, h("label", { for: "to" }, t("To")), to));
  await load();
  body.replaceChildren(
    h("section", { class: "card", "aria-label": t("Log") }, form, status,
      h("table", { class: "log" },
        h("thead", {}, h("tr", {}, ["When", "What", "Person", "Where", "Outcome", "Margin"].map((words) => h("th", { scope: "col" }, t(words))))),
        lines),
      more));
}

function describeCount(count, isFiltered) {
  if (count === MAX_LINES) return tn(count, "", "The chain is whole. The newest {n} lines are shown.");
  return isFiltered ? tn(count, "The chain is whole. {n} line fits.", "The chain is whole. {n} lines fit.")
    : tn(count, "The chain is whole. {n} line.", "The chain is whole. {n} lines.");
}

function makeRow(entry) {
  const kind = entry.event !== "attempt" ? "" : entry.verdict === "accepted" ? "in" : "out";
  const makeCell = (content, label, extra = "") => h("td", { "data-label": label, class: content ? extra : `empty ${extra}` }, content);
  return h("tr", { class: kind },
    makeCell(h("time", { datetime: entry.at }, formatSeconds(entry.at)), "When"),
    makeCell(nameEvent(entry.event), "What"),
    makeCell(entry.owner ?? "", "Person"),
    makeCell(entry.source, "Where"),
    makeCell(describeOutcome(entry), "Outcome", "outcome"),
    makeCell(entry.margin === null || entry.margin === undefined ? "" : formatSigned(entry.margin), "Margin", "numbers"));
}
