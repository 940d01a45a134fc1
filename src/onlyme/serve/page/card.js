// Draw a certificate, or the score card of a game, as a picture that can be shared. No face is on it.

import { formatPercent, formatTime } from "./words.js";
import { t } from "./i18n.js";

const [WIDTH, MARGIN, LINE] = [1200, 72, 34]; // pixels
const [ROW, BAR_LEFT, BAR_RIGHT] = [62, 300, 780]; // pixels, on a score card
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

/**
 * Draw the score card of `Fool me` on a canvas, without the owner's name. For each stage the bar is the
 * share of attempts that would have opened, and the thin line its 95 % interval. The accent's colour
 * is what should be: the owner opens, and an attack does not.
 */
export function drawScoreCard(canvas, card, titles, summary) {
  const pen = canvas.getContext("2d");
  Object.assign(canvas, { width: WIDTH, height: 230 + ROW * card.stages.length + 130 });
  const style = getComputedStyle(document.documentElement);
  const use = (key, size = 24, weight = 400) => {
    pen.fillStyle = style.getPropertyValue(key).trim();
    pen.font = `${weight} ${size}px ${FONT}`;
  };
  use("--card");
  pen.fillRect(0, 0, canvas.width, canvas.height);
  use(card.fooled ? "--no" : "--accent");
  pen.fillRect(0, 0, 16, canvas.height);
  use(card.fooled ? "--no" : "--ink", 44, 700);
  pen.fillText(card.fooled ? t("The camera was fooled") : t("Nothing but the owner opened"), MARGIN, 100);
  use("--soft", 22);
  pen.fillText(`onlyme, ${formatTime(card.created)}`, MARGIN, 145);
  let y = 200;
  for (const { stage, attempts, opened, rate } of card.stages) {
    use("--ink", 24, 600);
    pen.fillText(titles[stage], MARGIN, y + 24);
    use("--line");
    pen.fillRect(BAR_LEFT, y + 2, BAR_RIGHT - BAR_LEFT, 26);
    use(attempts ? "--ink" : "--soft");
    pen.fillText(attempts ? describeRate(opened, attempts, rate) : t("not tried"), BAR_RIGHT + 24, y + 24);
    if (attempts) {
      const [at, low, high] = [rate.value, rate.low, rate.high].map((share) => BAR_LEFT + (BAR_RIGHT - BAR_LEFT) * share);
      use(opened > 0 === (stage === "live") ? "--accent" : "--no");
      pen.fillRect(BAR_LEFT, y + 2, Math.max(4, at - BAR_LEFT), 26);
      use("--soft");
      pen.fillRect(low, y + 34, Math.max(4, high - low), 4);
    }
    y += ROW;
  }
  use("--ink", 26, 600);
  pen.fillText(summary, MARGIN, y + 40);
  use("--soft", 20);
  pen.fillText(t("Bar: attempts that would have opened. Line: exact 95 % interval. Few prove little."), MARGIN, y + 84);
}

/** Say a count and its 95 % interval. */
export function describeRate(count, total, { low, high }) {
  return t("{count} of {total} ({low} to {high})", { count, total, low: low ? formatPercent(low) : "0 %", high: formatPercent(high) });
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
