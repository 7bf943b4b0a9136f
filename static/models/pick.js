import { signal } from "@preact/signals-core";

/**
 * @template T
 * @typedef {import("@preact/signals-core").Signal<T>} Signal
 */

const FIRST_UNIT = 0;
const FIRST_INPUT = 406;

/**
 * What the reader has picked to look inside; the followed sample is the run's `sample`. A network
 * with fewer units or inputs than picked shows its last.
 */
export class Pick {
  /** A unit of the first layer. */
  unit = signal(FIRST_UNIT);
  /** An input of the first layer: a pixel, row by row. */
  input = signal(FIRST_INPUT);
  /** The kind of value that another part of the page asks the grid to show. */
  /** @type {Signal<"weights" | "gradient" | "step" | null>} */
  kind = signal(null);
  /** The opened station; null: that of the phase that ran last. */
  /** @type {Signal<import("../protocol/types.js").Phase | null>} */
  station = signal(null);

  /** Whether unit and input are still the page's defaults. */
  get untouched() {
    return this.unit.peek() === FIRST_UNIT && this.input.peek() === FIRST_INPUT;
  }

  /**
   * The name of the view for what is picked.
   *
   * @param {number} sample
   */
  insideView(sample) {
    return `inside/${sample}/${this.unit.value}/${this.input.value}`;
  }

  /**
   * The phase whose station is shown: the opened one, or the one that ran last.
   *
   * @param {import("../protocol/types.js").RunState | null} state
   * @returns {import("../protocol/types.js").Phase}
   */
  shown(state) {
    return this.station.value ?? state?.phase ?? "draw";
  }
}
