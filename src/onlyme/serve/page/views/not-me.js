// "That wasn't me": a face that was accepted by mistake, or may be, is kept apart from now on.

import { ask, of } from "../api.js";
import { announce, button, h, icon } from "../dom.js";
import { nobody, people, picker } from "../picker.js";
import { signed } from "../words.js";
import { accepted } from "./unlock.js";

export const title = "That wasn’t me";
export const lead = "Teach a face that was taken for somebody: a sibling, a look-alike, a mistake.";

export async function render(body, wanted) {
  const found = await people(wanted);
  if (!found) {
    body.replaceChildren(nobody());
    return null;
  }
  const lesson = new Lesson(found);
  body.replaceChildren(lesson.element);
  return () => lesson.forget();
}

class Lesson {
  constructor(found) {
    this.name = found.chosen.name;
    this.picture = accepted.name === this.name ? accepted.picture : null;
    this.shown = h("img", { class: "mistaken", alt: "The face to be kept apart" });
    this.none = h("p", { class: "soft none" }, "No picture yet. Choose one that shows only this face.");
    this.file = h("input", { type: "file", id: "photo", accept: "image/*", onchange: () => this.choose(this.file.files[0]) });
    this.teach = button(`This is not ${this.name}`, "not-me", () => this.taught(), "primary");
    this.undo = button("Take the last one back", "undo", () => this.untaught());
    this.outcome = h("div", { class: "lesson", role: "status" });
    this.element = h("section", { class: "card narrow" },
      picker("not-me", found),
      h("div", { class: "evidence" }, this.shown, this.none),
      h("div", { class: "field" }, h("label", { for: "photo" }, "A picture of that face"), this.file),
      h("p", { class: "soft small" }, "The picture itself is not kept: only what tells this face from yours, sealed in the vault."),
      h("div", { class: "actions" }, this.teach, this.undo),
      this.outcome);
    this.choose(this.picture);
  }

  choose(picture) {
    this.picture = picture ?? null;
    URL.revokeObjectURL(this.shown.src);
    this.shown.hidden = !picture;
    this.none.hidden = Boolean(picture);
    if (picture) this.shown.src = URL.createObjectURL(picture);
    this.teach.disabled = !picture;
  }

  async taught() {
    const form = new FormData();
    form.append("frame", this.picture, "face.jpg");
    await this.change("POST", form, "From now on this face is kept apart.");
  }

  async untaught() {
    await this.change("DELETE", undefined, "The last lesson is taken back.");
  }

  async change(method, body, words) {
    this.teach.disabled = this.undo.disabled = true;
    try {
      const lesson = await ask(method, of(this.name, "not-me"), body);
      this.outcome.replaceChildren(...result(lesson, words));
      if (method === "POST") this.forget();
      announce(words);
    } catch (error) {
      if (!error.status) throw error;
      this.outcome.replaceChildren(h("p", { class: "refused" }, icon("warn"), error.message));
    } finally {
      this.undo.disabled = false;
      this.teach.disabled = !this.picture;
    }
  }

  forget() {
    Object.assign(accepted, { name: null, picture: null });
    this.file.value = "";
    this.choose(null);
  }
}

function result(lesson, words) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const lost = lesson.own_before.filter((before, index) =>
    before >= lesson.alpha_before && lesson.own_after[index] < lesson.alpha_after).length;
  const rows = [
    ["That face", lesson.margin_before, lesson.margin_after],
    ["Own pictures, on average", mean(lesson.own_before), mean(lesson.own_after)],
    ["Alpha", lesson.alpha_before, lesson.alpha_after],
  ];
  return [
    h("p", { class: "done-words" }, icon("check"), words),
    h("table", { class: "change" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Margin"), h("th", { scope: "col" }, "before"), h("th", { scope: "col" }, "now"))),
      h("tbody", {}, rows.map(([what, before, after]) =>
        h("tr", {}, h("th", { scope: "row" }, what), h("td", {}, signed(before)), h("td", {}, signed(after)))))),
    lost ? h("p", { class: "refused" }, icon("warn"), `${lost} own pictures would no longer pass: enroll again, or take this back.`) : null,
  ].filter(Boolean);
}
