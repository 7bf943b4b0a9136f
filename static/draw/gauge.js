/**
 * @typedef {import("./canvas.js").Size} Size
 * @typedef {import("./colours.js").Theme} Theme
 */

const INSET = 6;
const BAR = 6;

/**
 * Draws where a figure lies on its axis: the usual range shaded, the value as a mark.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {{ axis: import("../models/health.js").Axis, at: number | null }} gauge `at` is between 0 and
 *   1, or null if there is no value
 * @param {Size} size
 * @param {Theme} theme
 */
export function drawGauge(context, { axis, at }, { width, height }, theme) {
  const across = width - 2 * INSET;
  const x = (/** @type {number} */ share) => INSET + share * across;
  const top = 5;
  context.fillStyle = theme.hairline;
  context.fillRect(INSET, top + BAR / 2 - 0.5, across, 1);
  const [low, high] = axis.usual;
  context.fillRect(x(low), top, x(high) - x(low), BAR);
  context.font = `10px ${theme.font}`;
  context.textBaseline = "alphabetic";
  context.fillStyle = theme.muted;
  for (const [share, text] of axis.ticks) {
    context.textAlign = share < 0.05 ? "left" : share > 0.95 ? "right" : "center";
    const edge = share < 0.05 ? -INSET : share > 0.95 ? INSET : 0;
    context.fillRect(Math.round(x(share)) - 0.5, top + BAR + 1, 1, 3);
    context.fillText(text, x(share) + edge, height - 1);
  }
  if (at === null) return;
  context.fillStyle = theme.ink;
  context.beginPath();
  context.roundRect(x(at) - 2, top - 4, 4, BAR + 8, 2);
  context.fill();
}
