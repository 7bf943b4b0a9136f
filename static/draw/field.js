import { PixelBuffer } from "./canvas.js";
import { signedCode, unsignedCode } from "./colours.js";
import { drawFrame } from "./frame.js";
import { writeMatrix } from "./grid.js";

/**
 * @typedef {import("./canvas.js").Size} Size
 * @typedef {import("./colours.js").Theme} Theme
 */

/** Draws one value for each pixel of an image on a fixed scale, and a frame around one. */
export function fieldPainter() {
  const buffer = new PixelBuffer();
  let codes = new Uint8Array();

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {{ values: ArrayLike<number>, scale: number, picked: number | null,
   *   coding?: "signed" | "unsigned" }} field signed where nothing is said
   * @param {Pick<Size, "width" | "height">} size
   * @param {Theme} theme
   */
  return function drawField(context, { values, scale, picked, coding }, { width, height }, theme) {
    const codeOf = coding === "unsigned" ? unsignedCode : signedCode;
    const table = coding === "unsigned" ? theme.unsigned : theme.signed;
    const side = Math.round(Math.sqrt(values.length));
    if (codes.length !== values.length) codes = new Uint8Array(values.length);
    for (let i = 0; i < values.length; i++) codes[i] = codeOf(values[i] ?? 0, scale);
    writeMatrix(buffer.resize(side, side), codes, table);
    context.imageSmoothingEnabled = false;
    context.drawImage(buffer.source, 0, 0, width, height);
    if (picked === null) return;
    const cell = width / side;
    const [row, column] = [Math.floor(picked / side), picked % side];
    const [x, y] = [column * cell - 1, row * cell - 1];
    drawFrame(context, { x, y, width: cell + 2, height: cell + 2 }, theme);
  };
}

/** Draws one digit, ink on panel, over the whole of a canvas of as many pixels. */
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
