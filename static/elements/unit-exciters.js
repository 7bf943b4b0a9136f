import { digitPainter } from "../draw/field.js";
import { formatCount, formatValue } from "../format.js";
import { areSame, write, writeAttribute } from "./run-element.js";

/**
 * @typedef {import("../models/run.js").SeenView} SeenView
 * @typedef {import("../draw/colours.js").Theme} Theme
 */

const ALL = "largest w·x + b among 60,000";

/** The training digits that excite a unit most. */
export class UnitExciters {
  #host;
  #drawDigit = digitPainter();
  /** @type {readonly unknown[]} */
  #painted = [];

  /** @param {import("./run-element.js").RunElement} host */
  constructor(host) {
    this.#host = host;
  }

  /**
   * Says that a unit is dead: only a relu unit can be, and it takes all training digits to tell.
   * Null if it is not dead.
   *
   * @param {SeenView | null} seen
   * @param {string | undefined} activation
   */
  life(seen, activation) {
    const largest = seen?.tensors.get("values")?.data[0];
    return activation === "relu" && largest !== undefined && Number(largest) <= 0
      ? "dead: no training digit brings it above 0"
      : null;
  }

  /**
   * @param {SeenView | null} seen the `exciters/…` view
   * @param {Theme} theme
   */
  paint(seen, theme) {
    const now = [seen, theme];
    if (areSame(now, this.#painted)) return;
    this.#painted = now;
    const data = (/** @type {string} */ name) => seen?.tensors.get(name)?.data ?? new Uint8Array();
    const images = /** @type {Uint8Array} */ (data("images"));
    const labels = data("labels");
    const area = images.length / Math.max(labels.length, 1);
    [...this.#host.piece("exciters", HTMLElement).children].forEach((item, i) => {
      const canvas = item.querySelector("canvas");
      const text = item.querySelector("span");
      const context = canvas?.getContext("2d");
      if (!canvas || !text || !context) return;
      context.clearRect(0, 0, canvas.width, canvas.height);
      const known = i < labels.length;
      const value = known ? formatValue(Number(data("values")[i]), 4) : "";
      write(text, value);
      writeAttribute(
        canvas,
        "aria-label",
        known ? `True digit ${labels[i]}: ${value}` : "Not known yet",
      );
      if (known) this.#drawDigit(context, images.subarray(i * area, (i + 1) * area), theme);
    });
    const batch = seen && formatCount(Number(seen.metadata["study.batch"]));
    const of = batch === null ? "searching …" : `${ALL}, at batch ${batch}`;
    write(this.#host.piece("exciters-of", HTMLElement), of);
  }
}
