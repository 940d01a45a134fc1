// Train the article's ways on photos, watch with the network, keep or erase it, and open reports.

import { ask, get, Problem } from "../api.js";
import { NoCamera } from "../camera.js";
import { announce, askForText, askToConfirm, h, makeButton, makeDetails, makeIcon, makeNotice, tell } from "../dom.js";
import { formatNumber, t, tn, translate } from "../i18n.js";
import { SILENT_MS } from "../live.js";
import { PhotoDrop } from "../photos.js";
import { drawCurve, drawMap } from "../plots.js";
import { openCamera, Stage } from "../stage.js";
import { formatDuration, formatSigned, formatTime, joinSentences, makeSentence } from "../words.js";

export const title = "Lab";
export const lead = "Train the article’s networks on photos of you and of others, and watch with what they learned. It opens nothing, and no try is counted.";

const PATH = "/v1/service/lab";
const POLL_MS = 700; // between two looks at a training
const LEAST = { me: 2, not_me: 1 }; // photos that a triplet needs
const MEANINGS = {
  "two-head": "The article’s second way: a network that is shown two photos, and says whether they are of one person.",
  classifier: "The article’s first way: a network that says “you” or “not you” of one photo.",
  article: "The article’s chosen way, as it was published: one network turns each photo into a point, and the distances decide. It takes some minutes.",
  compact: "The article’s chosen way, as one would build it today. It takes some seconds.",
};
const WORDS = {
  "zero loss": "Nothing is left to learn from these photos.",
  plateau: "The loss did not become smaller any more.",
  limit: "The largest number of steps was reached.",
};

export async function render(body) {
  const view = new LabView(body, await get(PATH), await get(`${PATH}/reports`));
  return () => view.leave();
}

class LabView {
  constructor(body, state, { folder, reports }) {
    this.files = { me: [], not_me: [] };
    this.camera = null;
    this.current = h("div", { class: "stack" });
    this.kept = h("ul", { class: "tokens" });
    this.folder = h("p", { class: "soft small" });
    this.stage = new Stage();
    body.replaceChildren(h("div", { class: "stack" },
      state.missing ? makeMissing(state.missing) : this.makeForm(state),
      this.current,
      h("section", { class: "card", "aria-labelledby": "kept-runs" }, h("h2", { id: "kept-runs" }, t("Kept networks")), this.kept, this.folder),
      makeReports(folder, reports)));
    this.show(state);
  }

  makeForm({ ways, way, alpha, article_side: side }) {
    const chosen = way ?? "compact";
    this.way = h("select", { id: "way", onchange: () => this.explainWay(side), "aria-describedby": "way-help" }, ways.map((one) => h("option", { value: one, selected: one === chosen }, one)));
    this.help = h("p", { class: "soft small", id: "way-help" });
    this.alpha = h("input", { type: "number", id: "lab-alpha", min: -1, max: 1, step: 0.05, value: alpha ?? 0.5 });
    this.drops = Object.fromEntries([["me", t("Photos of you (ME)")], ["not_me", t("Photos of others (NOT_ME)")]].map(([key, label]) => [key, this.makeDrop(key, label)]));
    this.trainButton = makeButton(t("Train"), null, null, "primary");
    this.trainButton.type = "submit";
    this.problem = h("div", { role: "status" });
    this.explainWay(side);
    return h("form", { class: "card", "aria-label": t("Train"), novalidate: true, onsubmit: (event) => { event.preventDefault(); this.train(); } },
      h("div", { class: "two" },
        h("div", { class: "field" }, h("label", { for: "way" }, t("Way")), this.way, this.help),
        h("div", { class: "field" }, h("label", { for: "lab-alpha" }, "Alpha"), this.alpha, h("p", { class: "soft small" }, t("How much nearer you must be to yourself than to others, −1 to 1.")))),
      h("div", { class: "two" }, this.drops.me.element, this.drops.not_me.element),
      h("div", { class: "actions" }, this.trainButton),
      this.problem);
  }

  /** A field for photos that may be filled in several goes. */
  makeDrop(key, label) {
    const count = h("p", { class: "small", role: "status" });
    const say = () => count.replaceChildren(tn(this.files[key].length, "{n} photo chosen", "{n} photos chosen"), " ", clear);
    const clear = h("button", { type: "button", class: "chip", "aria-label": t("Choose anew: {what}", { what: label }), onclick: () => { this.files[key] = []; drop.clear(); count.replaceChildren(); } }, t("Choose anew"));
    const drop = new PhotoDrop((files) => { this.files[key].push(...files); say(); }, {
      label, id: `photos-${key}`, words: t("Or drop photos here. They stay in the memory of this computer until you erase or keep the network."),
    });
    drop.element.append(count);
    return drop;
  }

