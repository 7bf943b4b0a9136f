import { prepareCanvas, sizeOf } from "../draw/canvas.js";
import { comparedLayout, comparedPainter } from "../draw/compared-units.js";
import { imageAt } from "../draw/grid.js";
import { formatCount } from "../format.js";
import { LETTERS, UNITS_SHOWN } from "../models/comparison.js";
import { codesOn, comparable, differenceCoder, endsIn } from "../models/difference.js";
import { swatch } from "./compared-table.js";
import { areSame, cell, hide, write, writeAttribute } from "./run-element.js";

/**
 * @typedef {import("../models/run.js").WeightView} WeightView
 * @typedef {import("../draw/colours.js").Theme} Theme
 */

const NONE = new Uint8Array();

/**
 * @typedef {object} Shown
 * @property {WeightView | null} view the run's
 * @property {WeightView | null} first the view of the first run, which this run is compared with
 * @property {number} from the first unit shown
 * @property {number} unit the unit whose numbers are shown
 * @property {number} scale
 * @property {Theme} theme
 */

/** A compared run's images, and beside them how they differ from those of the first run. */
export class ComparedRow {
  #slot;
  #draw = comparedPainter();
  #drawDifference = comparedPainter();
  #codeDifference = differenceCoder();
  /** @type {import("../draw/grid.js").GridLayout | null} */
  #layout = null;
  /** What the images were last drawn from. @type {readonly unknown[]} */
  #drawn = [];

  /**
   * @param {HTMLTemplateElement} template
   * @param {number} slot
   * @param {(image: number) => void} point called with the image pointed at
   */
  constructor(template, slot, point) {
    this.#slot = slot;
    const fragment = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.element = /** @type {HTMLElement} */ (fragment.firstElementChild);
    cell(this.element, "swatch").replaceChildren(swatch(slot));
    hide(cell(this.element, "own-difference"), slot === 0);
    for (const canvas of [this.#canvas("images"), this.#canvas("difference")]) {
      canvas.addEventListener("pointermove", ({ offsetX, offsetY }) => {
        const ratio = window.devicePixelRatio || 1;
        if (!this.#layout) return;
        const image = imageAt(this.#layout, UNITS_SHOWN, offsetX * ratio, offsetY * ratio);
        if (image !== null) point(image);
      });
    }
  }

  /** @param {Shown} shown */
  show(shown) {
    const { width } = sizeOf(cell(this.element, "holder"));
    const now = [...Object.values(shown), width, window.devicePixelRatio];
    if (width === 0 || areSame(now, this.#drawn)) return;
    this.#drawn = now;
    this.#write(shown);
    const { view, first, from, scale } = shown;
    const side = Math.round(Math.sqrt(view?.shape[1] ?? 0));
    if (!view || side === 0 || side * side !== view.shape[1]) return;
    const ratio = window.devicePixelRatio || 1;
    this.#layout = comparedLayout(UNITS_SHOWN, side, width * ratio);
    const units = { from, count: UNITS_SHOWN };
    const ends = endsIn(view, units);
    // Ends of the common scale need no mark: the legend says "≥" there.
    const own = { codes: codesOn(view, units, scale), marked: view.scale < scale ? ends : NONE };
    this.#paint(this.#canvas("images"), own, this.#draw, shown);
    if (this.#slot === 0 || !first || !comparable(first, view)) return;
    const firstEnds = endsIn(first, units);
    const difference = {
      codes: this.#codeDifference(first, view, units, scale),
      marked: ends.map((end, i) => end | (firstEnds[i] ?? 0)),
    };
    this.#paint(this.#canvas("difference"), difference, this.#drawDifference, shown);
  }

  /** @param {Shown} shown */
  #write({ view, first, from }) {
    const letter = LETTERS[this.#slot] ?? "";
    const at = view ? ` after batch ${formatCount(view.batch)}` : "";
    write(cell(this.element, "caption"), captionText(letter, view, from));
    write(cell(this.element, "difference-caption"), differenceText(letter, first, view));
    writeAttribute(
      this.#canvas("images"),
      "aria-label",
      `First-layer units of run ${letter}${at}, as images`,
    );
    const difference = this.#canvas("difference");
    writeAttribute(difference, "aria-label", `Run ${letter} minus run A${at}, as images`);
    hide(difference, !view || !first || !comparable(first, view));
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{ codes: Uint8Array, marked: Uint8Array }} images
   * @param {ReturnType<typeof comparedPainter>} draw
   * @param {Shown} shown
   */
  #paint(canvas, images, draw, { from, unit, theme }) {
    const layout = this.#layout;
    if (!layout) return;
    const ratio = window.devicePixelRatio || 1;
    const size = { width: layout.width / ratio, height: layout.height / ratio };
    canvas.style.width = `${size.width}px`;
    canvas.style.height = `${size.height}px`;
    canvas.classList.remove("is-empty");
    const prepared = prepareCanvas(canvas, size);
    if (!prepared) return;
    draw(prepared.context, { ...images, layout, pointed: unit - from }, prepared.size, theme);
  }

  /** @param {string} name */
  #canvas(name) {
    return /** @type {HTMLCanvasElement} */ (cell(this.element, name));
  }
}

/**
 * @param {string} letter
 * @param {WeightView | null} view
 * @param {number} from the first unit shown
 */
function captionText(letter, view, from) {
  if (!view) return `${letter}: its images arrive with the next frame`;
  const [units] = view.shape;
  if (units <= from) return `${letter} has ${formatCount(units)} units, and none of these`;
  return `${letter} after batch ${formatCount(view.batch)}`;
}

/**
 * @param {string} letter
 * @param {WeightView | null} first
 * @param {WeightView | null} other
 */
function differenceText(letter, first, other) {
  if (!other || !first) return "";
  if (!comparable(first, other)) return `${letter} is a different network: no difference to show.`;
  const [here, there] = [formatCount(other.batch), formatCount(first.batch)];
  if (here === there) return `${letter} − A after batch ${here}`;
  return `${letter} after batch ${here} − A after batch ${there}`;
}
