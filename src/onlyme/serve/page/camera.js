// Open the camera, take pictures with it, and explain in plain words why it cannot be used.

import { t } from "./i18n.js";

const MAX_SIDE_PIXELS = 640; // larger pictures make faces no clearer, and take longer
const SLOW_SIDE_PIXELS = 400; // over a slow line
const JPEG_QUALITY = 0.9;
const SLOW_JPEG_QUALITY = 0.75;
const FRAME_MS = 70; // wait for a frame in browsers that do not say when one is there
const DARK_LEVEL = 24; // of 255; below this mean brightness nobody can be seen
const SAMPLE_PIXELS = 16; // side of the small copy whose brightness is measured

/** The camera cannot be used; `title` says why and the message what to do. */
export class NoCamera extends Error {
  constructor(title, words) {
    super(words);
    this.title = title;
  }
}

/** Remember which camera to use; an empty id is the browser's choice. */
export function chooseCamera(id) {
  localStorage.setItem("camera", id);
}

/** Return the id of the camera that was chosen; empty if none was. */
export function readCameraChoice() {
  return localStorage.getItem("camera") ?? "";
}

/** Return the cameras: `{id, label}`. Labels are empty until a camera was allowed once. */
export async function listCameras() {
  const devices = await navigator.mediaDevices?.enumerateDevices?.().catch(() => []) ?? [];
  return devices.filter((device) => device.kind === "videoinput").map(({ deviceId, label }) => ({ id: deviceId, label }));
}

/** A camera that plays into a video element. */
export class Camera {
  constructor(video) {
    this.video = video;
    this.canvas = document.createElement("canvas");
    this.sample = document.createElement("canvas");
    this.sample.width = this.sample.height = SAMPLE_PIXELS;
    this.stream = null;
    this.isStopped = false;
    this.isSlow = false; // whether to take smaller pictures
  }

  /** Open the camera, and wait for its first picture. Throws NoCamera. Does nothing once stopped. */
  async start() {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new NoCamera(t("No camera over this address"),
        t("Browsers give a camera only to pages of this computer or over HTTPS. Open the page at 127.0.0.1."));
    }
    let stream;
    try {
      stream = await openStream(readCameraChoice());
    } catch (error) {
      throw explainError(error);
    }
    // Another camera may play in this element by now, so it is touched only while this one is wanted.
    if (this.isStopped) {
      closeStream(stream);
      return;
    }
    this.stream = stream;
    this.video.srcObject = stream;
    try {
      await this.video.play();
    } catch (error) {
      if (this.isStopped) return; // the play was interrupted by what replaced this camera
      this.stop();
      throw explainError(error);
    }
  }

  get isOn() {
    return Boolean(this.stream?.active);
  }

  /**
   * Call back with a NoCamera when the camera is unplugged or another program takes it, and when the
   * page is hidden: browsers then give no pictures, and nobody sees that the camera is on.
   */
  onLost(callback) {
    this.stream.getVideoTracks()[0].addEventListener("ended", () =>
      callback(new NoCamera(t("The camera is gone"), t("It was unplugged, or another program took it."))));
    this.tellHidden = () => document.hidden
      && callback(new NoCamera(t("Paused"), t("The camera was closed, since this page was hidden.")));
    document.addEventListener("visibilitychange", this.tellHidden);
  }

  /** Say that no further picture is needed: hiding the page then ends nothing. */
  release() {
    document.removeEventListener("visibilitychange", this.tellHidden);
  }

  /** Wait for the next picture: sending one twice would look like a recording. */
  waitForFrame() {
    if (!this.video.requestVideoFrameCallback) return new Promise((resolve) => setTimeout(resolve, FRAME_MS));
    return new Promise((resolve) => this.video.requestVideoFrameCallback(resolve));
  }

  /** Return the current picture as a JPEG. */
  takePicture() {
    const { videoWidth: width, videoHeight: height } = this.video;
    const scale = Math.min(1, (this.isSlow ? SLOW_SIDE_PIXELS : MAX_SIDE_PIXELS) / Math.max(width, height, 1));
    const [wide, high] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
    if (this.canvas.width !== wide || this.canvas.height !== high) Object.assign(this.canvas, { width: wide, height: high });
    this.canvas.getContext("2d", { alpha: false }).drawImage(this.video, 0, 0, wide, high);
    return new Promise((resolve) => this.canvas.toBlob(resolve, "image/jpeg", this.isSlow ? SLOW_JPEG_QUALITY : JPEG_QUALITY));
  }

  /** Say whether the picture is nearly black: no light, or a cover before the camera. */
  isDark() {
    const pen = this.sample.getContext("2d", { alpha: false, willReadFrequently: true });
    pen.drawImage(this.video, 0, 0, SAMPLE_PIXELS, SAMPLE_PIXELS);
    const { data } = pen.getImageData(0, 0, SAMPLE_PIXELS, SAMPLE_PIXELS);
    let sum = 0;
    for (let at = 0; at < data.length; at += 4) sum += Math.max(data[at], data[at + 1], data[at + 2]);
    return sum / (data.length / 4) < DARK_LEVEL;
  }

  /** Close the camera; its light goes out. The element is emptied only while it shows this camera. */
  stop() {
    this.isStopped = true;
    this.release();
    if (!this.stream) return;
    closeStream(this.stream);
    if (this.video.srcObject === this.stream) this.video.srcObject = null;
    this.stream = null;
  }
}

function openStream(id) {
  const video = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };
  const chosen = id ? { deviceId: { ideal: id } } : { facingMode: "user" };
  return navigator.mediaDevices.getUserMedia({ audio: false, video: { ...video, ...chosen } });
}

function closeStream(stream) {
  stream.getTracks().forEach((track) => track.stop());
}

function explainError(error) {
  switch (error.name) {
    case "NotAllowedError":
      return new NoCamera(t("The camera is not allowed"),
        t("Allow the camera for this page: use the camera sign beside the address, then try again."));
    case "NotFoundError":
    case "OverconstrainedError":
      return new NoCamera(t("No camera is there"), t("Plug one in, or open its cover, then try again."));
    case "NotReadableError":
    case "AbortError":
      return new NoCamera(t("The camera is in use"), t("Another program holds it. Close that one, then try again."));
    default:
      return new NoCamera(t("The camera cannot be used"), t("The browser says: {words}.", { words: error.message || error.name }));
  }
}
