import { PixelBuffer } from "./canvas.js";
import { writeValues } from "./colours.js";
import { drawFrame } from "./frame.js";
import { squaresIn, writeMatrix } from "./grid.js";

/**
 * @typedef {import("./canvas.js").Size} Size
 * @typedef {import("./colours.js").Theme} Theme
 */

/** How far from square a cell may be to make all rows full. */
const MOST_OBLONG = 2;

/**
 * Where the cells of a layer lie: one per unit, row by row, filling the box, in full rows if the
 * number of units allows it.
 *
 * @param {number} count
 * @param {{ width: number, height: number }} size
 */
export function cellsLayout(count, { width, height }) {
  let { columns } = squaresIn(count, width, height);
  let best = MOST_OBLONG;
  for (let full = 1; full <= count; full++) {
    if (count % full !== 0) continue;
    const oblong = (width / full / height) * (count / full);
    const off = Math.max(oblong, 1 / oblong);
    if (off < best) {
      best = off;
      columns = full;
    }
  }
  const rows = Math.ceil(count / columns);
  return { columns, rows, width: width / columns, height: height / rows };
}

/** Draws one cell per unit on a fixed scale, with a frame around the picked one. */
export function cellsPainter() {
  const buffer = new PixelBuffer();

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {{ values: ArrayLike<number>, scale: number, coding: "signed" | "unsigned", picked: number }} cells
   * @param {Size} size
   * @param {Theme} theme
   */
  return function drawCells(context, { values, scale, coding, picked }, size, theme) {
    const layout = cellsLayout(values.length, size);
    const pixels = buffer.resize(layout.columns, layout.rows);
    pixels.fill(0);
    writeValues(pixels, values, { scale, coding }, theme);
    context.imageSmoothingEnabled = false;
    context.drawImage(buffer.source, 0, 0, size.width, size.height);
    const x = (picked % layout.columns) * layout.width;
    const y = Math.floor(picked / layout.columns) * layout.height;
    const frame = {
      x: Math.min(Math.max(x, 1), size.width - layout.width - 1),
      y: Math.min(Math.max(y, 1), size.height - layout.height - 1),
      width: layout.width,
      height: layout.height,
    };
    drawFrame(context, frame, theme);
  };
}

const TILE_GAP = 5;
const TILE_LABEL = 11;

/** Draws a matrix (units, inputs) of codes: a tile per unit, with cells like the layer before. */
export function tilesPainter() {
  const tile = new PixelBuffer();

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {{ codes: Uint8Array, units: number, inputs: number, columns: number }} matrix `columns`:
   *   cells in a row of a tile
   * @param {Size} size
   * @param {Theme} theme
   */
  return function drawTiles(context, { codes, units, inputs, columns }, { width, height }, theme) {
    const across = units > 5 ? 2 : 1;
    const down = Math.ceil(units / across);
    const tileWidth = (width - (across - 1) * TILE_GAP) / across - TILE_LABEL;
    const tileHeight = (height - (down - 1) * TILE_GAP) / down;
    const rows = Math.ceil(inputs / columns);
    context.font = `10px ${theme.font}`;
    context.textBaseline = "middle";
    context.fillStyle = theme.muted;
    for (let unit = 0; unit < units; unit++) {
      const x = (unit % across) * (tileWidth + TILE_LABEL + TILE_GAP);
      const y = Math.floor(unit / across) * (tileHeight + TILE_GAP);
      const pixels = tile.resize(columns, rows);
      pixels.fill(0);
      writeMatrix(pixels, codes.subarray(unit * inputs, (unit + 1) * inputs), theme.signed);
      context.imageSmoothingEnabled = tileWidth < columns;
      context.drawImage(tile.source, x + TILE_LABEL, y, tileWidth, tileHeight);
      context.fillText(String(unit), x, y + tileHeight / 2);
    }
  };
}
