// Send requests to the service, and notice when the session or the service ends.

import { t, translate } from "./i18n.js";

const RETRY_MS = 2000; // between two questions whether the service is back

/** A refusal of the service, as its problem document states it. */
export class Problem extends Error {
  constructor(document) {
    super(translate(document.detail ?? document.title ?? "The service could not do that."));
    this.kind = (document.type ?? "").split(":").pop();
    this.status = document.status ?? 0;
  }
}

/** Dispatches `ended` (the session is over), `gone` (the service does not answer) and `back`. */
export const connection = new EventTarget();

let isGone = false;

/**
 * Return a name as a segment of a path. Browsers take the names `.` and `..` for steps of the path, in
 * any encoding; a space, which the service drops, prevents that.
 */
export function makeSegment(name) {
  return encodeURIComponent(/^\.{1,2}$/.test(name) ? ` ${name}` : name);
}

/** Return the path of a person, or of something that belongs to a person. */
export function makePath(name, part = "") {
  return `/v1/names/${makeSegment(name)}${part && `/${part}`}`;
}

/** Send a request; return the JSON of its answer. `body` is a form. Throws a Problem. */
export async function ask(method, path, body) {
  const request = { method, credentials: "same-origin", cache: "no-store", body };
  const response = await send(path, request);
  const document = response.status === 204 ? null : await response.json().catch(() => ({}));
  if (response.ok) return document;
  const problem = new Problem({ status: response.status, ...document });
  if (response.status === 401) connection.dispatchEvent(new Event("ended"));
  throw problem;
}

export const get = (path) => ask("GET", path);

async function send(path, request) {
  try {
    return await fetch(path, request);
  } catch {
    if (!isGone) {
      isGone = true;
      connection.dispatchEvent(new Event("gone"));
      waitUntilBack();
    }
    throw new Problem({ type: ":gone", detail: t("The service does not answer.") });
  }
}

async function waitUntilBack() {
  while (isGone) {
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    try {
      const response = await fetch("/v1/health", { cache: "no-store" });
      if (response.ok) isGone = false;
    } catch { /* not yet */ }
  }
  connection.dispatchEvent(new Event("back"));
}
