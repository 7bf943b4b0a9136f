import { digitsLayout, digitsPainter } from "./digits.js";

/**
 * @typedef {import("./canvas.js").Size} Size
 * @typedef {import("./colours.js").Theme} Theme
 * @typedef {import("../models/loop.js").DrawPicture} DrawPicture
 */

const TEXT = 10;

/** Draws the batch's digits, each with its label in small print in the lower right corner. */
export function labelledDigitsPainter() {
  const drawDigits = digitsPainter();

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {DrawPicture} picture
   * @param {Size} size
   * @param {Theme} theme
   */
  return function drawLabelledDigits(context, picture, size, theme) {
    drawDigits(context, picture, size, theme);
    const { columns, cell } = digitsLayout(picture.count, size);
    context.font = `600 ${TEXT}px ${theme.font}`;
    context.textAlign = "right";
    context.textBaseline = "bottom";
    context.lineWidth = 3;
    context.lineJoin = "round";
    context.strokeStyle = theme.panel;
    picture.labels.forEach((label, i) => {
      const x = (i % columns) * cell + cell - 2;
      const y = Math.floor(i / columns) * cell + cell - 1;
      context.strokeText(String(label), x, y);
      context.fillStyle = i === picture.sample ? theme.accent : theme.muted;
      context.fillText(String(label), x, y);
    });
  };
}
