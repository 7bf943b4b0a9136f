/**
 * Draws a frame around a picked part of a picture: in the accent colour, edged with the panel's
 * colour in case the picture has the accent colour too.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {{ x: number, y: number, width: number, height: number }} frame
 * @param {import("./colours.js").Theme} theme
 */
export function drawFrame(context, { x, y, width, height }, theme) {
  for (const [colour, line] of /** @type {const} */ ([
    [theme.panel, 4],
    [theme.accent, 2],
  ])) {
    context.strokeStyle = colour;
    context.lineWidth = line;
    context.strokeRect(x, y, width, height);
  }
}
