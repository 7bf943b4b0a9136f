/**
 * @typedef {import("./canvas.js").Size} Size
 * @typedef {import("./colours.js").Theme} Theme
 */

const INSET = 2;

/**
 * Draws a small curve of a run's loss, from zero to its own highest: it shows shape, not size.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {{ curve: readonly (readonly [number, number])[] }} line batch, mean loss
 * @param {Pick<Size, "width" | "height">} size
 * @param {Pick<Theme, "ink" | "hairline">} theme
 */
export function drawSparkline(context, { curve }, { width, height }, theme) {
  context.strokeStyle = theme.hairline;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(0, height - INSET + 0.5);
  context.lineTo(width, height - INSET + 0.5);
  context.stroke();
  const last = curve.at(-1)?.[0] ?? 0;
  const most = Math.max(...curve.map(([, loss]) => loss));
  if (curve.length === 0 || last === 0 || !(most > 0)) return;
  const x = (/** @type {number} */ batch) => INSET + (batch / last) * (width - 2 * INSET);
  const y = (/** @type {number} */ loss) =>
    height - INSET - (loss / most) * (height - 2 * INSET - 1);
  context.strokeStyle = theme.ink;
  context.lineWidth = 1.25;
  context.lineJoin = "round";
  context.beginPath();
  curve.forEach(([batch, loss], i) => {
    if (i === 0) context.moveTo(x(batch), y(loss));
    else context.lineTo(x(batch), y(loss));
  });
  context.stroke();
  if (curve.length > 1) return;
  // A single point makes no line.
  context.fillStyle = theme.ink;
  context.fillRect(x(last) - 1, y(most) - 1, 2, 2);
}
