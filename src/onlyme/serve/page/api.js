// Requests to the service, and what becomes of the connection to it.

/** A refusal of the service, as its problem document says it. */
export class Problem extends Error {
  constructor(document) {
    super(document.detail ?? document.title ?? "The service could not do that.");
    this.kind = (document.type ?? "").split(":").pop();
    this.status = document.status ?? 0;
  }
}

/** Tells of `ended` (the session is over), `gone` (no answer) and `back`. */
export const connection = new EventTarget();

let gone = false;

/** The address of something about a person. */
export function of(name, what = "") {
  return `/v1/names/${encodeURIComponent(name)}${what && `/${what}`}`;
}

/** Ask the service; return the JSON it answers with; `body` is a form. Throws a Problem. */
export async function ask(method, path, body) {
  const request = { method, credentials: "same-origin", cache: "no-store", body };
  const response = await reached(path, request);
  const document = response.status === 204 ? null : await response.json().catch(() => ({}));
  if (response.ok) return document;
  const problem = new Problem({ status: response.status, ...document });
  if (response.status === 401) connection.dispatchEvent(new Event("ended"));
  throw problem;
}

export const get = (path) => ask("GET", path);

async function reached(path, request) {
  try {
    return await fetch(path, request);
  } catch {
    if (!gone) {
      gone = true;
      connection.dispatchEvent(new Event("gone"));
      wait();
    }
    throw new Problem({ type: ":gone", detail: "The service does not answer." });
  }
}

/** Ask every other second whether the service is back. */
async function wait() {
  while (gone) {
    await new Promise((resolve) => setTimeout(resolve, 2000));
    try {
      const response = await fetch("/v1/health", { cache: "no-store" });
      if (response.ok) gone = false;
    } catch { /* not yet */ }
  }
  connection.dispatchEvent(new Event("back"));
}
