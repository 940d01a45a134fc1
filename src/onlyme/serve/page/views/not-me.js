// Teach a face that was accepted by mistake, or may be, so that it is told apart from now on.

import { ask, makePath } from "../api.js";
import { announce, h, makeButton, makeIcon } from "../dom.js";
import { findPeople, makeEmptyNotice, makePicker } from "../picker.js";
import { formatSigned } from "../words.js";
import { lastAccepted } from "./unlock.js";

export const title = "That wasn’t me";
export const lead = "Teach a face that was taken for somebody: a sibling, a look-alike, a mistake.";

export async function render(body, wanted) {
  const people = await findPeople(wanted);
  if (!people) {
    body.replaceChildren(makeEmptyNotice());
    return null;
  }
  const view = new NotMeView(people);
  body.replaceChildren(view.element);
  return () => view.forgetPicture();
}

class NotMeView {
  constructor(people) {
    this.name = people.chosen.name;
    this.preview = h("img", { class: "mistaken", alt: "The face to be kept apart" });
    this.noPicture = h("p", { class: "soft none" }, "No picture yet. Choose one that shows only this face.");
    this.file = h("input", { type: "file", id: "photo", accept: "image/*", onchange: () => this.choose(this.file.files[0]) });
    this.teachButton = makeButton(`This is not ${this.name}`, "not-me", () => this.teach(), "primary");
    this.undoButton = makeButton("Take the last one back", "undo", () => this.undo());
    this.outcome = h("div", { class: "lesson", role: "status" });
    this.element = h("section", { class: "card narrow" },
      makePicker("not-me", people),
      h("div", { class: "evidence" }, this.preview, this.noPicture),
      h("div", { class: "field" }, h("label", { for: "photo" }, "A picture of that face"), this.file),
      h("p", { class: "soft small" }, "The picture itself is not kept: only what tells this face from yours, sealed in the vault."),
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
    const form = new FormData();
    form.append("frame", this.picture, "face.jpg");
    await this.change("POST", form, "From now on this face is kept apart.");
  }

  async undo() {
    await this.change("DELETE", undefined, "The last lesson is taken back.");
  }

  async change(method, body, words) {
    this.teachButton.disabled = this.undoButton.disabled = true;
    try {
      const lesson = await ask(method, makePath(this.name, "not-me"), body);
      this.outcome.replaceChildren(...describeLesson(lesson, words));
      if (method === "POST") this.forgetPicture();
      announce(words);
    } catch (error) {
      if (!error.status) throw error;
      this.outcome.replaceChildren(h("p", { class: "refused" }, makeIcon("warn"), error.message));
    } finally {
      this.undoButton.disabled = false;
      this.teachButton.disabled = !this.picture;
    }
  }

  forgetPicture() {
    Object.assign(lastAccepted, { name: null, picture: null });
    this.file.value = "";
    this.choose(null);
  }
}

function describeLesson(lesson, words) {
  const computeMean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const lostCount = lesson.own_before.filter((before, index) =>
    before >= lesson.alpha_before && lesson.own_after[index] < lesson.alpha_after).length;
  const rows = [
    ["That face", lesson.margin_before, lesson.margin_after],
    ["Own pictures, on average", computeMean(lesson.own_before), computeMean(lesson.own_after)],
    ["Alpha", lesson.alpha_before, lesson.alpha_after],
  ];
  return [
    h("p", { class: "done-words" }, makeIcon("check"), words),
    h("table", { class: "change" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Margin"), h("th", { scope: "col" }, "before"), h("th", { scope: "col" }, "now"))),
      h("tbody", {}, rows.map(([label, before, after]) =>
        h("tr", {}, h("th", { scope: "row" }, label), h("td", {}, formatSigned(before)), h("td", {}, formatSigned(after)))))),
    lostCount ? h("p", { class: "refused" }, makeIcon("warn"), `${lostCount} own pictures would no longer pass: enroll again, or take this back.`) : null,
  ].filter(Boolean);
}
