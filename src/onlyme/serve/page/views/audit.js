// What happened: every line of the sealed log, and whether its chain is whole.

import { get } from "../api.js";
import { button, h, icon } from "../dom.js";
import { event, several, signed, time, told } from "../words.js";

export const title = "Audit";
export const lead = "Every attempt and every change, each line sealed to the one before it. Never a picture.";

const PAGE = 50; // lines shown at once
const MOST = 1000; // lines that the service sends

export async function render(body) {
  const names = (await get("/v1/names")).map((person) => person.name);
  const owner = h("select", { id: "owner" }, h("option", { value: "" }, "Everybody"), names.map((name) => h("option", { value: name }, name)));
  const from = h("input", { type: "date", id: "from" });
  const to = h("input", { type: "date", id: "to" });
  const status = h("p", { class: "chain", role: "status" });
  const lines = h("tbody");
  const more = button("Older lines", "clock", () => show(shown + PAGE));
  let entries = [];
  let shown = 0;

  function show(count) {
    shown = count;
    lines.replaceChildren(...entries.slice(0, count).map(line));
    more.hidden = entries.length <= count;
  }

  async function load() {
    const query = new URLSearchParams();
    if (owner.value) query.set("owner", owner.value);
    if (from.value) query.set("since", new Date(`${from.value}T00:00`).toISOString());
    if (to.value) query.set("until", new Date(`${to.value}T23:59:59.999`).toISOString());
    try {
      entries = (await get(`/v1/audit?${query}`)).reverse();
      status.className = "chain whole";
      status.replaceChildren(icon("shield"), `The chain is whole. ${entries.length === MOST ? "The newest " : ""}${several(entries.length, "line")}${query.size ? " fit" : ""}.`);
    } catch (error) {
      if (error.kind !== "vault-damaged") throw error;
      entries = [];
      status.className = "chain broken";
      status.replaceChildren(icon("warn"), "The chain is broken: a line was changed, removed or added. “onlyme audit verify” says which.");
    }
    show(PAGE);
  }

  const form = h("form", { class: "filters", onsubmit: (submitted) => submitted.preventDefault(), onchange: load },
    h("div", { class: "field" }, h("label", { for: "owner" }, "Person"), owner),
    h("div", { class: "field" }, h("label", { for: "from" }, "From"), from),
    h("div", { class: "field" }, h("label", { for: "to" }, "To"), to));
  await load();
  body.replaceChildren(
    h("section", { class: "card", "aria-label": "Log" }, form, status,
      h("table", { class: "log" },
        h("thead", {}, h("tr", {}, ["When", "What", "Person", "Where", "Outcome", "Margin"].map((words) => h("th", { scope: "col" }, words)))),
        lines),
      more));
}

function line(entry) {
  const kind = entry.event !== "attempt" ? "" : entry.verdict === "accepted" ? "in" : "out";
  const cell = (words, label, extra = "") => h("td", { "data-label": label, class: words ? extra : `empty ${extra}` }, words);
  return h("tr", { class: kind },
    cell(h("time", { datetime: entry.at }, time(entry.at)), "When"),
    cell(event(entry.event), "What"),
    cell(entry.owner ?? "", "Person"),
    cell(entry.source, "Where"),
    cell(told(entry), "Outcome", "outcome"),
    cell(entry.margin === null || entry.margin === undefined ? "" : signed(entry.margin), "Margin", "numbers"));
}
