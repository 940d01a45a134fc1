// List the tokens with which apps use the service; make and end them.

import { ask, get } from "../api.js";
import { askToConfirm, h, makeButton, tell } from "../dom.js";
import { t } from "../i18n.js";
import { formatTime, makeSentence } from "../words.js";

export const title = "Tokens";
export const lead = "Each app that uses this service has a token of its own, for no more than it needs.";

const SCOPES = {
  verify: "ask whether a picture shows a person",
  scores: "also learn how alike faces are",
  enroll: "also list people and enroll new ones",
  admin: "also change and forget people, read the log",
  metrics: "read counts, and nothing about people",
  embeddings: "take embeddings of pictures, if the service gives any",
};
const LIFETIMES = { "30d": "30 days", "90d": "90 days", "365d": "a year", never: "without end" };
const PATH = "/v1/service/tokens";

export async function render(body) {
  const tokens = await get(PATH);
  const name = h("input", { type: "text", id: "token-name", maxlength: 64, autocomplete: "off", required: true });
  const scope = h("select", { id: "scope" }, Object.entries(SCOPES).map(([key, words]) => h("option", { value: key }, `${key}: ${t(words)}`)));
  const expires = h("select", { id: "expires" }, Object.entries(LIFETIMES).map(([key, words]) => h("option", { value: key, selected: key === "90d" }, t(words))));
  const secret = h("div", { class: "secret", role: "status" });
  const list = h("ul", { class: "tokens" }, tokens.map((token) => makeRow(token, () => render(body))));
  const none = h("p", { class: "soft", hidden: tokens.length > 0 }, t("No token yet."));
  const make = async () => {
    if (scope.value === "admin" && !(await askToConfirm(t("Make a token for admin?"), t("A program that has it may forget people, and let a stranger in."), t("Make it")))) return;
    const made = await ask("POST", `${PATH}?${new URLSearchParams({ name: name.value, scope: scope.value, expires: expires.value })}`);
    list.replaceChildren(...(await get(PATH)).map((token) => makeRow(token, () => render(body))));
    none.hidden = true;
    secret.replaceChildren(h("p", {}, t("Save it now: only its hash is stored, so it cannot be shown again.")), h("pre", { tabindex: "0", "aria-label": t("Token") }, h("code", {}, made.token)));
    name.value = "";
  };
  body.replaceChildren(h("div", { class: "stack" },
    h("form", { class: "card", "aria-label": t("New token"), onsubmit: (event) => { event.preventDefault(); make(); } },
      h("div", { class: "filters" },
        h("div", { class: "field" }, h("label", { for: "token-name" }, t("Name")), name),
        h("div", { class: "field" }, h("label", { for: "scope" }, t("It may")), scope),
        h("div", { class: "field" }, h("label", { for: "expires" }, t("Ends")), expires)),
      h("div", { class: "actions" }, h("button", { class: "button primary" }, t("Make a token"))),
      secret),
    h("section", { class: "card", "aria-label": t("Tokens") }, none, list)));
}

function makeRow(token, reload) {
  const revoke = async () => {
    if (!(await askToConfirm(t("End the token {name}?", token), t("Its app is refused within a second. This cannot be undone."), t("End it")))) return;
    await ask("DELETE", `${PATH}?${new URLSearchParams({ name: token.name })}`);
    await reload();
    tell(t("The token {name} has ended", token));
  };
  const button = makeButton(t("End"), "trash", revoke, "danger quiet");
  button.setAttribute("aria-label", t("End the token {name}", token));
  return h("li", { class: "row" },
    h("div", {}, h("strong", {}, token.name), h("p", { class: "soft small" },
      `${makeSentence(t(SCOPES[token.scope]))} ${token.expires ? t("Ends {time}.", { time: formatTime(token.expires) }) : t("It has no end.")}`)),
    button);
}
