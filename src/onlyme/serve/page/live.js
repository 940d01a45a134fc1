// Pictures of the camera go to the service, and what it says of them comes back.

import { get } from "./api.js";

const AHEAD = 2; // pictures on their way at once: one is looked at, one waits its turn

/**
 * One stream. Each message of the service is an event of its own kind (`look`, `attempt`, …) with
 * the message as `detail`; `end` comes last, whatever ended it.
 */
export class Live extends EventTarget {
  constructor(camera, path) {
    super();
    this.camera = camera;
    this.sent = 0;
    this.taken = 0;
    this.last = null; // the newest picture that was looked at
    this.held = 0;
    this.pictures = new Map();
    this.times = new Map();
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.socket = new WebSocket(`${scheme}://${location.host}${path}`);
    this.socket.addEventListener("open", () => this.pump());
    this.socket.addEventListener("message", (event) => this.heard(JSON.parse(event.data)));
    this.socket.addEventListener("close", () => this.closed());
  }

  get open() {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /** Send nothing for so many milliseconds. */
  hold(milliseconds) {
    this.held = performance.now() + milliseconds;
  }

  /** What was seen is enough. */
  finish() {
    if (this.open) this.socket.send("finish");
  }

  /** Leave. Nothing more is told. */
  stop() {
    this.silent = true;
    this.socket.close();
  }

  async pump() {
    while (this.open && this.camera.on) {
      await this.camera.next();
      if (this.sent - this.taken >= AHEAD || performance.now() < this.held) continue;
      const picture = await this.camera.grab();
      if (!picture || !this.open) return;
      this.sent += 1;
      this.pictures.set(this.sent, picture);
      this.times.set(this.sent, performance.now());
      this.socket.send(picture);
    }
  }

  heard(message) {
    if (message.is === "look") {
      this.last = this.pictures.get(message.taken) ?? this.last;
      this.sentAt = this.times.get(message.taken) ?? this.sentAt;
    }
    // The service looks at the newest picture only: those up to this number are done with.
    if (message.taken) this.done(message.taken);
    message.latency = performance.now() - this.sentAt; // since the picture that it is about was sent
    if (["over", "problem", "closed", "enrolled"].includes(message.is)) this.ended = message.is;
    this.tell(message.is, message);
  }

  done(taken) {
    this.taken = taken;
    for (const number of this.pictures.keys()) {
      if (number > taken) break;
      this.pictures.delete(number);
      this.times.delete(number);
    }
  }

  async closed() {
    this.camera.stop();
    if (this.silent) return;
    // A socket does not say why it was refused; an ordinary request does.
    if (!this.ended) await get("/v1/names").catch(() => null);
    this.tell("end", { known: Boolean(this.ended) });
  }

  tell(kind, detail) {
    if (!this.silent) this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}
