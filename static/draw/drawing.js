/** @typedef {{ x: number, y: number }} Point between 0 and 1 */

/** The brush's width as a share of the pad's side. */
const BRUSH = 1 / 12;

/** Strokes shorter than this in total, as a share of the side, are not a digit yet. */
const SHORTEST = 1 / 6;

/** The side of the image that is sent, in pixels. */
const SENT_SIDE = 280;

/**
 * The drawing on the pad: strokes, or a copied digit. Strokes are kept as lines, so that they are
 * sharp at any size and in any theme.
 */
export class Drawing {
  /** @type {Point[][]} */
  #strokes = [];
  /** @type {HTMLCanvasElement | null} */
  #image = null;

  get empty() {
    return this.#strokes.length === 0 && this.#image === null;
  }

  /** Whether there is enough to read: more than a dot. */
  get readable() {
    return this.#image !== null || this.#length() >= SHORTEST;
  }

  clear() {
    this.#strokes = [];
    this.#image = null;
  }

  /** @param {Point} point */
  begin(point) {
    this.#strokes.push([point]);
  }

  /** @param {Point} point */
  extend(point) {
    this.#strokes.at(-1)?.push(point);
  }

  /**
   * Replaces the drawing with an image of ink: 0 for none, 255 for full ink.
   *
   * @param {Uint8Array} pixels
   */
  copy(pixels) {
    const side = Math.round(Math.sqrt(pixels.length));
    const canvas = document.createElement("canvas");
    canvas.width = side;
    canvas.height = side;
    const image = new ImageData(side, side);
    pixels.forEach((ink, i) => {
      image.data[4 * i + 3] = ink;
    });
    canvas.getContext("2d")?.putImageData(image, 0, 0);
    this.#strokes = [];
    this.#image = canvas;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {{ width: number, height: number }} size
   * @param {string} ink
   */
  draw(context, size, ink) {
    if (this.#image) this.#drawImage(context, this.#image, size, ink);
    context.strokeStyle = ink;
    context.lineWidth = size.width * BRUSH;
    context.lineCap = "round";
    context.lineJoin = "round";
    for (const stroke of this.#strokes) {
      context.beginPath();
      stroke.forEach(({ x, y }, i) => {
        if (i === 0) context.moveTo(x * size.width, y * size.height);
        // A dot is a line of length zero, which the round cap makes visible.
        context.lineTo(x * size.width, y * size.height);
      });
      context.stroke();
    }
  }

  /** The drawing as a PNG, black on white in every theme. @returns {Promise<Blob>} */
  toPng() {
    const canvas = document.createElement("canvas");
    canvas.width = SENT_SIDE;
    canvas.height = SENT_SIDE;
    const context = canvas.getContext("2d");
    if (!context) throw new Error("expected a 2d context for the drawing");
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, SENT_SIDE, SENT_SIDE);
    this.draw(context, { width: SENT_SIDE, height: SENT_SIDE }, "#000000");
    return new Promise((resolve, reject) => {
      canvas.toBlob((blob) => {
        if (blob) resolve(blob);
        else reject(new Error("The drawing could not be turned into an image."));
      }, "image/png");
    });
  }

  #length() {
    let length = 0;
    for (const stroke of this.#strokes) {
      stroke.forEach(({ x, y }, i) => {
        const before = stroke[i - 1];
        if (before) length += Math.hypot(x - before.x, y - before.y);
      });
    }
    return length;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {HTMLCanvasElement} image
   * @param {{ width: number, height: number }} size
   * @param {string} ink
   */
  #drawImage(context, image, { width, height }, ink) {
    // The image holds ink as opacity, and gets the theme's colour here.
    const tinted = document.createElement("canvas");
    tinted.width = image.width;
    tinted.height = image.height;
    const tint = tinted.getContext("2d");
    if (!tint) return;
    tint.drawImage(image, 0, 0);
    tint.globalCompositeOperation = "source-in";
    tint.fillStyle = ink;
    tint.fillRect(0, 0, image.width, image.height);
    context.imageSmoothingEnabled = true;
    context.drawImage(tinted, 0, 0, width, height);
  }
}
