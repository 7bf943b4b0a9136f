import { fieldPainter } from "../draw/field.js";
import { aDigit, formatCount, formatValue } from "../format.js";
import { digitsInGradient, learntFrom } from "../models/explanations/counts.js";
import { largestDifference, sumOfTerms } from "../models/unit.js";
import { FigureText } from "./figure-text.js";
import { areSame, hide, write, writeAttribute } from "./run-element.js";

/**
 * @typedef {import("../models/loop.js").DrawPicture} DrawPicture
 * @typedef {import("../models/unit.js").Unit} Unit
 * @typedef {import("../draw/colours.js").Theme} Theme
 * @typedef {import("../models/captions.js").Part} Part
 * @typedef {() => import("../protocol/types.js").RunState | null} Now gives the run's present state
 */

/**
 * @typedef {object} Sum a unit's gradient as a sum of terms
 * @property {Unit} unit
 * @property {DrawPicture} draw the digits that it sums over
 * @property {import("../models/unit.js").Term[]} terms
 * @property {Float64Array} sum
 * @property {number} difference the largest between the sum and the gradient
 * @property {boolean} whole whether the page has all samples of the batch
 */

/** A unit's gradient as Σ δᵢ · xᵢ: the largest terms, their sum, and the gradient beside it. */
export class UnitSum {
  #host;
  #rest;
  #drawField = fieldPainter();
  /** @type {Sum | null} */
  #sum = null;
  /** @type {readonly unknown[]} */
  #painted = [];

  /** @param {import("./run-element.js").RunElement} host */
  constructor(host) {
    this.#host = host;
    this.#rest = new FigureText(host.piece("rest", HTMLElement));
  }

  clear() {
    this.#sum = null;
  }

  /**
   * @param {Unit} unit the sum is kept until a unit has a gradient again
   * @param {DrawPicture | null} draw the digits of its batch
   */
  take(unit, draw) {
    const { gradient, deltas, weights } = unit;
    if (!gradient || !deltas || !draw) return;
    const here = Math.min(draw.count, deltas.length);
    const { terms, sum } = sumOfTerms(deltas.subarray(0, here), draw.pixels, weights.length);
    const difference = largestDifference(sum, gradient);
    this.#sum = { unit, draw, terms, sum, difference, whole: here === deltas.length };
  }

  /**
   * How many digits of the batch a unit learns from; null if not known.
   *
   * @param {Now} now
   * @returns {Part[] | null}
   */
  life(now) {
    if (!this.#sum) return null;
    const { terms, draw, whole } = this.#sum;
    const digits = {
      text: String(draw.count),
      explanation: () => {
        const state = now();
        return state && digitsInGradient(state, draw.count);
      },
    };
    return [
      "alive for ",
      this.#count(now, terms.length, 0),
      ...(whole ? [" of ", digits] : [` of the first ${digits.text}`]),
      draw.count === 1 ? " digit of the batch" : " digits of the batch",
    ];
  }

  /**
   * @param {Now} now
   * @param {number} count
   * @param {number} apart how many terms are shown individually and left out of the count
   * @returns {Part}
   */
  #count(now, count, apart) {
    const explanation = () => {
      const state = now();
      if (!state || !this.#sum) return null;
      const { unit, draw } = this.#sum;
      return learntFrom(state, { unit: unit.unit, digits: draw.count, apart }, count);
    };
    return { text: String(count), explanation };
  }

  /**
   * @param {number} scale of the gradient images
   * @param {Theme} theme
   * @param {Now} state
   */
  paint(scale, theme, state) {
    const now = [this.#sum, scale, theme];
    if (areSame(now, this.#painted)) return;
    this.#painted = now;
    const items = [...this.#host.piece("terms", HTMLElement).children];
    items.forEach((item, i) => {
      this.#paintTerm(item, i, scale, theme);
    });
    const rest = (this.#sum?.terms.length ?? 0) - items.length;
    this.#rest.show(rest > 0 ? ["+ ", this.#count(state, rest, items.length), " more"] : []);
    this.#field("sum", this.#sum?.sum ?? null, scale, theme);
    this.#field("same", this.#sum?.unit.gradient ?? null, scale, theme);
    write(this.#host.piece("sum-words", HTMLElement), this.#words());
    const { difference } = this;
    const apart = difference === null ? "" : formatValue(difference);
    write(this.#host.piece("difference", HTMLElement), apart);
    write(
      this.#host.piece("sum-of", HTMLElement),
      this.#sum ? `over the digits of batch ${formatCount(this.#sum.unit.batch)}` : "",
    );
  }

  /** @param {number} index */
  term(index) {
    return this.#sum?.terms[index] ?? null;
  }

  /** The largest difference between the sum and the gradient; null if the sum is not whole. */
  get difference() {
    return this.#sum?.whole && this.#sum.terms.length > 0 ? this.#sum.difference : null;
  }

  #words() {
    if (!this.#sum) return "Known after the backward pass.";
    const { terms, whole } = this.#sum;
    if (terms.length === 0)
      return "∂loss/∂z is 0 for every digit of this batch, so the unit learns nothing.";
    if (!whole)
      return "The batch is larger than what is shown here, so the sum is only a part of it.";
    return "δᵢ = ∂loss/∂z for digit i. The sum and the gradient differ by at most ";
  }

  /**
   * @param {Element} item
   * @param {number} index
   * @param {number} scale
   * @param {Theme} theme
   */
  #paintTerm(item, index, scale, theme) {
    const canvas = item.querySelector("canvas");
    const context = canvas?.getContext("2d");
    const [delta, digit] = item.querySelectorAll("span");
    if (!canvas || !context || !delta || !digit) return;
    context.clearRect(0, 0, canvas.width, canvas.height);
    const term = this.#sum?.terms[index];
    hide(item, this.#sum !== null && term === undefined);
    write(delta, term ? formatValue(term.delta, 4) : "");
    if (!term || !this.#sum) {
      write(digit, "");
      return;
    }
    const { pixels, labels } = this.#sum.draw;
    const name = aDigit(labels[term.sample] ?? 0);
    write(digit, `· ${name}`);
    const inputs = this.#sum.sum.length;
    const x = pixels.subarray(term.sample * inputs, (term.sample + 1) * inputs);
    const values = Float32Array.from(x, (ink) => (term.delta * ink) / 255);
    this.#drawField(context, { values, scale, picked: null }, canvas, theme);
    const text = `Sample ${term.sample + 1}, ${name}, times ${formatValue(term.delta, 4)}`;
    writeAttribute(canvas, "aria-label", text);
  }

  /**
   * @param {string} part
   * @param {ArrayLike<number> | null} values
   * @param {number} scale
   * @param {Theme} theme
   */
  #field(part, values, scale, theme) {
    const canvas = this.#host.piece(part, HTMLCanvasElement);
    const context = canvas.getContext("2d");
    context?.clearRect(0, 0, canvas.width, canvas.height);
    if (!context || !values) return;
    this.#drawField(context, { values, scale, picked: null }, canvas, theme);
  }
}
