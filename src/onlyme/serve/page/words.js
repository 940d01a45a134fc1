// Put numbers, times and reasons into plain words.

import { formatNumber, locale, t, tn, translate } from "./i18n.js";

const ALIKE_SHARE = 0.05; // as in onlyme.siamese.presets, which says why
const signedFormat = new Intl.NumberFormat(locale, { minimumFractionDigits: 3, maximumFractionDigits: 3 });
const timeFormat = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const secondFormat = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });

/** Format a margin or alpha, always with its sign. */
export function formatSigned(value, digits = 3) {
  if (value === null || value === undefined) return "–";
  const rounded = Number(Math.abs(value).toFixed(digits));
  const format = digits === 3 ? signedFormat : new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return (value < 0 && rounded ? "−" : "+") + format.format(rounded);
}

/** Say which false accept rate an alpha is set for, in the words of `onlyme.charts.describe_set_rate`. */
export function describeOdds(far) {
  if (far === null || far === undefined) return t("no promise: this network is not calibrated");
  if (far > 0.5) return t("set so that almost every stranger passes");
  if (far < 1e-7) return t("set for less than 1 in {n} strangers (estimate)", { n: formatNumber(1e7) });
  return t("set for 1 in {n} strangers (estimate)", { n: formatTries(far) });
}

/** Format a false accept rate as the number of tries in which one passes, rounded to three digits. */
export function formatTries(far) {
  const tries = 1 / far;
  if (tries < 20) return new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }).format(tries);
  const step = 10 ** Math.max(0, String(Math.floor(tries)).length - 3);
  return formatNumber(Math.round(tries / step) * step);
}

/**
 * Say in one sentence what alpha is set for, and what was counted. `counted` is the N of "at
 * most 1 in N strangers" of the certificate, or null.
 */
export function describePromise(far, counted) {
  const odds = describeOdds(far);
  if (!counted) return makeSentence(odds);
  return makeSentence(t("{odds}; proven: at most 1 in {counted} (95 % bound)", { odds, counted: formatNumber(counted) }));
}

/** Say the second promise: how often somebody passes who looks like the owner; empty without a rate. */
export function describeAlike(far) {
  if (far === null || far === undefined) return "";
  const alike = far / ALIKE_SHARE;
  if (alike > 0.5) return t("Someone who looks like the owner may pass at every try.");
  return t("Someone who looks like the owner passes at most about once in {n} tries; a close relative more often.", { n: formatTries(alike) });
}

/** Format a share as a percentage with two significant digits. */
export function formatPercent(share) {
  if (share < 1e-4) return t("less than {share} %", { share: new Intl.NumberFormat(locale).format(0.01) });
  const digits = share >= 0.1 ? 0 : share >= 0.01 ? 1 : 2;
  return `${new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(share * 100)} %`;
}

/** Format a time of the service (ISO 8601) in the user's time zone. */
export function formatTime(iso) {
  return timeFormat.format(new Date(iso));
}

/** Format a time of the service with its seconds. */
export function formatSeconds(iso) {
  return secondFormat.format(new Date(iso));
}

/** Format a duration as minutes and seconds, or hours, minutes and seconds. */
export function formatDuration(seconds) {
  const total = Math.max(0, Math.ceil(seconds));
  const hours = Math.floor(total / 3600);
  const [minutes, rest] = [Math.floor((total % 3600) / 60), total % 60].map((part) => String(part).padStart(2, "0"));
  return hours ? `${hours}:${minutes}:${rest}` : `${Number(minutes)}:${rest}`;
}

const FILE = /^[^:;]+\.\w{2,4}: /; // the name of a file, which is written as it is

