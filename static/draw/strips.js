import { PixelBuffer } from "./canvas.js";
import { writeMatrix } from "./grid.js";

/**
 * @typedef {import("./canvas.js").Size} Size
 * @typedef {import("./colours.js").Theme} Theme
 */

/** The room left of a strip for its unit's number, in CSS pixels. */
export const STRIP_LABEL = 26;
const LOWEST_LABELLED = 12;

/**
 * The height of one unit's strip, with its gap, in CSS pixels.
 *
 * @param {number} units
 * @param {number} kept the height that all strips share, if there are not too many
 */
export function stripHeight(units, kept) {
  return Math.max(3, Math.min(40, Math.floor(kept / units)));
}

/** Draws a weight matrix as one strip of cells per unit, without smoothing. */
export function stripsPainter() {
  const buffer = new PixelBuffer();

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {{ codes: Uint8Array, units: number, inputs: number, table: Uint32Array }} matrix
   * @param {Size} size
   * @param {Theme} theme
   */
  return function drawStrips(context, { codes, units, inputs, table }, size, theme) {
    writeMatrix(buffer.resize(inputs, units), codes, table);
    const source = buffer.source;
    const pitch = size.height / units;
    const gap = pitch > 6 ? 3 : 0;
    context.imageSmoothingEnabled = false;
    context.font = `12px ${theme.font}`;
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillStyle = theme.muted;
    for (let unit = 0; unit < units; unit++) {
      const y = unit * pitch;
      const width = size.width - STRIP_LABEL;
      context.drawImage(source, 0, unit, inputs, 1, STRIP_LABEL, y, width, pitch - gap);
      if (pitch >= LOWEST_LABELLED) {
        context.fillText(String(unit), STRIP_LABEL - 8, y + (pitch - gap) / 2);
      }
    }
  };
}
