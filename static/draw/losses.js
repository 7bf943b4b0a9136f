import { formatValue } from "../format.js";

/**
 * @typedef {import("./canvas.js").Size} Size
 * @typedef {import("./colours.js").Theme} Theme
 * @typedef {import("../models/loop.js").LossPicture} LossPicture
 */

/**
 * The smallest of 1, 2, 5, 10, 20, 50 … that is at least `value`, so that the axis seldom changes.
 *
 * @param {number} value
 */
export function niceCeiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= value) ?? 10;
  return Number((step * power).toPrecision(1));
}

/**
 * Draws the loss of each sample of the batch, largest first, and the mean as a dashed line.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Pick<LossPicture, "perSample" | "mean"> & { marked?: number }} picture `marked` is the
 *   bar in the accent colour
 * @param {Size} size
 * @param {Theme} theme
 */
export function drawLosses(context, { perSample, mean, marked }, size, theme) {
  const base = size.height - 1;
  const top = 16;
  const ceiling = niceCeiling(perSample[0] ?? 1);
  const height = (/** @type {number} */ value) => (value / ceiling) * (base - top);
  const { length } = perSample;
  const gap = size.width / length > 3 ? Math.round(size.ratio) / size.ratio : 0;
  // Whole device pixels: of bars that share one, the panel would shine through both.
  const edge = (/** @type {number} */ i) =>
    Math.floor((i * size.width * size.ratio) / length) / size.ratio;
  const widthOf = (/** @type {number} */ i) => edge(i + 1) - edge(i) - gap;
  const drawBar = (/** @type {number} */ i) => {
    const high = height(perSample[i] ?? 0);
    context.fillRect(edge(i), base - high, Math.max(widthOf(i), 1 / size.ratio), high);
  };

  context.fillStyle = theme.hairline;
  context.fillRect(0, base, size.width, 1);
  context.fillRect(0, top, size.width, 1);
  context.fillStyle = theme.muted;
  for (let i = 0; i < length; i++) drawBar(i);
  if (marked !== undefined) {
    context.fillStyle = theme.accent;
    drawBar(marked);
    // The bar of a small loss would be too low to see.
    const wide = Math.max(widthOf(marked), 3);
    context.fillRect(Math.min(edge(marked), size.width - wide), base - 2, wide, 3);
  }

  const line = Math.round(base - height(mean)) + 0.5;
  context.strokeStyle = theme.ink;
  context.lineWidth = 1;
  context.setLineDash([4, 3]);
  context.beginPath();
  context.moveTo(0, line);
  context.lineTo(size.width, line);
  context.stroke();
  context.setLineDash([]);

  context.font = `11px ${theme.font}`;
  context.textBaseline = "alphabetic";
  context.textAlign = "left";
  context.fillStyle = theme.muted;
  context.fillText(formatValue(ceiling), 0, top - 4);
  context.textAlign = "right";
  context.fillStyle = theme.ink;
  context.fillText("mean", size.width, line > top + 16 ? line - 4 : top - 4);
}
