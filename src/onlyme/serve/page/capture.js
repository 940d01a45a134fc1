// Start the camera on a stage and its stream to the service, the same way for every view.

import { Camera, NoCamera } from "./camera.js";
import { h } from "./dom.js";
import { t, translate } from "./i18n.js";
import { LiveStream } from "./live.js";
import { makeSentence } from "./words.js";

export class Capture {
  /**
   * `stage` shows the camera's picture. `makeStreamPath` returns the path of the stream; it is called
   * once the camera runs. `listeners` has functions for messages of the service by their kind, and
   * `started` (the camera runs), `failed` (with the error; the camera cannot be used) and `ended`
   * (with a sentence; the service has ended the stream).
   */
  constructor(stage, makeStreamPath, listeners) {
    this.stage = stage;
    this.makeStreamPath = makeStreamPath;
    this.listeners = listeners;
    this.camera = new Camera(stage.video);
    this.stream = null; // until the camera runs
    this.isStopped = false;
  }

  async start() {
    const { started, failed, ended, ...messages } = this.listeners;
    this.stage.showInstead(h("p", { class: "soft" }, t("Waiting for the camera…")));
    try {
      await this.camera.start();
    } catch (error) {
      if (!this.isStopped) failed(error);
      return;
    }
    if (this.isStopped) return;
    this.stage.fitToVideo();
    this.stage.clear();
    started();
    this.stream = new LiveStream(this.camera, this.makeStreamPath());
    this.camera.onLost(() => !this.isStopped && failed(new NoCamera(t("The camera is gone"), t("It was unplugged, or another program took it."))));
    for (const [kind, listener] of Object.entries(messages)) {
      this.stream.addEventListener(kind, ({ detail }) => listener(detail));
    }
    this.stream.addEventListener("over", ({ detail }) => ended(makeSentence(translate(detail.why))));
    this.stream.addEventListener("problem", ({ detail }) => ended(makeSentence(translate(detail.detail)), (detail.type ?? "").split(":").pop()));
    this.stream.addEventListener("end", ({ detail }) => !detail.explained && ended(t("The service closed the connection.")));
  }

  /** Close stream and camera; none of the listeners is called after this. */
  stop() {
    this.isStopped = true;
    this.stream?.stop();
    this.camera.stop();
  }
}