  explainWay(side) {
    const more = this.way.value === "article" ? t("Faces are {side} pixels wide here; the published 244 take hours.", { side }) : "";
    this.help.textContent = joinSentences(t(MEANINGS[this.way.value]), more);
    this.alpha.disabled = this.way.value === "classifier" || this.way.value === "two-head"; // they have none
  }

  async train() {
    const short = Object.entries(LEAST).find(([key, least]) => this.files[key].length < least);
    this.problem.replaceChildren();
    if (short) {
      this.showProblem(short[0] === "me" ? t("Choose at least two photos of you.") : t("Choose at least one photo of somebody else."));
      document.getElementById(`photos-${short[0]}`).focus();
      return;
    }
    const form = new FormData();
    for (const [key, files] of Object.entries(this.files)) for (const file of files) form.append(key, file, file.name);
    this.stopCamera();
    this.trainButton.disabled = true;
    announce(t("Training…"));
    try {
      this.show(await ask("POST", `${PATH}?${new URLSearchParams({ way: this.way.value, alpha: this.alpha.value || 0.5 })}`, form));
    } catch (error) {
      this.trainButton.disabled = false;
      if (!(error instanceof Problem) || !error.status) throw error;
      this.showProblem(makeSentence(error.message));
    }
  }

  showProblem(words) {
    this.problem.replaceChildren(h("p", { class: "refused" }, makeIcon("warn"), words));
  }

  /** Show the state of the training; while it is under way, look again soon. */
  show(state) {
    const before = this.state;
    this.state = state;
    if (this.trainButton) this.trainButton.disabled = state.state === "training";
    this.listKept(state);
    const parts = { empty: () => [], training: () => this.makeTraining(), trained: () => this.makeTrained(), failed: () => this.makeFailed() };
    const shown = parts[state.state]();
    if (shown[0] !== this.current.firstElementChild) this.current.replaceChildren(...shown);
    if (state.state !== "training") this.live = null;
    clearTimeout(this.timer);
    if (state.state === "training") this.timer = setTimeout(() => this.look(), POLL_MS);
    else if (before?.state === "training") announce(state.state === "trained" ? t("Trained") : makeSentence(translate(state.why ?? "")));
  }

  async look() {
    const state = await get(PATH).catch(() => null); // the page itself waits for the service
    if (!this.hasLeft && state) this.show(state);
  }

  /** The card of a training; it stays while its content changes, so that the focus does, too. */
  makeTraining() {
    const { curve, map, most, photos, elapsed, skipped } = this.state;
    if (!this.live) {
      this.live = h("div", { class: "stack" });
      this.progress = h("progress", { "aria-label": t("Steps"), max: 1 });
      this.card = h("section", { class: "card", "aria-labelledby": "training" },
        h("h2", { id: "training" }, t("Training…")), this.progress, this.live,
        h("div", { class: "actions" }, makeButton(t("Cancel"), "cross", () => this.erase())));
    }
    if (most) Object.assign(this.progress, { max: most, value: curve?.at(-1)?.[0] ?? 0 });
    this.live.replaceChildren(
      h("p", {}, photos ? t("{me} photos of you, {others} of others: {n} triplets.", { me: photos.me, others: photos.not_me, n: formatNumber(photos.triplets) }) : t("Getting ready…"), " ", formatDuration(elapsed ?? 0)),
      makeSkipped(skipped) ?? "", makePlots(curve, map, most) ?? "");
    return [this.card];
  }

