import { PixelBuffer } from "./canvas.js";
import { writeValues } from "./colours.js";
import { drawFrame } from "./frame.js";
import { writeMatrix } from "./grid.js";

/**
 * @typedef {import("./canvas.js").Size} Size
 * @typedef {import("./colours.js").Theme} Theme
 */

/** Draws one value for each pixel of an image on a fixed scale, and a frame around one. */
export function fieldPainter() {
  const buffer = new PixelBuffer();

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {{ values: ArrayLike<number>, scale: number, picked: number | null,
   *   coding?: "signed" | "unsigned" }} field `coding` is "signed" by default
   * @param {Pick<Size, "width" | "height">} size
   * @param {Theme} theme
   */
  return function drawField(context, field, { width, height }, theme) {
    const { values, scale, picked, coding = "signed" } = field;
    const side = Math.round(Math.sqrt(values.length));
    writeValues(buffer.resize(side, side), values, { scale, coding }, theme);
    context.imageSmoothingEnabled = false;
    context.drawImage(buffer.source, 0, 0, width, height);
    if (picked === null) return;
    const cell = width / side;
    const [row, column] = [Math.floor(picked / side), picked % side];
    const [x, y] = [column * cell - 1, row * cell - 1];
    drawFrame(context, { x, y, width: cell + 2, height: cell + 2 }, theme);
  };
}

/** Draws one digit, ink on panel, over a whole canvas of the same number of pixels. */
export function digitPainter() {
  const buffer = new PixelBuffer();

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Uint8Array} pixels 0..255
   * @param {Theme} theme
   */
  return function drawDigit(context, pixels, theme) {
    const side = Math.round(Math.sqrt(pixels.length));
    writeMatrix(buffer.resize(side, side), pixels, theme.pixels);
    context.drawImage(buffer.source, 0, 0);
  };
}
