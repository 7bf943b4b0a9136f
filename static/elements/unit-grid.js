import { prepareCanvas, sizeOf } from "../draw/canvas.js";
import { valueOfCode } from "../draw/colours.js";
import { codeRange, unitLayout, unitsPainter } from "../draw/units.js";
import { formatValue } from "../format.js";
import { write } from "./run-element.js";

/**
 * @typedef {import("../models/run.js").WeightView} WeightView
 * @typedef {import("../draw/colours.js").Theme} Theme
 */

/**
 * The canvas with all units of a layer: one of them is pointed at with the mouse or the arrow
 * keys, and read out.
 */
export class UnitGrid {
  /** @type {number | null} */
  #pointed = null;
  /** @type {readonly [number, number]} */
  #shape = [0, 0];
  #draw = unitsPainter();
  /** @type {readonly unknown[]} */
  #painted = [];
  #canvas;
  #holder;
  #readout;

  /**
   * @param {{ canvas: HTMLCanvasElement, holder: HTMLElement, readout: HTMLElement }} parts
   * @param {() => void} changed called when another unit is pointed at
   * @param {AbortSignal} signal
   */
  constructor({ canvas, holder, readout }, changed, signal) {
    this.#canvas = canvas;
    this.#holder = holder;
    this.#readout = readout;
    const point = (/** @type {number | null} */ unit) => {
      if (unit === this.#pointed) return;
      this.#pointed = unit;
      changed();
    };
    const under = (/** @type {PointerEvent} */ { offsetX, offsetY }) =>
      point(this.#layout().unitAt(offsetX, offsetY));
    canvas.addEventListener("pointermove", under, { signal });
    canvas.addEventListener("pointerdown", under, { signal });
    canvas.addEventListener("pointerleave", () => point(null), { signal });
    canvas.addEventListener("focus", () => point(this.#pointed ?? 0), { signal });
    canvas.addEventListener("blur", () => point(null), { signal });
    canvas.addEventListener(
      "keydown",
      (event) => {
        const unit = this.#moved(event);
        if (unit === null) return;
        event.preventDefault();
        point(unit);
      },
      { signal },
    );
  }

  /** Draws in any case at the next paint: the canvas may have lost its picture. */
  invalidate() {
    this.#painted = [];
  }

  /**
   * @param {WeightView | null} view null: nothing has arrived
   * @param {{ shape: readonly [number, number], title: string }} what
   * @param {Theme} theme
   */
  paint(view, { shape, title }, theme) {
    if (shape[0] !== this.#shape[0] || shape[1] !== this.#shape[1]) this.#pointed = null;
    this.#shape = shape;
    this.#readOut(view, title);
    const ratio = window.devicePixelRatio || 1;
    const { width } = sizeOf(this.#holder);
    const now = [view, ...shape, theme, this.#pointed, width, ratio];
    if (now.every((value, i) => value === this.#painted[i])) return;
    this.#painted = now;
    const layout = this.#layout();
    this.#canvas.style.width = `${layout.width}px`;
    this.#canvas.style.height = `${layout.height}px`;
    this.#canvas.classList.toggle("is-empty", view === null);
    this.#canvas.setAttribute("aria-valuemax", String(shape[0] - 1));
    const prepared = prepareCanvas(this.#canvas, layout);
    if (!view || !prepared) return;
    const units = { view, layout, pointed: this.#pointed };
    this.#draw(prepared.context, units, prepared.size, theme);
  }

  #layout() {
    return unitLayout(this.#shape, sizeOf(this.#holder).width, window.devicePixelRatio || 1);
  }

  /**
   * @param {WeightView | null} view
   * @param {string} title
   */
  #readOut(view, title) {
    if (this.#pointed === null || !view) {
      write(this.#readout, "");
      return;
    }
    const { low, high } = codeRange(view, this.#pointed);
    const value = (/** @type {number} */ code) =>
      formatValue(valueOfCode(code, view.scale, view.coding));
    const text = `unit ${this.#pointed}: ${title} ${value(low)} to ${value(high)}`;
    write(this.#readout, text);
    this.#canvas.setAttribute("aria-valuenow", String(this.#pointed));
    this.#canvas.setAttribute("aria-valuetext", text);
  }

  /**
   * @param {KeyboardEvent} event
   * @returns {number | null} the unit that the key leads to
   */
  #moved({ key, ctrlKey, altKey, metaKey }) {
    if (ctrlKey || altKey || metaKey) return null;
    const now = this.#pointed ?? 0;
    const last = this.#shape[0] - 1;
    const { columns } = this.#layout();
    const targets = new Map([
      ["ArrowRight", now + 1],
      ["ArrowLeft", now - 1],
      ["ArrowDown", now + columns],
      ["ArrowUp", now - columns],
      ["Home", 0],
      ["End", last],
    ]);
    const target = targets.get(key);
    return target === undefined ? null : Math.min(Math.max(target, 0), last);
  }
}