  makeTrained() {
    const { way, photos, accepted, reason, steps, seconds, bytes, curve, map, most, skipped, rule, name } = this.state;
    const watch = h("div", { class: "split" }, h("div", { class: "stack" }, this.stage.element), this.makeWatchPanel());
    this.showOff();
    return [h("section", { class: "card", "aria-labelledby": "trained" },
      h("h2", { id: "trained" }, name ? t("Trained: {way}, kept as “{name}”", { way, name }) : t("Trained: {way}", { way })),
      h("p", {}, t("Of its own photos it accepts {me} of {allMe} of you, and {others} of {allOthers} of others. How it does on new photos, only new photos tell.", { me: accepted.me, allMe: photos.me, others: accepted.not_me, allOthers: photos.not_me })),
      makeSkipped(skipped), makePlots(curve, map, most),
      makeDetails(t("Figures"), h("p", {}, joinSentences(t(WORDS[reason] ?? reason), t("{steps} steps in {time}; at most {size} MB of memory", { steps: formatNumber(steps), time: formatDuration(seconds), size: formatNumber(Math.round(bytes / 1e6)) }), t("Rule: {rule}", { rule: translate(rule) })))),
      h("div", { class: "actions" },
        name ? null : makeButton(t("Keep it"), "download", () => this.keep()),
        makeButton(name ? t("Close") : t("Erase it"), name ? "cross" : "trash", () => this.askAndErase(), name ? "" : "danger"))),
    watch];
  }

  makeFailed() {
    return [makeNotice("warn", t("Nothing was trained"), makeSentence(translate(this.state.why ?? "")), makeButton(t("Understood"), "check", () => this.erase()))];
  }

  async erase() {
    this.stopCamera();
    this.show(await ask("DELETE", PATH));
  }

  async askAndErase() {
    const { name } = this.state;
    if (!name && !(await askToConfirm(t("Erase this network?"), t("It and the photos it was trained on are gone then. This cannot be undone."), t("Erase it")))) return;
    await this.erase();
    tell(name ? t("Closed; “{name}” stays kept", { name }) : t("Network and photos are erased"));
  }

  async keep() {
    const name = await askForText(t("Keep this network"), t("It is written into a folder of yours, with the faces of the photos that it compares with. The folder is not sealed as the vault is: protect it as you protect the photos."), t("Name"), t("Keep it"));
    if (!name) return;
    const { folder } = await ask("PUT", `${PATH}/runs?${new URLSearchParams({ name })}`);
    this.show(await get(PATH));
    tell(t("Kept in {folder}", { folder }));
  }

  // ---------------------------------------------------------------- watching

  makeWatchPanel() {
    const isScore = this.state.way === "classifier" || this.state.way === "two-head"; // no margin, but even odds at 0
    this.bound = this.state.threshold;
    const value = h("output", { for: "bound" }, formatSigned(this.bound, 2));
    this.slider = h("input", { type: "range", id: "bound", min: isScore ? -10 : -2, max: isScore ? 10 : 2, step: 0.05, value: this.bound, oninput: () => { this.bound = Number(this.slider.value); value.textContent = formatSigned(this.bound, 2); } });
    this.score = h("p", { class: "soft" }, t("No picture yet."));
    this.stopButton = makeButton(t("Stop"), "camera-off", () => { this.showOff(); this.startButton.focus({ preventScroll: true }); });
    return h("section", { class: "card panel", "aria-labelledby": "watch-with-it" },
      h("h2", { id: "watch-with-it" }, t("Watch with it")),
      h("div", { class: "field" }, h("label", { for: "bound" }, isScore ? t("Accept from this score") : t("Accept from this margin (alpha)")), this.slider, value),
      this.state.way === "article" ? h("p", { class: "soft small" }, t("The article lowers alpha to −0.6 after the training.")) : null,
      h("p", { class: "soft small" }, t("This network does not look for photos and screens in place of a person.")),
      this.score,
      h("div", { class: "actions" }, this.stopButton));
  }

  showOff() {
    this.stopCamera();
    this.stopButton.hidden = true;
    this.score.textContent = t("No picture yet.");
    this.startButton = makeButton(t("Start the camera"), "camera", () => this.watch(), "primary");
    this.stage.showInstead(makeNotice("camera", t("The camera is off"), t("Pictures go to this service only, and are forgotten once looked at."), this.startButton));
  }

  async watch() {
    const camera = await openCamera(this);
    if (!camera) return;
    try {
      this.stopButton.hidden = false;
      this.stopButton.focus({ preventScroll: true });
      while (camera === this.camera) await this.lookOnce(camera);
    } catch (error) {
      if (camera === this.camera) this.showCameraError(error);
    }
  }

