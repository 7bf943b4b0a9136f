import { PixelBuffer } from "./canvas.js";
import { writeValues } from "./colours.js";
import { squaresIn, writeMatrix } from "./grid.js";

/**
 * @typedef {import("./canvas.js").Size} Size
 * @typedef {import("./colours.js").Theme} Theme
 * @typedef {import("../models/loop.js").ForwardPicture} ForwardPicture
 */

/**
 * The activation that gets full colour, from the function's range: fixed, not fitted to the data.
 */
/** @type {{ [activation: string]: number }} */
const ACTIVATION_SCALE = { relu: 4, linear: 4, tanh: 1, sigmoid: 1, softmax: 1 };

const LABEL_HEIGHT = 14;

/**
 * The scale for the outputs of an activation function.
 *
 * @param {string} activation
 * @returns {{ scale: number, coding: "signed" | "unsigned" }}
 */
export function activationScale(activation) {
  const signed = activation === "tanh" || activation === "linear";
  return { scale: ACTIVATION_SCALE[activation] ?? 1, coding: signed ? "signed" : "unsigned" };
}

/**
 * Draws the followed digit, the activations of the hidden layer as cells, and the ten
 * probabilities as bars. The true digit stands on a filled label; a wrong guess is hatched.
 */
export function forwardPainter() {
  const digit = new PixelBuffer();
  const cells = new PixelBuffer();

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {ForwardPicture & { activation: string }} picture `activation` is the hidden layer's
   * @param {Size} size
   * @param {Theme} theme
   */
  return function drawForward(context, picture, size, theme) {
    const hidden = picture.activations.length > 1 ? picture.activations[0] : undefined;
    const output = picture.activations.at(-1) ?? new Float32Array();
    const top = Math.round(size.height * 0.45);
    const digitSide = drawDigit(context, digit, picture.pixels, top, theme);
    if (hidden) {
      const box = { x: digitSide + 8, width: size.width - digitSide - 8, height: top };
      drawCells(context, cells, hidden, picture.activation, box, theme);
    }
    drawBars(context, output, picture.label, { ...size, top: top + 8 }, theme);
  };
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {PixelBuffer} buffer
 * @param {Uint8Array} pixels
 * @param {number} height
 * @param {Theme} theme
 */
function drawDigit(context, buffer, pixels, height, theme) {
  const side = Math.round(Math.sqrt(pixels.length));
  if (side * side !== pixels.length) return -8;
  const shown = Math.min(height, side * Math.max(1, Math.floor(height / side)));
  writeMatrix(buffer.resize(side, side), pixels, theme.pixels);
  context.imageSmoothingEnabled = shown % side !== 0;
  context.drawImage(buffer.source, 1, 1, shown, shown);
  context.strokeStyle = theme.accent;
  context.lineWidth = 1;
  context.strokeRect(0.5, 0.5, shown + 1, shown + 1);
  return shown + 2;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {PixelBuffer} buffer
 * @param {Float32Array} values
 * @param {string} activation
 * @param {{ x: number, width: number, height: number }} box
 * @param {Theme} theme
 */
function drawCells(context, buffer, values, activation, box, theme) {
  const { columns } = squaresIn(values.length, box.width, box.height);
  const rows = Math.ceil(values.length / columns);
  const pixels = buffer.resize(columns, rows);
  pixels.fill(0);
  writeValues(pixels, values, activationScale(activation), theme);
  context.imageSmoothingEnabled = false;
  context.drawImage(buffer.source, box.x, 0, box.width, box.height);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Float32Array} probabilities
 * @param {number} label
 * @param {{ width: number, height: number, top: number }} box
 * @param {Theme} theme
 */
function drawBars(context, probabilities, label, { width, height, top }, theme) {
  const base = height - LABEL_HEIGHT;
  const slot = width / probabilities.length;
  const bar = Math.max(2, Math.min(slot - 4, 22));
  const guess = probabilities.indexOf(Math.max(...probabilities));
  context.fillStyle = theme.hairline;
  context.fillRect(0, base, width, 1);
  context.font = `11px ${theme.font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  probabilities.forEach((probability, i) => {
    const x = i * slot + (slot - bar) / 2;
    const share = Math.min(probability, 1); // an output that is no probability may be larger
    const length = Math.max(share * (base - top), share > 0.001 ? 1 : 0);
    context.fillStyle = theme.sequential;
    context.fillRect(x, base - length, bar, length);
    if (i === guess && guess !== label) hatch(context, x, base - length, bar, length, theme);
    if (i === label) {
      context.fillStyle = theme.ink;
      context.fillRect(i * slot + slot / 2 - 6, base + 2, 12, LABEL_HEIGHT - 2);
    }
    context.fillStyle = i === label ? theme.panel : theme.muted;
    context.fillText(String(i), i * slot + slot / 2, base + LABEL_HEIGHT / 2 + 1.5);
  });
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} width
 * @param {number} height
 * @param {Theme} theme
 */
function hatch(context, x, y, width, height, theme) {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = theme.panel;
  context.lineWidth = 1.5;
  context.beginPath();
  for (let offset = -height; offset < width; offset += 5) {
    context.moveTo(x + offset, y + height);
    context.lineTo(x + offset + height, y);
  }
  context.stroke();
  context.restore();
}
