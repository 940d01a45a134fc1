// Show who came without a name, where that is kept; name a person, or forget them.

import { ask, get, Problem } from "./api.js";
import { askForText, askToConfirm, findView, h, makeButton, tell } from "./dom.js";
import { formatNumber, t, tn } from "./i18n.js";
import { formatTime, joinSentences, makeSentence } from "./words.js";

const SHOWN_PICTURES = 6; // of one person; the newest
const SHOWN_GROUPS = 20; // the largest

/** Make the part of the view; it is made anew after each change. */
export async function makeUnknown() {
  const part = h("section", { class: "card unknown", "aria-label": t("People without a name") });
  await show(part);
  return part;
}

async function show(part) {
  const { days, groups } = await read();
  const shown = groups.slice(0, SHOWN_GROUPS);
  const reload = () => show(part);
  part.replaceChildren(
    h("h2", { tabindex: "-1" }, t("People without a name")),
    h("p", { class: "soft small" }, describeKept(days, groups.length)),
    shown.length ? h("ol", { class: "unknown-people" }, shown.map((group, index) => makeGroup(group, index + 1, reload))) : "",
    groups.length > shown.length ? h("p", { class: "soft small" }, t("The {shown} largest of {all} groups.", { shown: formatNumber(shown.length), all: formatNumber(groups.length) })) : "");
}

/** Read the groups; a vault that is damaged is told of beside its events. */
async function read() {
  try {
    return await get("/v1/unknown");
  } catch (error) {
    if (!(error instanceof Problem) || !["vault-damaged", "not-calibrated"].includes(error.kind)) throw error;
    return { days: null, groups: [] };
  }
}

function describeKept(days, count) {
  if (days === null) return t("They cannot be shown.");
  if (!days) return t("Of people without a name no picture is kept. The setting unknown_days keeps one of each visit for some days.");
  const kept = days === 1 ? t("Each visit is erased after one day, with its picture.") : t("Each visit is erased after {n} days, with its picture.", { n: formatNumber(days) });
  return joinSentences(count ? t("Visits that seem to be of one person are put together") : t("There is none now"), kept);
}

function makeGroup(group, number, reload) {
  const who = t("Person {n}", { n: formatNumber(number) });
  const from = formatTime(group.first);
  const to = formatTime(group.last);
  const actions = h("div", { class: "actions" },
    makeButton(t("Give a name"), "edit", () => nameGroup(group, reload), "primary"),
    makeButton(t("Forget"), "trash", () => forgetGroup(group, who, reload), "danger quiet"));
  for (const action of actions.children) action.setAttribute("aria-label", `${action.textContent}: ${who}`);
  return h("li", {},
    h("div", { class: "seen" }, group.seen.slice(-SHOWN_PICTURES).map((one) =>
      h("img", { src: `/v1/unknown/pictures/${one.visit}`, loading: "lazy", width: 96, height: 96, alt: t("{who}, {when}", { who, when: formatTime(one.at) }) }))),
    h("div", {},
      h("h3", {}, who),
      h("p", { class: "soft small" }, [tn(group.visits, "{n} visit", "{n} visits"), from === to ? from : t("{from} to {to}", { from, to }), ...group.cameras].join(", ")),
      group.ambiguous ? h("p", { class: "soft small" }, t("Resembles two others, or was seen by another network.")) : null),
    actions);
}

async function nameGroup(group, reload) {
  const view = findView();
  const title = t("Who is this?");
  const typed = await askForText(title, t("The person is enrolled in the gallery and recognised from then on. The pictures are erased."), t("Name"), t("Enroll"));
  if (typed === null) return;
  const query = { name: typed, yes: true, visits: group.visits };
  for (;;) {
    try {
      const { name } = await ask("POST", `/v1/unknown/${group.group}/name?${new URLSearchParams(query)}`);
      await reload();
      return tell(t("{name} is enrolled", { name }));
    } catch (error) {
      if (!(error instanceof Problem) || !error.status || error.status >= 500) throw error;
      const further = await askFurther(error, typed, query, view);
      if (!further) return error.kind === "no-such-group" ? reload() : null;
      query[further] = true;
    }
  }
}

/** Ask about a refusal; return the parameter that the operator agrees to, or null. */
async function askFurther(error, name, query, view) {
  if (error.kind === "owner-exists" && !query.add) {
    const words = t("Somebody in the gallery may have this name. These visits are added to that person.");
    return (await askToConfirm(t("Add to {name}?", { name }), words, t("Add"), view)) ? "add" : null;
  }
  if (error.kind === "same-person" && !query.anyway) {
    const words = t("Another name that is enrolled fits this person. With two names for one person, a search finds neither.");
    return (await askToConfirm(t("Enroll all the same?"), words, t("Enroll all the same"), view)) ? "anyway" : null;
  }
  const words = error.kind === "owner-exists" ? t("This name belongs to somebody in the vault. Give another one.") : makeSentence(error.message);
  await askToConfirm(t("Not enrolled"), words, t("Understood"), view);
  return null;
}

async function forgetGroup(group, who, reload) {
  const words = tn(group.visits, "{n} visit is erased, with its picture, also in backups. This cannot be undone.", "{n} visits are erased, with their pictures, also in backups. This cannot be undone.");
  if (!(await askToConfirm(t("Forget {name}?", { name: who }), words, t("Forget")))) return;
  const { notes } = await ask("DELETE", `/v1/unknown/${group.group}`);
  await reload();
  tell(joinSentences(t("{name} is forgotten", { name: who }), ...notes));
}