/** Return words as a sentence: with a capital letter and a full stop. */
export function makeSentence(words) {
  const text = FILE.test(words) ? words : words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** Join what is not empty as sentences. */
export function joinSentences(...parts) {
  return parts.filter(Boolean).map(makeSentence).join(" ");
}

const REASONS = {
  ambiguous: "More than one person matches",
  no_face: "Nobody is in the picture",
  many_faces: "Several faces: show one",
  poor_quality: "The picture is too poor",
  not_live: "A photo or a screen",
  liveness_undecided: "Not sure a person is there",
  not_attentive: "Look at the camera",
  attention_undecided: "Your eyes cannot be seen",
  no_gesture: "The movement was not seen",
  locked_out: "Closed: too many tries",
};

/** Say whether a decision failed because the movements of a challenge were not made. */
export function hasFailedChallenge(decision) {
  return decision.reason === "liveness_undecided" && decision.liveness?.level === "challenge";
}

/** Say a decision in few words. */
export function describeDecision(decision, name) {
  if (decision.accepted) return decision.name ?? name;
  if (decision.reason === "no_match") return name ? t("Not {name}", { name }) : t("Nobody who is enrolled");
  if (hasFailedChallenge(decision)) return t("The movements were not made as asked");
  return REASONS[decision.reason] ? t(REASONS[decision.reason]) : makeSentence(translate(decision.reason));
}

const HINTS = {
  ambiguous: "Enroll with more photos, or merge two names of one person.",
  no_match: "The face was compared, and it is somebody else's.",
  no_face: "Look into the camera, with the whole face in the picture.",
  many_faces: "Be alone in the picture, or come closer than the others.",
  not_live: "What the camera sees looks like a print or a screen.",
  liveness_undecided: "Face the camera in good light, and hold still for a moment.",
  not_attentive: "Open your eyes, and turn your face to the camera.",
  attention_undecided: "Take off dark glasses, avoid glare, or come closer.",
  no_gesture: "Look straight into the camera first, then make the movement clearly.",
  locked_out: "Wait, or use the password.",
};

/** Say what to do about a rejection; an empty text if there is nothing to say. */
export function adviseOn(decision) {
  if (decision.accepted) return "";
  if (hasFailedChallenge(decision)) return t(HINTS.no_gesture);
  return HINTS[decision.reason] ? t(HINTS[decision.reason]) : "";
}

/** Say what was found out about a living person. */
export function describeLiveness(liveness) {
  if (!liveness || liveness.level === "off") return t("not checked");
  return { live: t("yes"), attack: t("no: a photo or a screen"), undecided: t("not sure") }[liveness.verdict] ?? t("not checked");
}

const EVENTS = {
  attempt: "Attempt", enroll: "Enrolled", teach: "Taught", tune: "Tuned", adapt: "Adapted",
  remove: "Example removed",
  revoke: "Stolen copies made worthless", rekey: "New key", export: "Exported", import: "Imported",
  backup: "Backed up", restore: "Restored", forget: "Forgotten", rename: "Renamed", merge: "Merged",
  reset: "Gate opened", token: "Sign-in", setting: "Setting changed",
};

/** Name the kind of a log entry. */
export function nameEvent(kind) {
  return EVENTS[kind] ? t(EVENTS[kind]) : makeSentence(kind).replace(/\.$/, "");
}

const WORDS = {
  known: "Recognised", unknown: "Unknown person", ambiguous: "Like two people", not_live: "A photo or a screen",
  locked_out: "Closed: too many tries", left: "Left", camera_up: "Camera is back", camera_down: "Camera is gone",
};

/** The kinds of what happens at a door. */
export const DOOR_EVENTS = Object.keys(WORDS);

/** Name what happened at a door. */
export function nameDoorEvent(kind) {
  return WORDS[kind] ? t(WORDS[kind]) : makeSentence(kind);
}

/** Say the outcome of a log entry in few words. */
export function describeOutcome(entry) {
  if (entry.event !== "attempt") return translate(entry.detail || "");
  if (entry.verdict === "accepted") return t("Accepted");
  if (entry.reason === "no_match") return t("Somebody else");
  return REASONS[entry.reason] ? t(REASONS[entry.reason]) : entry.reason;
}

/** Say what the gate still allows. */
export function describeGate({ tries, of: allTries, wait }) {
  if (wait) return t("None: closed for {time}.", { time: formatDuration(wait) });
  if (tries === allTries) return tn(tries, "{n} try in five minutes.", "{n} tries in five minutes.");
  return tn(tries, "{n} try left; an accepted face starts over.", "{n} tries left; an accepted face starts over.");
}
