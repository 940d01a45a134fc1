// Numbers and reasons in plain words.

const number = new Intl.NumberFormat("en");
const when = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

/** A margin or alpha: always with its sign. */
export function signed(value) {
  return value === null || value === undefined ? "–" : (value < 0 ? "−" : "+") + Math.abs(value).toFixed(3);
}

/** A false accept rate in words. */
export function odds(far) {
  if (far === null || far === undefined) return "nothing is promised: this network is not calibrated";
  if (far > 0.5) return "almost every stranger passes";
  const once = 1 / far;
  if (once > 1e7) return "a stranger passes less than once in 10,000,000 tries";
  const step = 10 ** Math.max(0, Math.floor(Math.log10(once)) - 1);
  return `a stranger passes about once in ${number.format(Math.round(once / step) * step)} tries`;
}

/** A share as a percentage with two digits that count. */
export function percent(share) {
  if (share < 1e-4) return "less than 0.01 %";
  const digits = share >= 0.1 ? 0 : share >= 0.01 ? 1 : 2;
  return `${(share * 100).toFixed(digits)} %`;
}

/** A small number as a power of ten, such as 2·10⁻⁵. */
export function power(value) {
  const [digits, exponent] = value.toExponential().split("e-");
  const raised = [...exponent].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("");
  return `${digits === "1" ? "" : `${digits}·`}10⁻${raised}`;
}

export function time(iso) {
  return when.format(new Date(iso));
}

export function clock(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  const hours = Math.floor(whole / 3600);
  const rest = [Math.floor((whole % 3600) / 60), whole % 60].map((part) => String(part).padStart(2, "0"));
  return hours ? `${hours}:${rest.join(":")}` : `${Number(rest[0])}:${rest[1]}`;
}

export function several(count, one, more = `${one}s`) {
  return `${number.format(count)} ${count === 1 ? one : more}`;
}

export function sentence(words) {
  const said = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?…]$/.test(said) ? said : `${said}.`;
}

const REASONS = {
  ambiguous: "More than one person matches",
  no_face: "Nobody is in the picture",
  many_faces: "Several faces: show one",
  poor_quality: "The picture is too poor",
  not_live: "A photo or a screen",
  liveness_undecided: "Is a person there?",
  locked_out: "Closed: too many tries",
};

/** A decision in few words. */
export function verdict(decision, name) {
  if (decision.accepted) return decision.name ?? name;
  if (decision.reason === "no_match") return `Not ${name}`;
  return REASONS[decision.reason] ?? sentence(decision.reason);
}

const HINTS = {
  no_match: "The face was compared, and it is somebody else's.",
  no_face: "Look into the camera, with the whole face in the picture.",
  many_faces: "Be alone in the picture, or come closer than the others.",
  not_live: "What the camera sees looks like a print or a screen.",
  liveness_undecided: "Face the camera in good light, and hold still for a moment.",
  locked_out: "Wait, or use the password.",
};

/** What to do about a rejection, or an empty string. */
export function hint(decision) {
  return decision.accepted ? "" : (HINTS[decision.reason] ?? "");
}

const EVENTS = {
  attempt: "Attempt", enroll: "Enrolled", teach: "Taught", tune: "Tuned", adapt: "Adapted",
  revoke: "Renewed", rekey: "New key", export: "Exported", import: "Imported",
  backup: "Backed up", forget: "Forgotten", reset: "Gate opened", token: "Access",
};

export function event(kind) {
  return EVENTS[kind] ?? sentence(kind).replace(/\.$/, "");
}

/** A line of the log in few words. */
export function told(entry) {
  if (entry.event !== "attempt") return entry.detail || "";
  if (entry.verdict === "accepted") return "Accepted";
  return { no_match: "Somebody else", ...REASONS }[entry.reason] ?? entry.reason;
}
