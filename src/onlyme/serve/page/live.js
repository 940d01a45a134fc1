// Send the camera's pictures to the service, and dispatch its messages as events.

import { get } from "./api.js";

const MAX_PICTURES_AHEAD = 2; // sent and not yet handled: one that is looked at, one that waits
const LAST_KINDS = ["over", "problem", "closed", "enrolled"]; // messages that say why a stream ends

/**
 * One stream. Each message of the service is dispatched as an event of its kind (`look`, `attempt`,
 * …) with the message as `detail`. `end` comes last; its `detail.explained` says whether a message
 * has said why.
 */
export class LiveStream extends EventTarget {
  constructor(camera, path) {
    super();
    this.camera = camera;
    this.sentCount = 0;
    this.handledCount = 0;
    this.lastPicture = null; // the newest picture that the service has looked at
    this.lastSentAt = undefined; // when it was sent
    this.pausedUntil = 0;
    this.pictures = new Map(); // by number, until they are handled
    this.times = new Map();
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.socket = new WebSocket(`${scheme}://${location.host}${path}`);
    this.socket.addEventListener("open", () => this.sendPictures());
    this.socket.addEventListener("message", (event) => this.handleMessage(JSON.parse(event.data)));
    this.socket.addEventListener("close", () => this.handleClose());
  }

  get isOpen() {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /** Send nothing for a time in milliseconds. */
  pause(milliseconds) {
    this.pausedUntil = performance.now() + milliseconds;
  }

  /** Say that the pictures are enough. */
  finish() {
    if (this.isOpen) this.socket.send("finish");
  }

  /** Close the stream without any further event. */
  stop() {
    this.isStopped = true;
    this.socket.close();
  }

  async sendPictures() {
    while (this.isOpen && this.camera.isOn) {
      await this.camera.waitForFrame();
      if (this.sentCount - this.handledCount >= MAX_PICTURES_AHEAD || performance.now() < this.pausedUntil) continue;
      const picture = await this.camera.takePicture();
      if (!picture || !this.isOpen) return;
      this.sentCount += 1;
      this.pictures.set(this.sentCount, picture);
      this.times.set(this.sentCount, performance.now());
      this.socket.send(picture);
    }
  }

  handleMessage(message) {
    if (message.is === "look") {
      this.lastPicture = this.pictures.get(message.taken) ?? this.lastPicture;
      this.lastSentAt = this.times.get(message.taken) ?? this.lastSentAt;
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
    this.camera.stop();
    if (this.isStopped) return;
    // A socket does not say why it was refused. A request does, and notices an ended session.
    if (!this.isExplained) await get("/v1/names?where=vault").catch(() => null);
    this.emit("end", { explained: Boolean(this.isExplained) });
  }

  emit(kind, detail) {
    if (!this.isStopped) this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}
