import { signal } from "@preact/signals-core";

/**
 * @template T
 * @typedef {import("@preact/signals-core").Signal<T>} Signal
 */

const FIRST_UNIT = 0;
const FIRST_INPUT = 406;

/**
 * What the reader has picked to look into; the followed sample is the run's `sample`. Each is a
 * wish: a network with fewer units or inputs shows its last.
 */
export class Pick {
  /** A unit of the first layer. */
  unit = signal(FIRST_UNIT);
  /** An input of the first layer: a pixel, row by row. */
  input = signal(FIRST_INPUT);
  /** What is shown of each unit in the grid, where another part of the page asks for it. */
  /** @type {Signal<"weights" | "gradient" | "step" | null>} */
  kind = signal(null);
  /** The station that is opened; null: the one of the phase that ran last. */
  /** @type {Signal<import("../protocol/types.js").Phase | null>} */
  station = signal(null);

  /** Whether unit and input are those the page begins with. */
  get untouched() {
    return this.unit.peek() === FIRST_UNIT && this.input.peek() === FIRST_INPUT;
  }

  /**
   * The name of the view of what is picked.
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
