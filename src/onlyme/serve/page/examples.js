// List the pictures that a person was learned from, by date, and remove single ones or a look.

import { ask, get, makePath, makeSegment } from "./api.js";
import { askToConfirm, h, makeButton, tell } from "./dom.js";
import { formatNumber, t, tn, translate } from "./i18n.js";
import { formatTime, joinSentences } from "./words.js";

const WORDS = { photo: "Photo", camera: "From the camera", video: "From a video", embedding: "An embedding", unknown: "Not noted" };
const MAX_MEASURES = 2; // of a picture's quality that are shown

/** Make the list. `reload` shows the people anew, after a removal. No picture is stored, so none is shown. */
export async function makeExamples(name, reload) {
  const examples = (await get(makePath(name, "examples"))).sort((one, other) => (one.added ?? "").localeCompare(other.added ?? "") || one.number - other.number);
  const looks = [...new Set(examples.map((example) => example.look).filter(Boolean))];
  return h("section", { class: "examples" },
    h("h3", { tabindex: "-1" }, tn(examples.length, "Learned from {n} picture", "Learned from {n} pictures")),
    h("p", { class: "soft small" }, t("The pictures themselves are not stored, only what was learned from them.")),
    h("ul", {}, examples.map((example) => makeLine(name, example, examples.length, reload))),
    looks.length ? h("div", { class: "actions" }, looks.map((look) =>
      makeButton(t("Remove the look {look}", { look }), "trash", () => removeLook(name, look, examples, reload), "danger quiet"))) : null);
}

function makeLine(name, { number, added, kind, look, quality }, count, reload) {
  const when = added ? formatTime(added) : t("Date not noted");
  const measures = quality.slice(0, MAX_MEASURES).map((one) => `${translate(one.name)} ${formatNumber(Math.round(one.value))}${one.unit ? ` ${translate(one.unit)}` : ""}`);
  const button = makeButton(t("Remove"), "trash", () => removeOne(name, number, when, reload), "danger quiet");
  button.setAttribute("aria-label", t("Remove picture {n} of {name}", { n: number, name }));
  button.disabled = count === 1;
  return h("li", {},
    h("div", {}, h("strong", {}, when), h("p", { class: "soft small" }, [t(WORDS[kind] ?? kind), look ? t("look: {look}", { look }) : "", ...measures].filter(Boolean).join(", "))),
    button);
}

async function removeOne(name, number, when, reload) {
  const sure = await askToConfirm(t("Remove this picture of {name}?", { name }), t("Of {when}. {name} is learned again from the others. This cannot be undone.", { when, name }), t("Remove"));
  if (sure) await remove(makePath(name, `examples/${number}`), name, reload);
}

async function removeLook(name, look, examples, reload) {
  const count = examples.filter((example) => example.look === look).length;
  const sure = await askToConfirm(t("Remove the look {look}?", { look }), tn(count, "{n} picture of {name} is forgotten. This cannot be undone.", "{n} pictures of {name} are forgotten. This cannot be undone.", { name }), t("Remove"));
  if (sure) await remove(makePath(name, `looks/${makeSegment(look)}`), name, reload);
}

async function remove(path, name, reload) {
  const { left, notes } = await ask("DELETE", path);
  await reload();
  tell(joinSentences(tn(left, "{name} is known by {n} picture now", "{name} is known by {n} pictures now", { name }), ...notes.map(translate)));
}
