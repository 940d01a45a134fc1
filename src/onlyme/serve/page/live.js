// Send the camera's pictures to the service, and dispatch its messages as events.

import { get } from "./api.js";

const MAX_PICTURES_AHEAD = 2; // sent and not yet handled: one that is looked at, one that waits
const LAST_KINDS = ["over", "problem", "closed", "enrolled", "played"]; // messages that say why a stream ends
export const SILENT_MS = 3000; // without an answer, what was shown is of the past
const SLOW_RATE = 4; // pictures a second; below, an attempt sees too few to tell a living face
const MIN_SENT = 4; // pictures after which the speed of the line can be told

/**
 * One stream. Each message of the service is dispatched as an event of its kind (`look`, `attempt`,
 * …) with the message as `detail`. `silent` says that the service does not answer pictures any more.
 * `end` comes last; its `detail.explained` says whether a message has said why.
 */
export class LiveStream extends EventTarget {
  constructor(camera, path) {
    super();
    this.camera = camera;
    this.sentCount = 0;
    this.handledCount = 0;
    this.lookCount = 0;
    this.lastPicture = null; // the newest picture that the service has looked at
    this.lastSentAt = undefined; // when it was sent
    this.pausedUntil = 0;
    this.pictures = new Map(); // by number, until they are handled
    this.times = new Map();
    this.looks = []; // when the last pictures were looked at, without pauses
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.socket = new WebSocket(`${scheme}://${location.host}${path}`);
    this.socket.addEventListener("open", () => this.sendPictures());
    this.socket.addEventListener("message", (event) => this.handleMessage(JSON.parse(event.data)));
    this.socket.addEventListener("close", () => this.handleClose());
  }

  get isOpen() {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /** Whether so few pictures reach the service that a living face cannot be told from a photo. */
  get isSlow() {
    const [first, last] = [this.looks[0], this.looks.at(-1)];
    return this.lookCount >= MIN_SENT && this.looks.length > 1 && (1000 * (this.looks.length - 1)) / (last - first) < SLOW_RATE;
  }

  /** Send nothing for a time in milliseconds. */
  pause(milliseconds) {
    this.pausedUntil = performance.now() + milliseconds;
    this.looks = [];
  }

  /** Say that the pictures are enough. */
  finish() {
    if (this.isOpen) this.socket.send("finish");
  }

  /** Close the stream without any further event. */
  stop() {
    this.isStopped = true;
    clearTimeout(this.silence);
    // Browsers warn of a socket that is closed while it connects.
    if (this.socket.readyState === WebSocket.CONNECTING) this.socket.addEventListener("open", () => this.socket.close());
    else this.socket.close();
  }

  async sendPictures() {
    while (this.isOpen && this.camera.isOn) {
      await this.camera.waitForFrame();
      if (this.sentCount - this.handledCount >= MAX_PICTURES_AHEAD || performance.now() < this.pausedUntil) continue;
      this.camera.isSlow = this.isSlow || this.camera.isSlow;
      const picture = await this.camera.takePicture();
      if (!picture || !this.isOpen) return;
      this.sentCount += 1;
      this.pictures.set(this.sentCount, picture);
      this.times.set(this.sentCount, performance.now());
      this.socket.send(picture);
      this.silence ??= setTimeout(() => this.emit("silent", {}), SILENT_MS);
    }
  }

  handleMessage(message) {
    clearTimeout(this.silence);
    this.silence = null;
    if (message.is === "look") {
      this.lastPicture = this.pictures.get(message.taken) ?? this.lastPicture;
      this.lastSentAt = this.times.get(message.taken) ?? this.lastSentAt;
      this.lookCount += 1;
      this.looks = [...this.looks, performance.now()].slice(-8);
    }
    // The service looks at the newest picture only, so all up to this number are handled.
    if (message.taken) this.dropPictures(message.taken);
    message.latency = performance.now() - this.lastSentAt; // since the picture was sent, in ms
    if (LAST_KINDS.includes(message.is)) this.isExplained = true;
    this.emit(message.is, message);
  }

  dropPictures(upTo) {
    this.handledCount = upTo;
    for (const number of this.pictures.keys()) {
      if (number > upTo) break;
      this.pictures.delete(number);
      this.times.delete(number);
    }
  }

  async handleClose() {
    clearTimeout(this.silence);
    this.camera.stop();
    if (this.isStopped) return;
    // A socket does not say why it was refused. A request does, and notices an ended session.
    if (!this.isExplained) await get("/v1/keys").catch(() => null);
    this.emit("end", { explained: Boolean(this.isExplained) });
  }

  emit(kind, detail) {
    if (!this.isStopped) this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}
