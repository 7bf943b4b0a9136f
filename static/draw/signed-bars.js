import { formatValue } from "../format.js";

/**
 * @typedef {import("./canvas.js").Size} Size
 * @typedef {import("./colours.js").Theme} Theme
 */

const LABEL = 16;
const NUMBER = 48;

/**
 * Draws values as bars from a common zero, one below the other: positive to the right, negative to
 * the left, in the colours of the signed scale's ends.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {{ values: ArrayLike<number>, scale: number }} bars `scale` fills half of the width
 * @param {Size} size
 * @param {Theme} theme
 */
export function drawSignedBars(context, { values, scale }, { width, height }, theme) {
  const pitch = height / values.length;
  const half = (width - LABEL - NUMBER) / 2;
  const zero = LABEL + half;
  context.font = `11px ${theme.font}`;
  context.textBaseline = "middle";
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    const middle = (i + 0.5) * pitch;
    const length = Math.min(Math.abs(value) / scale, 1) * half;
    context.fillStyle = value < 0 ? theme.negative : theme.positive;
    context.fillRect(value < 0 ? zero - length : zero, middle - pitch / 4, length, pitch / 2);
    context.fillStyle = theme.muted;
    context.textAlign = "left";
    context.fillText(String(i), 0, middle);
    context.fillStyle = theme.ink;
    context.textAlign = "right";
    context.fillText(formatValue(value, 3), width, middle);
  }
  context.fillStyle = theme.muted;
  context.fillRect(Math.round(zero) - 0.5, 0, 1, height);
}
