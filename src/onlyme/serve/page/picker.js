// Choose one of the people who are enrolled; what is chosen is part of the address.

import { get } from "./api.js";
import { h, notice } from "./dom.js";

/** Everybody who can be looked for, and who of them is meant. Null where nobody is enrolled. */
export async function people(wanted) {
  const everybody = await get("/v1/names");
  const usable = everybody.filter((person) => !person.needs_reenroll);
  if (!usable.length) return null;
  const chosen = usable.find((person) => person.name === wanted)
    ?? usable.find((person) => person.name === sessionStorage.getItem("person"))
    ?? usable[0];
  sessionStorage.setItem("person", chosen.name);
  return { everybody, usable, chosen };
}

/** A select with a label, which goes to the same view for another person. */
export function picker(view, { usable, chosen }) {
  const select = h("select", { id: "person", onchange: () => (location.hash = `#/${view}/${encodeURIComponent(select.value)}`) },
    usable.map((person) => h("option", { value: person.name, selected: person === chosen }, person.name)));
  return h("div", { class: "field" }, h("label", { for: "person" }, "Person"), select);
}

/** What is shown where nobody is enrolled. */
export function nobody() {
  return notice("enroll", "Nobody is enrolled yet",
    "Show your face to the camera once; it takes about ten seconds.",
    h("a", { class: "button primary", href: "#/enroll" }, "Enroll the first person"));
}
