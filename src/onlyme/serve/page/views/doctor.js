// Check every part of onlyme on this computer, and say how to repair it.

import { get } from "../api.js";
import { h, makeIcon } from "../dom.js";
import { t, translate } from "../i18n.js";
import { makeSentence } from "../words.js";

export const title = "Doctor";
export const lead = "Whether every part works, and what to do where one does not.";

const STATES = { ok: ["check", "works"], missing: ["warn", "not there"], broken: ["cross", "broken"] };

export async function render(body) {
  const findings = await get("/v1/service/doctor");
  const broken = findings.filter((finding) => finding.state === "broken").length;
  body.replaceChildren(h("section", { class: "card", "aria-label": t("Findings") },
    h("p", { class: `chain ${broken ? "broken" : ""}` }, makeIcon(broken ? "warn" : "shield"), broken ? t("Something is broken.") : t("Everything that is needed works.")),
    h("ul", { class: "findings" }, findings.map(makeFinding))));
}

function makeFinding({ part, state, detail, advice }) {
  const [iconName, words] = STATES[state];
  return h("li", { class: state }, makeIcon(iconName),
    h("div", {}, h("strong", {}, part), h("span", { class: "soft" }, ` ${t(words)}`),
      h("p", { class: "small" }, makeSentence(translate(detail))),
      advice ? h("p", { class: "small soft" }, makeSentence(translate(advice))) : null));
}
