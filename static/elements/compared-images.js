import { unitParts } from "../models/compared-readout.js";
import { COMPARED_VIEW, UNITS_SHOWN } from "../models/comparison.js";
import { hasUnits, unitsThere } from "../models/weight-parts.js";
import { ComparedRow } from "./compared-row.js";
import { FigureText } from "./figure-text.js";
import { hide } from "./run-element.js";

/**
 * @typedef {import("../models/comparison.js").Compared} Compared
 * @typedef {import("../draw/colours.js").Theme} Theme
 */

/** The same units of every compared run, on one scale, and how each differs from the first run. */
export class ComparedImages {
  #list;
  #template;
  #readout;
  #changed;
  /** @type {Map<string, ComparedRow>} */
  #rows = new Map();
  /** The unit whose numbers are shown. */
  #unit = 0;
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

  /** The unit whose numbers are shown; the images are those around it. */
  get unit() {
    return this.#unit;
  }

  set unit(unit) {
    this.#unit = Math.min(Math.max(Math.trunc(unit) || 0, 0), Math.max(this.#units - 1, 0));
    this.#changed();
  }

  /** How many units the first run's layer has; 0 until this is known. */
  get units() {
    return this.#units;
  }

  /**
   * @param {readonly Compared[]} all
   * @param {Theme} theme
   * @returns {number | null} the scale of all images; null while there are none
   */
  paint(all, theme) {
    this.#makeRows(all);
    const shown = { first: this.from, last: this.from + UNITS_SHOWN };
    const seen = all.flatMap((compared) => {
      const view = compared.run.weights(COMPARED_VIEW).peek();
      const isHere = view && hasUnits(view, unitsThere(view.shape, shown));
      return isHere ? [{ compared, view }] : [];
    });
    const viewOf = (/** @type {Compared | undefined} */ compared) =>
      seen.find((one) => one.compared === compared)?.view ?? null;
    const first = viewOf(all[0]);
    const scale = Math.max(0, ...seen.map(({ view }) => view.scale));
    this.#units = first?.shape[0] ?? this.#units; // units just asked for arrive in a moment
    for (const compared of all) {
      const view = viewOf(compared);
      const row = this.#rows.get(compared.id);
      if (!row) continue;
      // A run that does not exist sends no images.
      hide(row.element, view === null && compared.run.gone.peek() !== null);
      row.show({ view, first, from: this.from, unit: this.#unit, scale, theme });
    }
    this.#readout.show(unitParts(seen, this.#unit));
    return seen.length > 0 ? scale : null;
  }

  clear() {
    this.#makeRows([]);
  }

  /** The first unit shown. */
  get from() {
    return Math.floor(this.#unit / UNITS_SHOWN) * UNITS_SHOWN;
  }

  /** @param {readonly Compared[]} all */
  #makeRows(all) {
    for (const [id, { element }] of this.#rows) {
      if (all.some((compared) => compared.id === id)) continue;
      element.remove();
      this.#rows.delete(id);
    }
    all.forEach(({ id, slot }, i) => {
      const row = this.#rows.get(id) ?? this.#make(id, slot);
      if (this.#list.children[i] !== row.element) {
        this.#list.insertBefore(row.element, this.#list.children[i] ?? null);
      }
    });
  }

  /**
   * @param {string} id
   * @param {number} slot
   */
  #make(id, slot) {
    const row = new ComparedRow(this.#template, slot, (image) => {
      const unit = this.from + image;
      if (unit < this.#units && unit !== this.#unit) this.unit = unit;
    });
    this.#rows.set(id, row);
    return row;
  }
}
