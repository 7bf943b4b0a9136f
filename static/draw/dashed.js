/**
 * Draws a dashed vertical line in the present stroke style.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {readonly [number, number]} ends the y of both ends
 * @param {readonly [number, number]} dash lengths of dash and gap, in CSS pixels
 */
export function dashedVertical(context, x, [from, to], dash) {
  context.lineWidth = 1;
  context.setLineDash([...dash]);
  context.beginPath();
  context.moveTo(x, from);
  context.lineTo(x, to);
  context.stroke();
  context.setLineDash([]);
}
