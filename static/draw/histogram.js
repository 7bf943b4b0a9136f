import { dashedVertical } from "./dashed.js";

/**
 * @typedef {import("./canvas.js").Size} Size
 * @typedef {import("./colours.js").Theme} Theme
 * @typedef {import("../models/loop.js").UpdatePicture} UpdatePicture
 */

/** The powers of ten at the ends of the histogram. */
const FIRST_POWER = -6;
const LAST_POWER = 0;

const TICKS = /** @type {const} */ ([
  [-6, "10⁻⁶"],
  [-4, "10⁻⁴"],
  [-2, "10⁻²"],
  [0, "1"],
]);

/**
 * Draws a histogram of how far weights moved, as a share of each, on a logarithmic axis with the
 * median.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {UpdatePicture} picture
 * @param {Size} size
 * @param {Theme} theme
 */
export function drawHistogram(context, { histogram, median }, size, theme) {
  const base = size.height - 16;
  const top = 14;
  const most = histogram.reduce((max, count) => Math.max(max, count), 1);
  const slot = size.width / histogram.length;
  const bar = slot > 3 ? slot - 1 : slot;
  const across = (/** @type {number} */ power) =>
    ((power - FIRST_POWER) / (LAST_POWER - FIRST_POWER)) * size.width;

  context.fillStyle = theme.muted;
  histogram.forEach((count, i) => {
    const height = (count / most) * (base - top);
    context.fillRect(i * slot, base - height, bar, height);
  });
  context.fillStyle = theme.hairline;
  context.fillRect(0, base, size.width, 1);

  context.font = `11px ${theme.font}`;
  context.textBaseline = "alphabetic";
  context.fillStyle = theme.muted;
  for (const [power, text] of TICKS) {
    context.textAlign = power === FIRST_POWER ? "left" : power === LAST_POWER ? "right" : "center";
    context.fillText(text, across(power), size.height - 3);
  }

  if (!(median > 0)) return;
  const power = Math.min(Math.max(Math.log10(median), FIRST_POWER), LAST_POWER);
  const x = Math.round(across(power)) + 0.5;
  context.strokeStyle = theme.ink;
  dashedVertical(context, x, [top, base], [4, 3]);
  context.fillStyle = theme.ink;
  context.textAlign = power < -3 ? "left" : "right";
  context.fillText("median", x, top - 4);
}
