/** @typedef {{ width: number, height: number, ratio: number }} Size CSS pixels, device pixels per CSS pixel */

/**
 * The sizes of elements, kept up to date by a ResizeObserver: asking an element in every frame
 * would lay out the page each time.
 */
/** @type {WeakMap<Element, { width: number, height: number }>} */
const sizes = new WeakMap();

const observer =
  typeof ResizeObserver === "undefined"
    ? null
    : new ResizeObserver((entries) => {
        for (const { target, contentRect } of entries) sizes.set(target, contentRect);
      });

/**
 * @param {Element} element
 * @returns {{ width: number, height: number }} the size of its content, in CSS pixels
 */
export function sizeOf(element) {
  const known = sizes.get(element);
  if (known) return known;
  observer?.observe(element);
  const measured = { width: element.clientWidth, height: element.clientHeight };
  sizes.set(element, measured);
  return measured;
}

/**
 * Gives a canvas as many device pixels as it covers on the screen, clears it, and returns a context
 * that counts in CSS pixels.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {{ width: number, height: number }} [size] CSS pixels, if the caller has set them
 * @returns {{ context: CanvasRenderingContext2D, size: Size } | null} null while it has no size
 */
export function prepareCanvas(canvas, { width, height } = sizeOf(canvas)) {
  const context = canvas.getContext("2d");
  if (!context || width === 0 || height === 0) return null;
  const ratio = window.devicePixelRatio || 1;
  const deviceWidth = Math.round(width * ratio);
  const deviceHeight = Math.round(height * ratio);
  if (canvas.width !== deviceWidth || canvas.height !== deviceHeight) {
    canvas.width = deviceWidth;
    canvas.height = deviceHeight;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, size: { width, height, ratio } };
}

/** An image that is written pixel by pixel and drawn at any size. Its memory is reused. */
export class PixelBuffer {
  /** @type {HTMLCanvasElement | null} */
  #canvas = null;
  /** @type {ImageData | null} */
  #image = null;
  #pixels = new Uint32Array();

  /**
   * @param {number} width
   * @param {number} height
   * @returns {Uint32Array} the pixels to write, row by row
   */
  resize(width, height) {
    if (!this.#canvas || this.#image?.width !== width || this.#image?.height !== height) {
      this.#canvas = document.createElement("canvas");
      this.#canvas.width = width;
      this.#canvas.height = height;
      this.#image = new ImageData(width, height);
      this.#pixels = new Uint32Array(this.#image.data.buffer);
    }
    return this.#pixels;
  }

  /** The written pixels as something that `drawImage` takes. */
  get source() {
    if (!this.#canvas || !this.#image) throw new Error("expected resize() before source");
    this.#canvas.getContext("2d")?.putImageData(this.#image, 0, 0);
    return this.#canvas;
  }
}
