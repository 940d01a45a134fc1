// Choose one of the enrolled people; the address names the one that is chosen.

import { get } from "./api.js";
import { h, makeNotice } from "./dom.js";

/** Return the people who can be recognised, and the chosen one. Null if there are none. */
export async function findPeople(wanted) {
  const usable = (await get("/v1/names?where=vault")).filter((person) => !person.needs_reenroll);
  if (!usable.length) return null;
  const chosen = usable.find((person) => person.name === wanted)
    ?? usable.find((person) => person.name === sessionStorage.getItem("person"))
    ?? usable[0];
  sessionStorage.setItem("person", chosen.name);
  return { usable, chosen };
}

/** Make a select with a label, which opens the same view for another person. */
export function makePicker(view, { usable, chosen }) {
  const select = h("select", { id: "person", onchange: () => (location.hash = `#/${view}/${encodeURIComponent(select.value)}`) },
    usable.map((person) => h("option", { value: person.name, selected: person === chosen }, person.name)));
  return h("div", { class: "field" }, h("label", { for: "person" }, "Person"), select);
}

/** Make the notice that stands in place of a view while no person is enrolled. */
export function makeEmptyNotice() {
  return makeNotice("enroll", "Nobody is enrolled yet",
    "Show your face to the camera once; it takes about ten seconds.",
    h("a", { class: "button primary", href: "#/enroll" }, "Enroll the first person"));
}
