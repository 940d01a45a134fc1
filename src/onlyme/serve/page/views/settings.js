// Show the settings that are in force, and change those that a page may change.

import { ask, get } from "../api.js";
import { listCameras } from "../camera.js";
import { makeCameraChoice } from "../camera-choice.js";
import { askToConfirm, h, tell } from "../dom.js";
import { formatNumber, t, tn, translate } from "../i18n.js";
import { describeOdds, formatTries, makeSentence } from "../words.js";

export const title = "Settings";
export const lead = "What this service does with every face. A change is written into your file of settings, and counts when the service starts anew.";

const MEANINGS = {
  liveness: { off: "A photo in place of the person is not looked for.", passive: "A photo or a screen is refused.", challenge: "A photo or a screen is refused, and the person is asked to move." },
  attention: { off: "Eyes may be closed.", eyes: "The eyes must be open and the face turned to the camera.", gaze: "The eyes must look at the camera." },
  runtime: { auto: "The faster of what is installed.", opencv: "OpenCV", openvino: "OpenVINO" },
};
const PATH = "/v1/service/settings";
const RATES = [0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7]; // of those that are offered, beside the current one
const LEAST = { far: 1e-10, fpir: 1e-6 };
const TRIES = [1, 2, 3, 4, 5];
const DAYS = [0, 7, 30, 90, 365, 3650];
const ORDERED = ["liveness", "attention"]; // their choices, from the loosest to the strictest

export async function render(body) {
  const [state, cameras] = await Promise.all([get(PATH), listCameras()]);
  const reload = () => render(body);
  const rows = [
    ["liveness", t("Photos and screens")], ["attention", t("Attention")], ["far", t("New people")],
    ["fpir", t("Search among many people")], ["gate_tries", t("Tries")], ["runtime", t("Speed")], ["events_days", t("Days of events")],
  ];
  body.replaceChildren(h("div", { class: "stack" },
    h("section", { class: "card", "aria-label": t("Settings") },
      h("div", { class: "settings" },
        rows.map(([key, words]) => makeRow(key, words, state, reload)))),
    h("section", { class: "card", "aria-labelledby": "own-camera" },
      h("h2", { id: "own-camera" }, t("The camera of this browser")),
      makeCameraChoice(cameras) ?? h("p", {}, t("The browser’s only camera is used.")),
      h("p", { class: "soft small" }, t("It counts at once, and here only.")),
      h("p", { class: "soft" }, t("A single person’s alpha is changed under “Sensitivity”, at once.")),
      h("p", { class: "soft small" }, t("Written into {file}.", { file: state.file }), " ", t("Vault: {path}", { path: state.vault })))));
}

function makeRow(key, words, state, reload) {
  const current = state.settings[key];
  const next = state.next[key] ?? current;
  const reason = state.fixed[key];
  const select = h("select", { id: `set-${key}`, disabled: Boolean(reason) }, listChoices(key, next, state.choices).map((value) => h("option", { value: String(value), selected: value === next }, nameValue(key, value))));
  const save = async () => {
    const after = listChoices(key, next, state.choices).find((value) => String(value) === select.value);
    const yes = loosens(key, next, after, state.choices);
    if (key === "events_days" && after < next && !(await askToConfirm(t("Erase older events?"), t("Events older than {after} days are erased, in place of {before} days, once the service starts anew. Their pictures go with them. This cannot be undone.", { after: nameValue(key, after), before: nameValue(key, next) }), t("Erase older events")))) return;
    if (yes && !(await askToConfirm(t("Let more in?"), t("{before} becomes {after}. Photos of you, or strangers, pass more easily.", { before: nameValue(key, next), after: nameValue(key, after) }), t("Let more in")))) return;
    await ask("POST", `${PATH}?${new URLSearchParams({ name: key, value: select.value, yes })}`);
    await reload();
    tell(t("Written: {setting}. It counts when “onlyme serve” starts anew.", { setting: words }));
    document.getElementById(`set-${key}`)?.focus({ preventScroll: true });
  };
  return h("form", { class: "setting", "aria-label": words, onsubmit: (event) => { event.preventDefault(); save(); } },
    h("h2", {}, h("label", { for: `set-${key}` }, words)),
    h("p", {}, explain(key, current, state.gate), " ", h("code", { class: "soft small" }, `${key} = ${current}`)),
    next === current ? null : h("p", { class: "tag" }, t("From the next start: {value}", { value: nameValue(key, next) })),
    h("div", { class: "row" }, select, h("button", { class: "button", disabled: Boolean(reason), "aria-label": t("Set {setting}", { setting: words }) }, t("Set"))),
    reason ? h("p", { class: "soft small" }, makeSentence(translate(reason))) : null);
}

function listChoices(key, next, choices) {
  if (choices[key]) return choices[key];
  if (key === "gate_tries") return TRIES;
  if (key === "events_days") return [...new Set([...DAYS, next])].sort((one, other) => one - other);
  return [...new Set([...RATES, next])].filter((rate) => rate >= LEAST[key]).sort((one, other) => other - one);
}

function nameValue(key, value) {
  if (key === "events_days" || key === "gate_tries") return formatNumber(value);
  return key in LEAST ? t("1 in {n}", { n: formatTries(value) }) : value;
}

function explain(key, value, { daily }) {
  if (key in LEAST) return makeSentence(describeOdds(value));
  if (key === "gate_tries") return tn(value, "The gate closes after {n} failed try within five minutes, and after {daily} within a day.", "The gate closes after {n} failed tries within five minutes, and after {daily} within a day.", { daily: formatNumber(daily) });
  if (key === "events_days") return t("Events are erased after {n} days; 0 stores none.", { n: formatNumber(value) });
  return t(MEANINGS[key][value] ?? String(value));
}

/** Say whether a change lets more in; the service asks for a yes then. */
function loosens(key, before, after, choices) {
  if (ORDERED.includes(key)) return choices[key].indexOf(after) < choices[key].indexOf(before);
  return (key in LEAST || key === "gate_tries") && after > before;
}
