import { PixelBuffer } from "./canvas.js";
import { writeImages } from "./grid.js";

/**
 * @typedef {import("./grid.js").GridLayout} GridLayout
 * @typedef {import("./colours.js").Theme} Theme
 */

const GAP = 1;

/** The opacity of a mark that covers its whole weight, so that the colour shows through. */
const COVER_ALPHA = 0.5;

/** At most this many rows of images per run: more would push the next run out of sight. */
const MOST_ROWS = 3;

/**
 * The largest whole-number size at which a few images fill a width in rows of equal length.
 *
 * @param {number} count
 * @param {number} side pixels of one image
 * @param {number} width available device pixels
 * @returns {GridLayout}
 */
export function comparedLayout(count, side, width) {
  let best = { columns: Math.ceil(count / MOST_ROWS), rows: MOST_ROWS, scale: 1 };
  let covered = 0;
  for (let rows = 1; rows <= MOST_ROWS; rows++) {
    const columns = Math.ceil(count / rows);
    const scale = Math.floor((width + GAP) / (columns * (side + GAP)));
    if (scale < 1 || scale * scale * rows <= covered) continue;
    covered = scale * scale * rows;
    best = { columns, rows, scale };
  }
  const cell = (side + GAP) * best.scale;
  return {
    ...best,
    side,
    width: best.columns * cell - GAP * best.scale,
    height: best.rows * cell - GAP * best.scale,
  };
}

/**
 * Draws images of signed codes on one scale, with a mark in the corner of some weights and a frame
 * around one image.
 */
export function comparedPainter() {
  const buffer = new PixelBuffer();

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {{ codes: Uint8Array, marked: Uint8Array, layout: GridLayout, pointed: number | null }} images
   *   `marked`: 1 for each weight that has a mark
   * @param {import("./canvas.js").Size} size
   * @param {Theme} theme
   */
  return function drawCompared(context, { codes, marked, layout, pointed }, size, theme) {
    const { columns, rows, side, scale } = layout;
    const pixels = buffer.resize(columns * (side + GAP) - GAP, rows * (side + GAP) - GAP);
    pixels.fill(0);
    writeImages(pixels, codes, columns, side, theme.signed);
    context.imageSmoothingEnabled = false;
    context.drawImage(buffer.source, 0, 0, layout.width / size.ratio, layout.height / size.ratio);
    drawMarks(context, marked, layout, size.ratio, theme);
    if (pointed === null) return;
    const cell = ((side + GAP) * scale) / size.ratio;
    context.strokeStyle = theme.ink;
    context.lineWidth = 1.5;
    const [row, column] = [Math.floor(pointed / columns), pointed % columns];
    const image = (side * scale) / size.ratio;
    context.strokeRect(column * cell + 0.75, row * cell + 0.75, image - 1.5, image - 1.5);
  };
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Uint8Array} marked
 * @param {GridLayout} layout
 * @param {number} ratio
 * @param {Theme} theme
 */
function drawMarks(context, marked, { columns, side, scale }, ratio, theme) {
  const pixel = scale / ratio;
  const mark = Math.max(1, Math.floor(scale / 2)) / ratio;
  context.save();
  context.fillStyle = theme.ink;
  if (scale === 1) context.globalAlpha = COVER_ALPHA;
  marked.forEach((isMarked, i) => {
    if (isMarked === 0) return;
    const image = Math.floor(i / side ** 2);
    const [row, column] = [Math.floor(image / columns), image % columns];
    const x = column * (side + GAP) + (i % side);
    const y = row * (side + GAP) + (Math.floor(i / side) % side);
    context.fillRect(x * pixel, y * pixel, mark, mark);
  });
  context.restore();
}