  async lookOnce(camera) {
    await camera.waitForFrame();
    if (camera !== this.camera) return;
    const form = new FormData();
    form.append("frame", await camera.takePicture(), "frame");
    const silence = setTimeout(() => camera === this.camera && this.showSilence(), SILENT_MS);
    const { box, score } = await ask("POST", `${PATH}/look`, form).finally(() => clearTimeout(silence));
    if (camera !== this.camera) return;
    this.stage.showNote("");
    this.stage.frameFace(box);
    const isIn = score !== null && score >= this.bound;
    const words = score === null ? t("Nobody is in the picture") : isIn ? t("It is you") : t("It is not you");
    this.stage.showVerdict(score === null ? "unsure" : isIn ? "yes" : "no", words, score === null ? "" : formatSigned(score, 2));
    this.score.textContent = score === null ? words : t("{words}: {score}, accepted from {bound}", { words, score: formatSigned(score, 2), bound: formatSigned(this.bound, 2) });
    if (words !== this.said) announce(this.said = words);
  }

  /** The service does not answer: what was shown before is not so any more. */
  showSilence() {
    this.stage.clearReadings();
    this.stage.showNote(t("Waiting for the service…"));
    this.score.textContent = t("No picture yet.");
  }

  showCameraError(error) {
    if (!(error instanceof NoCamera || error instanceof Problem)) console.error(error);
    this.showOff();
    const heading = error.title ?? t("That did not work");
    this.stage.showInstead(makeNotice("camera-off", heading, makeSentence(error.message), makeButton(t("Try again"), "renew", () => this.watch())));
    announce(joinSentences(heading, error.message));
    if (error instanceof Problem) this.look(); // the network may have been erased meanwhile
  }

  stopCamera() {
    this.camera?.stop();
    this.camera = this.said = null;
  }

  // ---------------------------------------------------------------- what lies here

  listKept({ runs, runs_folder: folder, missing, state }) {
    this.folder.textContent = runs.length ? t("In the folder {folder}.", { folder }) : t("None yet. A network that you keep can be opened again after a restart.");
    this.kept.replaceChildren(...runs.map((name) => {
      const open = makeButton(t("Open"), null, async () => { this.stopCamera(); this.show(await ask("POST", `${PATH}/runs?${new URLSearchParams({ name })}`)); });
      open.disabled = Boolean(missing) || state === "training";
      open.setAttribute("aria-label", t("Open {name}", { name }));
      const erase = makeButton(t("Erase"), "trash", () => this.eraseKept(name), "danger quiet");
      erase.setAttribute("aria-label", t("Erase {name}", { name }));
      return h("li", { class: "row" }, h("strong", {}, name), h("div", { class: "actions" }, open, erase));
    }));
  }

  async eraseKept(name) {
    if (!(await askToConfirm(t("Erase “{name}”?", { name }), t("The network and the faces in its folder are gone then. This cannot be undone."), t("Erase")))) return;
    await ask("DELETE", `${PATH}/runs?${new URLSearchParams({ name })}`);
    this.show(await get(PATH));
    tell(t("“{name}” is erased", { name }));
  }

  leave() {
    this.hasLeft = true;
    clearTimeout(this.timer);
    if (this.stopButton) this.showOff();
  }
}

function makeMissing(words) {
  return makeNotice("warn", t("The lab is not installed"), t("Training needs torch, some 800 MB. Reports can be opened without it."), h("pre", { tabindex: "0", "aria-label": t("Command") }, h("code", {}, words)));
}

function makeSkipped(skipped) {
  if (!skipped?.length) return null;
  return makeDetails(tn(skipped.length, "{n} photo was left out", "{n} photos were left out"), h("ul", { class: "problems" }, skipped.map((words) => h("li", {}, makeIcon("warn"), h("span", {}, makeSentence(words))))));
}

function makePlots(curve, map, most) {
  if (!curve?.length || !map) return null;
  return h("div", { class: "plots" }, drawCurve(curve, most), drawMap(map));
}

function makeReports(folder, reports) {
  return h("section", { class: "card", "aria-labelledby": "reports" },
    h("h2", { id: "reports" }, t("Reports")),
    reports.length ? h("ul", { class: "tokens" }, reports.map(({ path, title: words, changed }) => h("li", { class: "row" },
      h("div", {}, h("strong", {}, words), h("p", { class: "soft small" }, `${path}, ${formatTime(changed)}`)),
      h("a", { class: "button", href: `${PATH}/report?${new URLSearchParams({ path })}`, target: "_blank", rel: "noopener", "aria-label": t("Open {name} in a new tab", { name: path }) }, h("span", {}, t("Open")))))) : h("p", {}, t("None yet. “onlyme evaluate --html” and “onlyme lab compare” write them.")),
    h("p", { class: "soft small" }, t("The service looks in the folder {folder}; “onlyme serve --reports” names another one.", { folder })));
}
