// Start the camera on a stage and its stream to the service, the same way for every view.

import { Camera } from "./camera.js";
import { h } from "./dom.js";
import { t, translate } from "./i18n.js";
import { LiveStream } from "./live.js";
import { makeSentence } from "./words.js";

export class Capture {
  /**
   * `stage` shows the camera's picture. `makeStreamPath` returns the path of the stream; it is called
   * once the camera runs. `listeners` has functions for messages of the service by their kind, and
   * `started` (the camera runs), `failed` (with the error; the camera cannot be used), `silent` (the
   * service does not answer; the stage is cleared of what it said before) and `ended` (with a sentence;
   * the service has ended the stream).
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
    const { started, failed, ended, silent, ...messages } = this.listeners;
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
    this.camera.onLost((error) => !this.isStopped && failed(error));
    this.stream.addEventListener("silent", () => {
      silent?.();
      this.stage.clearReadings();
      this.stage.showNote(t("Waiting for the service…"));
    });
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
