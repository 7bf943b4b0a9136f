import { PixelBuffer } from "./canvas.js";
import { cornerOf, GAP, gridLayout, imageAt, keptHeight, writeImages } from "./grid.js";
import { STRIP_LABEL, stripHeight, stripsPainter } from "./strips.js";

/**
 * @typedef {import("../models/run.js").WeightView} WeightView
 * @typedef {import("./colours.js").Theme} Theme
 */

/**
 * Where the units of a layer lie, in CSS pixels.
 *
 * @typedef {object} UnitLayout
 * @property {number} width
 * @property {number} height
 * @property {number} columns units side by side
 * @property {number} rows
 * @property {import("./grid.js").GridLayout | null} grid null: strips
 * @property {(x: number, y: number) => number | null} unitAt
 * @property {(unit: number) => { x: number, y: number, width: number, height: number }} frameOf
 */

/**
 * The side of the square that the inputs form; null if they form none.
 *
 * @param {number} inputs
 */
export function squareSide(inputs) {
  const side = Math.round(Math.sqrt(inputs));
  return side * side === inputs ? side : null;
}

/**
 * The layout of a layer's units: images in a grid if their inputs form a square, else strips.
 *
 * @param {readonly [number, number]} shape units, inputs
 * @param {number} width CSS pixels
 * @param {number} ratio device pixels per CSS pixel
 * @returns {UnitLayout}
 */
export function unitLayout([units, inputs], width, ratio) {
  const side = squareSide(inputs);
  if (side === null) return stripLayout(units, width, keptHeight(width * ratio, ratio) / ratio);
  const grid = gridLayout(units, side, width * ratio, ratio);
  return {
    width: grid.width / ratio,
    height: grid.height / ratio,
    columns: grid.columns,
    rows: grid.rows,
    grid,
    unitAt: (x, y) => imageAt(grid, units, x * ratio, y * ratio),
    frameOf: (unit) => {
      const { x, y, size } = cornerOf(grid, unit);
      return { x: x / ratio, y: y / ratio, width: size / ratio, height: size / ratio };
    },
  };
}

/**
 * @param {number} units
 * @param {number} width
 * @param {number} kept
 * @returns {UnitLayout}
 */
function stripLayout(units, width, kept) {
  const pitch = stripHeight(units, kept);
  return {
    width,
    height: units * pitch,
    columns: 1,
    rows: units,
    grid: null,
    unitAt: (_x, y) => (y >= 0 && y < units * pitch ? Math.floor(y / pitch) : null),
    frameOf: (unit) => ({
      x: STRIP_LABEL - 1,
      y: unit * pitch - 1,
      width: width - STRIP_LABEL,
      height: pitch - 1,
    }),
  };
}

/**
 * The rows of units between two heights, at least one.
 *
 * @param {UnitLayout} layout
 * @param {number} units in all
 * @param {{ top: number, bottom: number }} part CSS pixels
 */
export function unitsBetween({ columns, rows, height }, units, { top, bottom }) {
  const row = (/** @type {number} */ y) => (y / height) * rows;
  return {
    first: Math.min(Math.floor(row(top)), rows - 1) * columns,
    last: Math.min(Math.ceil(row(bottom)) * columns, units),
  };
}

/** Draws the units that the view holds, and a frame around the one pointed at. */
export function unitsPainter() {
  const buffer = new PixelBuffer();
  const strips = stripsPainter();
  /** @type {WeightView | null} */
  let written = null;

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {{ view: WeightView, layout: UnitLayout, pointed: number | null }} units
   * @param {import("./canvas.js").Size} size
   * @param {Theme} theme
   */
  return function drawUnits(context, { view, layout, pointed }, size, theme) {
    const table = view.coding === "signed" ? theme.signed : theme.unsigned;
    const { grid } = layout;
    if (grid) {
      const { columns, side, scale } = grid;
      const here = rowsOf(view, columns);
      const width = grid.width / scale;
      const height = here.rows * (side + GAP) - GAP;
      const pixels = buffer.resize(width, height);
      if (!areSameUnits(view, written)) pixels.fill(0); // older units may be where none are now
      written = view;
      writeImages(pixels, view.codes, columns, side, table, view.first - here.unit);
      const { y } = layout.frameOf(here.unit);
      context.imageSmoothingEnabled = false;
      context.drawImage(buffer.source, 0, y, layout.width, (height / width) * layout.width);
    } else {
      const [units, inputs] = view.shape;
      strips(context, { codes: view.codes, units, inputs, table }, size, theme);
    }
    if (pointed === null) return;
    const { x, y, width, height } = layout.frameOf(pointed);
    context.strokeStyle = theme.ink;
    context.lineWidth = 1.5;
    context.strokeRect(x - 0.25, y - 0.25, width + 0.5, height + 0.5);
  };
}

/**
 * The rows in which a view has units: the first row's first unit, and how many rows.
 *
 * @param {WeightView} view
 * @param {number} columns
 */
function rowsOf({ codes, first, shape: [, inputs] }, columns) {
  const row = Math.floor(first / columns);
  const end = Math.ceil((first + codes.length / inputs) / columns);
  return { unit: row * columns, rows: end - row };
}

/**
 * @param {WeightView} one
 * @param {WeightView | null} other
 */
function areSameUnits(one, other) {
  return one.first === other?.first && one.codes.length === other.codes.length;
}

/**
 * The lowest and the highest code of a unit that the view holds.
 *
 * @param {WeightView} view
 * @param {number} unit
 */
export function codeRange({ codes, first, shape: [, inputs] }, unit) {
  let low = 255;
  let high = 0;
  const from = (unit - first) * inputs;
  for (const code of codes.subarray(from, from + inputs)) {
    if (code < low) low = code;
    if (code > high) high = code;
  }
  return { low, high };
}
