import { PixelBuffer } from "./canvas.js";
import { squaresIn, writeImages, writeMatrix } from "./grid.js";

/**
 * @typedef {import("./canvas.js").Size} Size
 * @typedef {import("./colours.js").Theme} Theme
 * @typedef {import("../models/loop.js").BackwardPicture} BackwardPicture
 */

/** The images' share of the height; the last layer's gradient gets the rest. */
const IMAGES_SHARE = 0.7;
const GAP = 7;

/** Draws ∂loss/∂W: of some first-layer units as images, of the last layer as a matrix. */
export function gradientsPainter() {
  const images = new PixelBuffer();
  const output = new PixelBuffer();

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {BackwardPicture} picture
   * @param {Size} size
   * @param {Theme} theme
   */
  return function drawGradients(context, picture, size, theme) {
    const bottom = drawImages(context, images, picture, size, theme);
    const [units, inputs] = picture.outputShape;
    writeMatrix(output.resize(inputs, units), picture.output, theme.signed);
    context.imageSmoothingEnabled = inputs > size.width * size.ratio;
    context.imageSmoothingQuality = "high";
    const y = bottom + GAP;
    context.drawImage(output.source, 0, y, size.width, size.height - y);
  };
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {PixelBuffer} buffer
 * @param {BackwardPicture} picture
 * @param {Size} size
 * @param {Theme} theme
 * @returns {number} where the images end
 */
function drawImages(context, buffer, { images, units }, size, theme) {
  const count = units.length;
  const side = Math.round(Math.sqrt(images.length / count));
  if (side * side * count !== images.length) return -GAP;
  const { columns } = squaresIn(count, size.width, size.height * IMAGES_SHARE);
  const rows = Math.ceil(count / columns);
  const width = columns * (side + 1) - 1;
  const height = rows * (side + 1) - 1;
  const pixels = buffer.resize(width, height);
  pixels.fill(0);
  writeImages(pixels, images, columns, side, theme.signed);
  const room = Math.min(size.width / width, (size.height * IMAGES_SHARE) / height) * size.ratio;
  // Whole device pixels make the images crisp, if that costs little room.
  const scale = room >= 1 ? Math.floor(room) : room;
  const shown = scale < room * 0.8 ? room / size.ratio : scale / size.ratio;
  context.imageSmoothingEnabled = shown * size.ratio < 1;
  context.imageSmoothingQuality = "high";
  context.drawImage(buffer.source, 0, 0, width * shown, height * shown);
  return height * shown;
}
