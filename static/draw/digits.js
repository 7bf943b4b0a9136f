import { PixelBuffer } from "./canvas.js";
import { squaresIn, writeImages } from "./grid.js";

/**
 * @typedef {import("./canvas.js").Size} Size
 * @typedef {import("./colours.js").Theme} Theme
 * @typedef {import("../models/loop.js").DrawPicture} DrawPicture
 */

/**
 * Where the digits of a batch lie: `columns` squares of `cell` CSS pixels in a row.
 *
 * @param {number} count
 * @param {{ width: number, height: number }} size
 */
export function digitsLayout(count, { width, height }) {
  return squaresIn(count, width, height);
}

/** Draws the batch's digits, with a frame in the accent colour around the followed one. */
export function digitsPainter() {
  const buffer = new PixelBuffer();

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {DrawPicture} picture
   * @param {Size} size
   * @param {Theme} theme
   */
  return function drawDigits(context, { pixels, count, sample }, size, theme) {
    const side = Math.round(Math.sqrt(pixels.length / count));
    const { columns, cell } = digitsLayout(count, size);
    const rows = Math.ceil(count / columns);
    const width = columns * (side + 1) - 1;
    const height = rows * (side + 1) - 1;
    const image = buffer.resize(width, height);
    image.fill(0);
    writeImages(image, pixels, columns, side, theme.pixels);
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(buffer.source, 0, 0, columns * cell, rows * cell);
    const x = (sample % columns) * cell;
    const y = Math.floor(sample / columns) * cell;
    context.strokeStyle = theme.accent;
    context.lineWidth = 2;
    context.strokeRect(x, y, cell, cell);
  };
}
