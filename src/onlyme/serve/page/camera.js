// Open the camera, take pictures with it, and explain in plain words why it cannot be used.

const MAX_SIDE_PIXELS = 640; // larger pictures make faces no clearer, and take longer
const JPEG_QUALITY = 0.9;
const FRAME_MS = 70; // wait for a frame in browsers that do not say when one is there

/** The camera cannot be used; `title` says why and the message what to do. */
export class NoCamera extends Error {
  constructor(title, words) {
    super(words);
    this.title = title;
  }
}

/** A camera that plays into a video element. */
export class Camera {
  constructor(video) {
    this.video = video;
    this.canvas = document.createElement("canvas");
    this.stream = null;
  }

  /** Open the camera, and wait for its first picture. Throws NoCamera. */
  async start() {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new NoCamera("No camera over this address",
        "Browsers give a camera only to pages of this computer or over HTTPS. Open the page at 127.0.0.1.");
    }
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        audio: false,
        video: { facingMode: "user", width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } },
      });
    } catch (error) {
      throw explainError(error);
    }
    this.video.srcObject = this.stream;
    await this.video.play();
    const { videoWidth: width, videoHeight: height } = this.video;
    const scale = Math.min(1, MAX_SIDE_PIXELS / Math.max(width, height));
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    this.pen = this.canvas.getContext("2d", { alpha: false });
  }

  get isOn() {
    return Boolean(this.stream?.active);
  }

  /** Call back when the camera is unplugged or another program takes it. */
  onLost(callback) {
    this.stream.getVideoTracks()[0].addEventListener("ended", callback);
  }

  /** Wait for the next picture: sending one twice would look like a recording. */
  waitForFrame() {
    if (!this.video.requestVideoFrameCallback) return new Promise((resolve) => setTimeout(resolve, FRAME_MS));
    return new Promise((resolve) => this.video.requestVideoFrameCallback(resolve));
  }

  /** Return the current picture as a JPEG. */
  takePicture() {
    this.pen.drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    return new Promise((resolve) => this.canvas.toBlob(resolve, "image/jpeg", JPEG_QUALITY));
  }

  /** Close the camera; its light goes out. */
  stop() {
    if (!this.stream) return; // another camera may play in the same element by now
    this.stream.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.srcObject = null;
  }
}

function explainError(error) {
  switch (error.name) {
    case "NotAllowedError":
      return new NoCamera("The camera is not allowed",
        "Allow the camera for this page: use the camera sign beside the address, then try again.");
    case "NotFoundError":
    case "OverconstrainedError":
      return new NoCamera("No camera is there", "Plug one in, or open its cover, then try again.");
    case "NotReadableError":
    case "AbortError":
      return new NoCamera("The camera is in use", "Another program holds it. Close that one, then try again.");
    default:
      return new NoCamera("The camera cannot be used", `The browser says: ${error.message || error.name}.`);
  }
}
