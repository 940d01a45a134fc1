// Teach a face that was accepted by mistake, or may be, so that it is told apart from now on.

import { ask, makePath } from "../api.js";
import { askToConfirm, h, makeButton, makeIcon, tell } from "../dom.js";
import { t, tn } from "../i18n.js";
import { PhotoDrop } from "../photos.js";
import { findPeople, makePicker } from "../picker.js";
import { formatSigned, makeSentence } from "../words.js";
import { lastAccepted } from "./unlock.js";

export const title = "That wasn’t me";
export const lead = "Teach a face that was taken for somebody: a sibling, a look-alike, a mistake.";

export async function render(body, wanted) {
  const people = await findPeople("not-me", wanted);
  body.replaceChildren(...people.notices);
  if (!people.chosen) return null;
  const view = new NotMeView(people);
  body.append(view.element);
  return () => view.forgetPicture();
}

class NotMeView {
  constructor(people) {
    this.name = people.chosen.name;
    this.preview = h("img", { class: "mistaken", alt: t("The face to be kept apart") });
    this.noPicture = h("p", { class: "soft none" }, t("No picture yet. Choose one that shows only this face."));
    this.drop = new PhotoDrop((files) => files.length && this.choose(files[0]), { multiple: false, label: t("A picture of that face") });
    this.drop.input.id = "photo";
    this.drop.element.querySelector("label").htmlFor = "photo";
    this.teachButton = makeButton(t("This is not {name}", { name: this.name }), "not-me", () => this.teach(), "primary");
    this.undoButton = makeButton(t("Take the last one back"), "undo", () => this.undo());
    this.outcome = h("div", { class: "lesson", role: "status" });
    this.element = h("section", { class: "card narrow" },
      makePicker("not-me", people),
      h("div", { class: "evidence" }, this.preview, this.noPicture),
      this.drop.element,
      h("p", { class: "soft small" }, t("The picture itself is not kept: only what tells this face from yours, sealed in the vault.")),
      h("div", { class: "actions" }, this.teachButton, this.undoButton),
      this.outcome);
    this.choose(lastAccepted.name === this.name ? lastAccepted.picture : null);
  }

  choose(picture) {
    this.picture = picture ?? null;
    URL.revokeObjectURL(this.preview.src);
    this.preview.hidden = !picture;
    this.noPicture.hidden = Boolean(picture);
    if (picture) this.preview.src = URL.createObjectURL(picture);
    this.teachButton.disabled = !picture;
  }

  async teach() {
    await this.change(async () => {
      const form = new FormData();
      form.append("frame", this.picture, this.picture.name ?? t("the camera’s picture"));
      const compared = await ask("POST", makePath(this.name, "not-me/compare"), form);
      if (compared.accepted && !(await this.askIfOwn(compared))) return null;
      const lesson = await ask("POST", makePath(this.name, `not-me?yes=${compared.accepted}`), form);
      this.forgetPicture();
      return [lesson, t("From now on this face is kept apart.")];
    });
  }

  /** The face is accepted now: it may be the person's own, and must not be unlearned by mistake. */
  askIfOwn({ margin, own_lowest: lowest, own_highest: highest }) {
    const name = this.name;
    const numbers = { name, margin: formatSigned(margin), lowest: formatSigned(lowest), highest: formatSigned(highest) };
    const view = this.element.closest(".view");
    return askToConfirm(t("Is this really not {name}?", { name }),
      t("This face scores {margin} and is accepted as {name} now; {name}’s own photos score {lowest} to {highest}. If it is {name}, they would be rejected more often from now on.", numbers),
      t("It is not {name}", { name }), view);
  }

  async undo() {
    await this.change(async () => [await ask("DELETE", makePath(this.name, "not-me")), t("The last lesson is taken back.")]);
  }

  async change(send) {
    this.teachButton.disabled = this.undoButton.disabled = true;
    try {
      const changed = await send();
      if (!changed) return;
      const [lesson, words] = changed;
      this.outcome.replaceChildren(...describeLesson(lesson));
      tell(words);
    } catch (error) {
      if (!error.status) throw error;
      this.outcome.replaceChildren(h("p", { class: "refused" }, makeIcon("warn"), makeSentence(error.message)));
    } finally {
      this.undoButton.disabled = false;
      this.teachButton.disabled = !this.picture;
    }
  }

  forgetPicture() {
    Object.assign(lastAccepted, { name: null, picture: null });
    this.drop.clear();
    this.choose(null);
  }
}

function describeLesson(lesson) {
  const computeMean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const lostCount = lesson.own_before.filter((before, index) =>
    before >= lesson.alpha_before && lesson.own_after[index] < lesson.alpha_after).length;
  const rows = [
    [t("That face"), lesson.margin_before, lesson.margin_after],
    [t("Own pictures, on average"), computeMean(lesson.own_before), computeMean(lesson.own_after)],
    ["Alpha", lesson.alpha_before, lesson.alpha_after],
  ];
  return [
    h("table", { class: "change" },
      h("thead", {}, h("tr", {}, [t("Margin"), t("before"), t("now")].map((words) => h("th", { scope: "col" }, words)))),
      h("tbody", {}, rows.map(([label, before, after]) =>
        h("tr", {}, h("th", { scope: "row" }, label), h("td", { class: "numbers" }, formatSigned(before)), h("td", { class: "numbers" }, formatSigned(after)))))),
    lostCount ? h("p", { class: "refused" }, makeIcon("warn"), tn(lostCount, "{n} own picture would no longer pass: enroll again, or take this back.", "{n} own pictures would no longer pass: enroll again, or take this back.")) : null,
  ].filter(Boolean);
}
