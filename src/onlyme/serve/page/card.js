// Draw a certificate as a picture that can be shared. No face is on it.

import { formatTime } from "./words.js";
import { t } from "./i18n.js";

const [WIDTH, MARGIN, LINE] = [1200, 72, 34]; // pixels
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif";

/** Return the picture as a PNG. `promise` is the sentence for people; `sentences` what it rests on. */
export function drawCard(name, promise, sentences) {
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  const width = WIDTH - 2 * MARGIN;
  pen.font = `600 34px ${FONT}`;
  const large = wrap(pen, promise, width);
  pen.font = `400 22px ${FONT}`;
  const small = sentences.flatMap((sentence) => [...wrap(pen, sentence, width), ""]);
  canvas.width = WIDTH;
  canvas.height = 2 * MARGIN + 130 + 46 * large.length + LINE * small.length + 40;
  const style = getComputedStyle(document.documentElement);
  const read = (key) => style.getPropertyValue(key).trim();
  pen.fillStyle = read("--card");
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = read("--accent");
  pen.fillRect(0, 0, 16, canvas.height);
  const write = (words, font, colour, y) => {
    pen.font = font;
    pen.fillStyle = read(colour);
    pen.fillText(words, MARGIN, y);
  };
  let y = MARGIN + 20;
  write(t("onlyme certificate"), `600 24px ${FONT}`, "--accent", y);
  write(name, `700 54px ${FONT}`, "--ink", (y += 70));
  y += 60;
  for (const line of large) {
    write(line, `600 34px ${FONT}`, "--ink", y);
    y += 46;
  }
  y += 10;
  for (const line of small) {
    write(line, `400 22px ${FONT}`, "--soft", y);
    y += line ? LINE : LINE / 2;
  }
  write(formatTime(new Date().toISOString()), `400 20px ${FONT}`, "--soft", canvas.height - 36);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

/** Break words into lines of at most this width in pixels. */
function wrap(pen, words, width) {
  const lines = [""];
  for (const word of words.split(" ")) {
    const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word;
    if (pen.measureText(longer).width <= width || !lines.at(-1)) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
