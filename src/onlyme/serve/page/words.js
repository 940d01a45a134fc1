// Put numbers, times and reasons into plain words.

const numberFormat = new Intl.NumberFormat("en");
const timeFormat = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

/** Format a margin or alpha, always with its sign. */
export function formatSigned(value) {
  return value === null || value === undefined ? "–" : (value < 0 ? "−" : "+") + Math.abs(value).toFixed(3);
}

/** Say which false accept rate an alpha is set for, in the words of `onlyme.charts.describe_set_rate`. */
export function describeOdds(far) {
  if (far === null || far === undefined) return "no promise: this network is not calibrated";
  if (far > 0.5) return "set so that almost every stranger passes";
  if (far < 1e-7) return "set for less than 1 in 10,000,000 strangers (estimate)";
  return `set for ${formatOdds(1 / far)} strangers (estimate)`;
}

function formatOdds(oneIn) {
  if (oneIn < 20) return `1 in ${oneIn.toFixed(1).replace(/\.0$/, "")}`;
  const step = 10 ** Math.max(0, String(Math.floor(oneIn)).length - 3);
  return `1 in ${numberFormat.format(Math.round(oneIn / step) * step)}`;
}

/** Format a share as a percentage with two significant digits. */
export function formatPercent(share) {
  if (share < 1e-4) return "less than 0.01 %";
  const digits = share >= 0.1 ? 0 : share >= 0.01 ? 1 : 2;
  return `${(share * 100).toFixed(digits)} %`;
}

/** Format a small number as a power of ten, such as 2·10⁻⁵. */
export function formatPower(value) {
  const [digits, exponent] = value.toExponential().split("e-");
  const raised = [...exponent].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("");
  return `${digits === "1" ? "" : `${digits}·`}10⁻${raised}`;
}

/** Format a time of the service (ISO 8601) in the user's time zone. */
export function formatTime(iso) {
  return timeFormat.format(new Date(iso));
}

/** Format a duration as minutes and seconds, or hours, minutes and seconds. */
export function formatDuration(seconds) {
  const total = Math.max(0, Math.ceil(seconds));
  const hours = Math.floor(total / 3600);
  const [minutes, rest] = [Math.floor((total % 3600) / 60), total % 60].map((part) => String(part).padStart(2, "0"));
  return hours ? `${hours}:${minutes}:${rest}` : `${Number(minutes)}:${rest}`;
}

/** Format a count with its noun, in singular or plural. */
export function formatCount(count, one, more = `${one}s`) {
  return `${numberFormat.format(count)} ${count === 1 ? one : more}`;
}

/** Return words as a sentence: with a capital letter and a full stop. */
export function makeSentence(words) {
  const text = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

const REASONS = {
  ambiguous: "More than one person matches",
  no_face: "Nobody is in the picture",
  many_faces: "Several faces: show one",
  poor_quality: "The picture is too poor",
  not_live: "A photo or a screen",
  liveness_undecided: "Is a person there?",
  not_attentive: "Look at the camera",
  attention_undecided: "Your eyes cannot be seen",
  no_gesture: "The movement was not seen",
  locked_out: "Closed: too many tries",
};

/** Say a decision in few words. */
export function describeDecision(decision, name) {
  if (decision.accepted) return decision.name ?? name;
  if (decision.reason === "no_match") return `Not ${name}`;
  return REASONS[decision.reason] ?? makeSentence(decision.reason);
}

const HINTS = {
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
  return decision.accepted ? "" : (HINTS[decision.reason] ?? "");
}

const EVENTS = {
  attempt: "Attempt", enroll: "Enrolled", teach: "Taught", tune: "Tuned", adapt: "Adapted",
  remove: "Example removed", rename: "Renamed", merge: "Merged", restore: "Restored",
  revoke: "Renewed", rekey: "New key", export: "Exported", import: "Imported",
  backup: "Backed up", forget: "Forgotten", reset: "Gate opened", token: "Access",
};

/** Name the kind of a log entry. */
export function nameEvent(kind) {
  return EVENTS[kind] ?? makeSentence(kind).replace(/\.$/, "");
}

/** Say the outcome of a log entry in few words. */
export function describeOutcome(entry) {
  if (entry.event !== "attempt") return entry.detail || "";
  if (entry.verdict === "accepted") return "Accepted";
  return { no_match: "Somebody else", ...REASONS }[entry.reason] ?? entry.reason;
}
