import { prepareCanvas, sizeOf } from "../draw/canvas.js";
import { comparedLayout, comparedPainter } from "../draw/compared-units.js";
import { imageAt } from "../draw/grid.js";
import { formatCount, formatValue } from "../format.js";
import { COMPARED_VIEW, LETTERS } from "../models/comparison.js";
import {
  codesOf,
  codesOn,
  comparable,
  difference,
  extremes,
  valuesOf,
} from "../models/difference.js";
import { differenceExtreme } from "../models/explanations/comparing.js";
import { shownExtreme } from "../models/explanations/grid.js";
import { swatch } from "./compared-table.js";
import { FigureText } from "./figure-text.js";
import { write } from "./run-element.js";

/**
 * @typedef {import("../models/captions.js").Part} Part
 * @typedef {import("../models/comparison.js").Compared} Compared
 * @typedef {import("../models/run.js").WeightView} WeightView
 * @typedef {import("../draw/colours.js").Theme} Theme
 */

/** Units shown of each run. */
export const UNITS_SHOWN = 24;

/** @typedef {{ compared: Compared, view: WeightView }} Seen */

/**
 * One run's row: its images, and their difference to the first run's.
 */
class Row {
  #draw = comparedPainter();
  #drawDifference = comparedPainter();

  /**
   * @param {DocumentFragment} fragment
   * @param {(unit: number | null) => void} point
   */
  constructor(fragment, point) {
    this.element = /** @type {HTMLElement} */ (fragment.firstElementChild);
    const find = (/** @type {string} */ name) =>
      /** @type {HTMLElement} */ (this.element.querySelector(`[data-cell="${name}"]`));
    this.swatch = find("swatch");
    this.caption = find("caption");
    this.differenceCaption = find("difference-caption");
    this.canvas = /** @type {HTMLCanvasElement} */ (find("images"));
    this.differenceCanvas = /** @type {HTMLCanvasElement} */ (find("difference"));
    this.difference = /** @type {HTMLElement} */ (this.differenceCanvas.parentElement);
    this.holder = /** @type {HTMLElement} */ (this.canvas.parentElement);
    /** @type {import("../draw/grid.js").GridLayout | null} */
    this.layout = null;
    for (const canvas of [this.canvas, this.differenceCanvas]) {
      canvas.addEventListener("pointermove", ({ offsetX, offsetY }) => {
        const ratio = window.devicePixelRatio || 1;
        if (!this.layout) return;
        const image = imageAt(this.layout, UNITS_SHOWN, offsetX * ratio, offsetY * ratio);
        if (image !== null) point(image);
      });
    }
  }

