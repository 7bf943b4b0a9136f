// A drawing context that keeps what is drawn on it, for tests of what the pictures show.

/**
 * @typedef {object} Stroke one call of the context
 * @property {string} call "fillRect"
 * @property {readonly unknown[]} args
 * @property {unknown} fill the fill style then
 * @property {readonly number[]} pixels of the image that `drawImage` was given
 */

/** @type {WeakMap<object, readonly number[]>} */
const written = new WeakMap();

class FakeCanvas {
  width = 0;
  height = 0;

  getContext() {
    return {
      putImageData: (/** @type {ImageData} */ { data }) =>
        written.set(this, [...new Uint32Array(data.buffer)]),
    };
  }
}

Object.assign(globalThis, {
  document: { createElement: () => new FakeCanvas() },
  ImageData: class {
    /**
     * @param {number} width
     * @param {number} height
     */
    constructor(width, height) {
      Object.assign(this, { width, height, data: new Uint8ClampedArray(4 * width * height) });
    }
  },
});

/** Colours by their names; in the tables each code is its own colour, by 1000s which table. */
export const THEME = /** @type {import("../../static/draw/colours.js").Theme} */ (
  /** @type {unknown} */ ({
    ...{ ink: "ink", muted: "muted", hairline: "hairline", accent: "accent", panel: "panel" },
    ...{ sequential: "sequential", font: "font" },
    signed: Uint32Array.from({ length: 256 }, (_, code) => 1000 + code),
    unsigned: Uint32Array.from({ length: 256 }, (_, code) => 2000 + code),
    pixels: Uint32Array.from({ length: 256 }, (_, code) => 3000 + code),
  })
);

/** @returns {{ context: CanvasRenderingContext2D, strokes: Stroke[] }} */
export function sheet() {
  /** @type {Stroke[]} */
  const strokes = [];
  /** @type {{ [name: string]: unknown }} */
  const styles = {};
  const context = new Proxy(styles, {
    get: (_, call) => {
      if (call === "measureText")
        return (/** @type {string} */ text) => ({ width: 6 * text.length });
      return (/** @type {unknown[]} */ ...args) => {
        const [image] = args;
        const pixels = image instanceof FakeCanvas ? (written.get(image) ?? []) : [];
        strokes.push({ call: String(call), args, fill: styles.fillStyle, pixels });
      };
    },
  });
  return {
    context: /** @type {CanvasRenderingContext2D} */ (/** @type {unknown} */ (context)),
    strokes,
  };
}

/**
 * The rectangles filled with a colour: [x, y, width, height].
 *
 * @param {readonly Stroke[]} strokes
 * @param {string} colour
 */
export function filled(strokes, colour) {
  return strokes
    .filter(({ call, fill }) => call === "fillRect" && fill === colour)
    .map(({ args }) => /** @type {[number, number, number, number]} */ (args));
}

/**
 * The words and where they stand across.
 *
 * @param {readonly Stroke[]} strokes
 */
export function words(strokes) {
  return strokes
    .filter(({ call }) => call === "fillText")
    .map(({ args: [text, x] }) => /** @type {[string, number]} */ ([text, x]));
}
