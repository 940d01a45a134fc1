// Show what an enrolment has learned.

import { makeCertificate, findCounted } from "./certificate.js";
import { announce, h, makeButton, makeDetails, makeIcon, makeLink } from "./dom.js";
import { formatNumber, t, tn, translate } from "./i18n.js";
import { describeAlike, describePromise, formatSigned, joinSentences, makeSentence } from "./words.js";

const CAMERA = "the browser's camera"; // what the service calls it: of its pictures most are not needed

/** Show an enrolment, the document of the service, in place of a view's content. */
export function showEnrolled(body, enrollment, sentences) {
  const { name, me, taken, alpha, far, advice, notes, seconds } = enrollment;
  const heading = h("h2", { tabindex: "-1" }, t("{name} is enrolled", { name }));
  const promise = describePromise(far, findCounted(sentences));
  const unused = me.filter((report) => !report.taken && report.note && report.source !== CAMERA);
  body.replaceChildren(h("section", { class: "card result" },
    h("div", { class: "done" }, makeIcon("check")),
    heading,
    h("p", { class: "promise" }, promise),
    h("p", { class: "soft alike" }, describeAlike(far)),
    advice.length ? h("ul", { class: "tips" }, advice.map((tip) => h("li", {}, makeSentence(translate(tip))))) : null,
    h("div", { class: "actions center" },
      makeLink(t("Try it"), "unlock", `#/unlock/${encodeURIComponent(name)}`, "primary"),
      makeButton(t("Enroll somebody else"), "enroll", () => window.dispatchEvent(new HashChangeEvent("hashchange")))),
    makeDetails(t("Figures"),
      h("p", {}, tn(taken, "Learned from {n} picture in {seconds} seconds.", "Learned from {n} pictures in {seconds} seconds.", { seconds: formatNumber(Math.round(seconds)) }), " ",
        t("A face must reach a margin of {alpha}.", { alpha: formatSigned(alpha) })),
      unused.length ? h("ul", { class: "tips" }, unused.map((report) => h("li", {}, `${report.source}: ${makeSentence(translate(report.note))}`))) : null),
    makeCertificate(name, promise, sentences, { notes })));
  announce(joinSentences(t("{name} is enrolled", { name }), promise));
  heading.focus();
}
