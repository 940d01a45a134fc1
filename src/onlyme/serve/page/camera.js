// The camera: ask for it, take pictures of it, and say in plain words why there is none.

const MOST = 640; // pixels of the longer side: faces gain nothing from more, and waits grow
const QUALITY = 0.9;

/** Why there is no picture, and what to do about it. */
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

  /** Ask for the camera, and wait for its first picture. Throws NoCamera. */
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
      throw refused(error);
    }
    this.video.srcObject = this.stream;
    await this.video.play();
    const { videoWidth: width, videoHeight: height } = this.video;
    const scale = Math.min(1, MOST / Math.max(width, height));
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    this.pen = this.canvas.getContext("2d", { alpha: false });
  }

  get on() {
    return Boolean(this.stream?.active);
  }

  /** Call back when the camera is unplugged or taken away. */
  onlost(callback) {
    this.stream.getVideoTracks()[0].addEventListener("ended", callback);
  }

  /** Wait for the next picture: the same one twice would look like a recording. */
  next() {
    if (!this.video.requestVideoFrameCallback) return new Promise((resolve) => setTimeout(resolve, 70));
    return new Promise((resolve) => this.video.requestVideoFrameCallback(resolve));
  }

  /** The picture of now as a JPEG. */
  grab() {
    this.pen.drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    return new Promise((resolve) => this.canvas.toBlob(resolve, "image/jpeg", QUALITY));
  }

  /** Let the camera go; its light goes out. */
  stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.srcObject = null;
  }
}

function refused(error) {
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
