import { prepareCanvas } from "../draw/canvas.js";
import { areSame } from "./run-element.js";

/**
 * A canvas that is redrawn only when its data or theme has changed.
 *
 * @template {object} Data
 */
export class Picture {
  #canvas;
  #draw;
  /** @type {readonly unknown[] | null} */
  #painted = null;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(context: CanvasRenderingContext2D, data: Data,
   *   size: import("../draw/canvas.js").Size, theme: import("../draw/colours.js").Theme) => void} draw
   */
  constructor(canvas, draw) {
    this.#canvas = canvas;
    this.#draw = draw;
  }

  get canvas() {
    return this.#canvas;
  }

  /** Makes the next paint draw in any case: the canvas may have lost its picture. */
  invalidate() {
    this.#painted = null;
  }

  /**
   * @param {Data} data
   * @param {import("../draw/colours.js").Theme} theme
   */
  paint(data, theme) {
    const now = [...Object.values(data), theme];
    const before = this.#painted;
    if (before && areSame(now, before)) return;
    const prepared = prepareCanvas(this.#canvas);
    if (!prepared) return;
    this.#painted = now;
    this.#draw(prepared.context, data, prepared.size, theme);
  }
}
