/**
 * @typedef {object} GridLayout
 * @property {number} columns
 * @property {number} rows
 * @property {number} side pixels of one image, in its own pixels
 * @property {number} scale device pixels per image pixel: a whole number, so that images stay crisp
 * @property {number} width device pixels in all
 * @property {number} height
 */

/** The smallest size of an image on the screen, in CSS pixels. */
const SMALLEST_IMAGE = 17;

/** The example network's first layer: room for it is kept, however few images there are. */
const USUAL = { count: 512, side: 28 };

/** The most height kept, in CSS pixels, if the grid is narrow with many rows. */
const MOST_KEPT = 405;

/** The gap between two images, in image pixels. */
export const GAP = 1;

/**
 * The scale of images of `side` x `side` and how many go into a row: as large as the kept height
 * allows.
 *
 * @param {number} count
 * @param {number} side
 * @param {number} width available device pixels
 * @param {number} ratio device pixels per CSS pixel
 * @returns {GridLayout}
 */
export function gridLayout(count, side, width, ratio) {
  const kept = keptHeight(width, ratio);
  let layout;
  let next = gridOf(count, side, width, smallestScale(side, ratio));
  do {
    layout = next;
    next = gridOf(count, side, width, layout.scale + 1);
  } while (next.width <= width && next.height <= kept);
  return layout;
}

/**
 * The least height of a layer's picture, in device pixels, so that what is below does not move when
 * the reader chooses another layer.
 *
 * @param {number} width available device pixels
 * @param {number} ratio device pixels per CSS pixel
 */
export function keptHeight(width, ratio) {
  const { count, side } = USUAL;
  const { height } = gridOf(count, side, width, smallestScale(side, ratio));
  return Math.min(height, MOST_KEPT * ratio);
}

/**
 * @param {number} side
 * @param {number} ratio
 */
function smallestScale(side, ratio) {
  return Math.max(1, Math.ceil((SMALLEST_IMAGE * ratio) / side));
}

/**
 * @param {number} count
 * @param {number} side
 * @param {number} width
 * @param {number} scale
 * @returns {GridLayout}
 */
function gridOf(count, side, width, scale) {
  const cell = (side + GAP) * scale;
  const columns = Math.max(1, Math.min(count, Math.floor((width + GAP * scale) / cell)));
  const rows = Math.ceil(count / columns);
  return {
    columns,
    rows,
    side,
    scale,
    width: columns * cell - GAP * scale,
    height: rows * cell - GAP * scale,
  };
}

/**
 * The image at a point; null beyond the images.
 *
 * @param {GridLayout} layout
 * @param {number} count
 * @param {number} x device pixels
 * @param {number} y
 */
export function imageAt({ columns, side, scale }, count, x, y) {
  const cell = (side + GAP) * scale;
  const column = Math.floor(x / cell);
  const index = Math.floor(y / cell) * columns + column;
  return x < 0 || y < 0 || column >= columns || index >= count ? null : index;
}

/**
 * An image's corner and size, in device pixels.
 *
 * @param {GridLayout} layout
 * @param {number} index
 */
export function cornerOf({ columns, side, scale }, index) {
  const cell = (side + GAP) * scale;
  return { x: (index % columns) * cell, y: Math.floor(index / columns) * cell, size: side * scale };
}

/**
 * Writes images of codes through a colour table into a picture `columns` images wide. The gaps
 * between images are left as they are.
 *
 * @param {Uint32Array} pixels the picture, `columns * (side + 1) − 1` wide
 * @param {Uint8Array} codes (count, side * side)
 * @param {number} columns
 * @param {number} side
 * @param {Uint32Array} table
 * @param {number} [skipped] how many places stay free before the first image
 */
export function writeImages(pixels, codes, columns, side, table, skipped = 0) {
  const area = side * side;
  const stride = columns * (side + GAP) - GAP;
  const count = Math.floor(codes.length / area);
  for (let image = 0; image < count; image++) {
    const place = skipped + image;
    const left = (place % columns) * (side + GAP);
    const top = Math.floor(place / columns) * (side + GAP);
    let from = image * area;
    for (let y = 0; y < side; y++) {
      let to = (top + y) * stride + left;
      for (let x = 0; x < side; x++) {
        pixels[to++] = /** @type {number} */ (table[/** @type {number} */ (codes[from++])]);
      }
    }
  }
}

/**
 * Writes codes one after another, as a matrix lies in memory.
 *
 * @param {Uint32Array} pixels
 * @param {Uint8Array} codes
 * @param {Uint32Array} table
 */
export function writeMatrix(pixels, codes, table) {
  for (let i = 0; i < codes.length; i++) {
    pixels[i] = /** @type {number} */ (table[/** @type {number} */ (codes[i])]);
  }
}

/**
 * The number of columns and the cell size with which `count` squares best fill a box.
 *
 * @param {number} count
 * @param {number} width
 * @param {number} height
 */
export function squaresIn(count, width, height) {
  let best = { columns: 1, cell: Math.min(width, height / count) };
  for (let columns = 2; columns <= count; columns++) {
    const cell = Math.min(width / columns, height / Math.ceil(count / columns));
    if (cell > best.cell) best = { columns, cell };
  }
  return best;
}
