// Show the settings that are in force, and how to change them.

import { get } from "../api.js";
import { h } from "../dom.js";
import { formatNumber, t } from "../i18n.js";
import { describeOdds, makeSentence } from "../words.js";

export const title = "Settings";
export const lead = "What this service does with every face. Settings are read when it starts; a change needs a restart.";

const MEANINGS = {
  liveness: { off: "A photo in place of the person is not looked for.", passive: "A photo or a screen is refused.", challenge: "A photo or a screen is refused, and the person is asked to move." },
  attention: { off: "Eyes may be closed.", eyes: "The eyes must be open and the face turned to the camera.", gaze: "The eyes must look at the camera." },
  runtime: { auto: "The faster of what is installed.", opencv: "OpenCV", openvino: "OpenVINO" },
};

export async function render(body) {
  const { settings, gate, vault } = await get("/v1/service/settings");
  const rows = [
    [t("Photos and screens"), explain("liveness", settings.liveness), "liveness"],
    [t("Attention"), explain("attention", settings.attention), "attention"],
    [t("New people"), makeSentence(describeOdds(settings.far)), "far"],
    [t("Search among many people"), makeSentence(describeOdds(settings.fpir)), "fpir"],
    [t("Tries"), t("After {n} failed tries within five minutes the gate closes.", { n: formatNumber(gate.tries) }), null],
    [t("Speed"), explain("runtime", settings.runtime), "runtime"],
  ];
  body.replaceChildren(h("div", { class: "stack" },
    h("section", { class: "card", "aria-label": t("Settings") },
      h("dl", { class: "settings" }, rows.map(([words, meaning, key]) =>
        h("div", {}, h("dt", {}, words), h("dd", {}, meaning, key ? h("code", { class: "soft small" }, ` ${key} = ${settings[key]}`) : ""))))),
    h("section", { class: "card", "aria-labelledby": "change" },
      h("h2", { id: "change" }, t("Change a setting")),
      h("p", {}, t("Write it into the file config.toml, or into the environment (ONLYME_LIVENESS and so on), and start “onlyme serve” again.")),
      h("p", { class: "soft" }, t("A single person’s alpha is changed under “Sensitivity”, at once.")),
      h("p", { class: "soft small" }, t("Vault: {path}", { path: vault })))));
}

function explain(key, value) {
  return t(MEANINGS[key][value] ?? String(value));
}