  /**
   * @param {Uint8Array | null} codes
   * @param {Uint8Array | null} differences
   * @param {{ side: number, pointed: number | null, theme: Theme }} how
   */
  paint(codes, differences, { side, pointed, theme }) {
    const ratio = window.devicePixelRatio || 1;
    const { width } = sizeOf(this.holder);
    if (width === 0) return;
    const layout = comparedLayout(UNITS_SHOWN, side, width * ratio);
    this.layout = layout;
    const paint = (
      /** @type {HTMLCanvasElement} */ canvas,
      /** @type {Uint8Array | null} */ drawn,
      /** @type {ReturnType<typeof comparedPainter>} */ draw,
    ) => {
      canvas.classList.toggle("is-empty", drawn === null);
      const size = { width: layout.width / ratio, height: layout.height / ratio };
      canvas.style.width = `${size.width}px`;
      canvas.style.height = `${size.height}px`;
      const prepared = prepareCanvas(canvas, size);
      if (prepared && drawn) {
        draw(prepared.context, { codes: drawn, layout, pointed }, prepared.size, theme);
      }
    };
    paint(this.canvas, codes, this.#draw);
    paint(this.differenceCanvas, differences, this.#drawDifference);
  }
}

/** The same units of every compared run, on one scale, and how each differs from the first run. */
export class ComparedImages {
  #list;
  #template;
  #readout;
  #changed;
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** The first unit of those shown. */
  #from = 0;
  /** The one that is read out. */
  #unit = 0;
  /** @type {number} */
  #units = 0;

  /**
   * @param {HTMLElement} list
   * @param {HTMLTemplateElement} template of a row
   * @param {HTMLElement} readout
   * @param {() => void} changed called when another unit is pointed at
   */
  constructor(list, template, readout, changed) {
    this.#list = list;
    this.#template = template;
    this.#readout = new FigureText(readout);
    this.#changed = changed;
  }

  get unit() {
    return this.#unit;
  }

  /** How many units the shown layer has; 0 while nothing is known. */
  get units() {
    return this.#units;
  }

  /** Shows the unit, and those around it. */
  set unit(unit) {
    this.#unit = Math.min(Math.max(Math.trunc(unit) || 0, 0), Math.max(this.#units - 1, 0));
    this.#from = Math.floor(this.#unit / UNITS_SHOWN) * UNITS_SHOWN;
    this.#changed();
  }

  /**
   * @param {readonly Compared[]} all
   * @param {Theme} theme
   * @returns {number | null} the scale of all images
   */
  paint(all, theme) {
    this.#makeRows(all);
    const seen = all.map((compared) => ({
      compared,
      view: compared.run.weights(COMPARED_VIEW).peek(),
    }));
    const first = seen[0];
    const views = seen.flatMap(({ view }) => view ?? []);
    const scale = Math.max(0, ...views.map((view) => view.scale));
    this.#units = first?.view?.shape[0] ?? 0;
    for (const { compared, view } of seen) {
      const row = /** @type {Row} */ (this.#rows.get(compared.id));
      const other = compared === first?.compared ? null : view;
      this.#paintRow(row, compared, { view, first: first?.view ?? null, other, scale, theme });
    }
    const known = seen.flatMap(({ compared, view }) => (view ? [{ compared, view }] : []));
    this.#readout.show(this.#readOut(known));
    return views.length > 0 ? scale : null;
  }

  /** @param {readonly Compared[]} all */
  #makeRows(all) {
    for (const [id, { element }] of this.#rows) {
      if (all.some((compared) => compared.id === id)) continue;
      element.remove();
      this.#rows.delete(id);
    }
    all.forEach(({ id, slot }, i) => {
      let row = this.#rows.get(id);
      if (!row) {
        row = new Row(
          /** @type {DocumentFragment} */ (this.#template.content.cloneNode(true)),
          (image) => {
            if (image === null || this.#from + image >= this.#units) return;
            this.#unit = this.#from + image;
            this.#changed();
          },
        );
        row.swatch.replaceChildren(swatch(slot));
        this.#rows.set(id, row);
      }
      if (this.#list.children[i] !== row.element) {
        this.#list.insertBefore(row.element, this.#list.children[i] ?? null);
      }
    });
  }

  /**
   * @param {Row} row
   * @param {Compared} compared
   * @param {{ view: WeightView | null, first: WeightView | null, other: WeightView | null,
   *   scale: number, theme: Theme }} shown
   */
  #paintRow(row, { slot }, { view, first, other, scale, theme }) {
    const letter = LETTERS[slot] ?? "";
    const units = { from: this.#from, count: UNITS_SHOWN };
    const inputs = view?.shape[1] ?? 0;
    const side = Math.round(Math.sqrt(inputs));
    const square = side > 0 && side * side === inputs;
    const at = view ? ` after batch ${formatCount(view.batch)}` : "";
    write(row.caption, view ? `${letter}${at}` : `${letter}: its images come with the next frame`);
    row.canvas.setAttribute("aria-label", `First-layer units of run ${letter}${at}, as images`);
    const both = first && other && comparable(first, other) ? { first, other } : null;
    const differences = both ? codesOf(difference(both.first, both.other, units), scale) : null;
    write(row.differenceCaption, differenceText(letter, first, other));
    row.differenceCanvas.setAttribute("aria-label", `Run ${letter} minus run A, as images`);
    row.differenceCanvas.hidden = both === null;
    row.difference.hidden = slot === 0;
    if (!view || !square) return;
    const pointed = this.#unit - this.#from;
    row.paint(codesOn(view, units, scale), differences, { side, pointed, theme });
  }

  /**
   * @param {readonly Seen[]} seen
   * @returns {Part[]}
   */
  #readOut(seen) {
    const unit = this.#unit;
    const [first, ...others] = seen;
    if (!first || unit >= first.view.shape[0]) return [];
    /** @type {Part[]} */
    const parts = [`unit ${unit}: `];
    for (const { compared, view } of seen) {
      if (unit >= view.shape[0]) continue;
      if (parts.length > 1) parts.push("; ");
      const table = valuesOf(view);
      const inputs = view.shape[1];
      const codes = view.codes.subarray(unit * inputs, (unit + 1) * inputs);
      const { min, max } = extremes(Float64Array.from(codes, (code) => table[code] ?? 0));
      const figure = (/** @type {"min" | "max"} */ end, /** @type {number} */ value) => ({
        text: formatValue(value),
        explanation: () => {
          const state = compared.run.state.peek();
          const description = { ...view, view: COMPARED_VIEW, layer: 1, kind: "weights" };
          return state && shownExtreme(state, description, { unit, end, value });
        },
      });
      parts.push(`${LETTERS[compared.slot]} `, figure("min", min), " to ", figure("max", max));
    }
    for (const { compared, view } of others) {
      if (!comparable(first.view, view)) continue;
      const { min, max } = extremes(difference(first.view, view, { from: unit, count: 1 }));
      const side = (/** @type {Seen} */ { compared: { slot, id }, view: { scale } }) => ({
        letter: LETTERS[slot] ?? "",
        id,
        scale,
      });
      const figure = (/** @type {"min" | "max"} */ end, /** @type {number} */ value) => ({
        text: formatValue(value),
        explanation: () =>
          differenceExtreme(side(first), side({ compared, view }), {
            ...{ view: COMPARED_VIEW, unit, end, value },
          }),
      });
      const words = `; ${LETTERS[compared.slot]} − ${LETTERS[first.compared.slot]} `;
      parts.push(words, figure("min", min), " to ", figure("max", max));
    }
    return parts;
  }
}

/**
 * @param {string} letter
 * @param {WeightView | null} first
 * @param {WeightView | null} other
 */
function differenceText(letter, first, other) {
  if (!other || !first) return "";
  if (!comparable(first, other)) return `${letter} is another network: there is no difference.`;
  if (first.batch === other.batch) return `${letter} − A after batch ${formatCount(other.batch)}`;
  return `${letter} after batch ${formatCount(other.batch)} − A after batch ${formatCount(first.batch)}`;
}
