import { prepareCanvas, sizeOf } from "../draw/canvas.js";
import { textOfCode, valueOfCode } from "../draw/colours.js";
import { keptHeight } from "../draw/grid.js";
import { codeRange, unitLayout, unitsBetween, unitsPainter } from "../draw/units.js";
import { textOf } from "../models/captions.js";
import { hasUnits } from "../models/weight-parts.js";
import { movedBy } from "./arrow-keys.js";
import { FigureText } from "./figure-text.js";
import { areSame, writeAttribute } from "./run-element.js";

/**
 * @typedef {import("../models/run.js").WeightView} WeightView
 * @typedef {import("../draw/colours.js").Theme} Theme
 */

/**
 * @typedef {object} What what the grid shows
 * @property {readonly [number, number]} shape units, inputs
 * @property {string} title
 * @property {{ words: string, isOlder: boolean } | null} other where the values come from,
 *   if not from the present batch
 * @property {(shown: { unit: number, end: "min" | "max", value: number }) =>
 *   import("./explain.js").Explanation} explain explains a number that is read out
 */

/**
 * The canvas with all units of a layer. The mouse or the arrow keys point at one, whose numbers are
 * read out.
 */
export class UnitGrid {
  /** @type {number | null} */
  #pointed = null;
  /** The unit read out: the last one pointed at. */
  /** @type {number | null} */
  #read = null;
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
   * @param {{ changed: () => void, open: (unit: number) => void }} calls `changed` when
   *   another unit is pointed at, `open` to look inside one
   * @param {AbortSignal} signal
   */
  constructor({ canvas, holder, readout }, { changed, open }, signal) {
    this.#canvas = canvas;
    this.#holder = holder;
    this.#readout = new FigureText(readout);
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
    canvas.addEventListener("focus", () => point(this.#pointed ?? this.#read ?? 0), { signal });
    canvas.addEventListener("blur", () => point(null), { signal });
    canvas.addEventListener(
      "click",
      ({ offsetX, offsetY }) => {
        const unit = this.#layout().unitAt(offsetX, offsetY);
        if (unit !== null) open(unit);
      },
      { signal },
    );
    canvas.addEventListener(
      "keydown",
      (event) => {
        if (event.key === "Enter" && !event.repeat) {
          event.preventDefault();
          open(this.#pointed ?? 0);
          return;
        }
        const [count] = this.#shape;
        const { columns } = this.#layout();
        const unit = movedBy(event, { now: this.#pointed ?? 0, count, columns });
        if (unit === null) return;
        event.preventDefault();
        point(unit);
      },
      { signal },
    );
  }

  /** Makes the next paint draw in any case: the canvas may have lost its picture. */
  invalidate() {
    this.#painted = [];
  }

  /**
   * @param {WeightView | null} view null if nothing has arrived
   * @param {What} what
   * @param {Theme} theme
   */
  paint(view, what, theme) {
    const { shape } = what;
    if (shape[0] !== this.#shape[0] || shape[1] !== this.#shape[1]) {
      this.#pointed = null;
      this.#read = null;
    }
    this.#shape = shape;
    this.#readOut(view, what);
    this.#canvas.classList.toggle("is-past", what.other?.isOlder ?? false);
    const ratio = window.devicePixelRatio || 1;
    const { width } = sizeOf(this.#holder);
    const now = [view, ...shape, theme, this.#pointed, width, ratio];
    if (areSame(now, this.#painted)) return;
    this.#painted = now;
    const layout = this.#layout();
    this.#holder.style.minHeight = `${keptHeight(width * ratio, ratio) / ratio}px`;
    this.#canvas.style.width = `${layout.width}px`;
    this.#canvas.style.height = `${layout.height}px`;
    this.#canvas.classList.toggle("is-empty", view === null);
    writeAttribute(this.#canvas, "aria-valuemax", String(shape[0] - 1));
    const prepared = prepareCanvas(this.#canvas, layout);
    if (!view || !prepared) return;
    const units = { view, layout, pointed: this.#pointed };
    this.#draw(prepared.context, units, prepared.size, theme);
  }

  /**
   * The units of a layer in a part of the holder. Null means all: for strips, and if the unit read
   * out lies elsewhere.
   *
   * @param {readonly [number, number]} shape
   * @param {{ from: number, to: number }} part shares of the holder's height
   */
  unitsIn(shape, { from, to }) {
    const layout = this.#layout(shape);
    if (!layout.grid) return null;
    const { height } = sizeOf(this.#holder);
    const [units] = shape;
    const part = { top: from * height, bottom: to * height };
    const { first, last } = unitsBetween(layout, units, part);
    const read = this.#pointed ?? this.#read ?? first;
    return read < first || last <= read || last - first === units ? null : { first, last };
  }

  #layout(shape = this.#shape) {
    return unitLayout(shape, sizeOf(this.#holder).width, window.devicePixelRatio || 1);
  }

  /**
   * @param {WeightView | null} view
   * @param {What} what
   */
  #readOut(view, { title, other, explain }) {
    // The last unit stays read out, so that its numbers can be pointed at.
    const unit = this.#pointed ?? this.#read;
    this.#read = unit;
    const of = view && other ? other.words : "";
    if (unit === null || !view || !hasUnits(view, { first: unit, last: unit + 1 })) {
      this.#readout.show([of]);
      return;
    }
    const { low, high } = codeRange(view, unit);
    const figure = (/** @type {"min" | "max"} */ end, /** @type {number} */ code) => {
      const value = valueOfCode(code, view.scale, view.coding);
      const text = textOfCode(code, view.scale, view.coding);
      return { text, explanation: () => explain({ unit, end, value }) };
    };
    const parts = [`unit ${unit}: ${title} `, figure("min", low), " to ", figure("max", high)];
    if (of) parts.push(`, ${of}`);
    this.#readout.show(parts);
    writeAttribute(this.#canvas, "aria-valuenow", String(unit));
    writeAttribute(this.#canvas, "aria-valuetext", textOf(parts));
  }
}
