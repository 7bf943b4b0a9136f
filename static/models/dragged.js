import { DRAG_GAP_MS } from "./latest.js";

/**
 * A setting that is being dragged. Until the last value is answered, the controls show that value,
 * not the answers on the way there.
 *
 * @template T
 */
export class Dragged {
  #run;
  #name;
  #latest;

  /**
   * @param {import("./run.js").RunModel} run
   * @param {string} name
   * @param {(value: T) => Promise<unknown>} send
   */
  constructor(run, name, send) {
    this.#run = run;
    this.#name = name;
    this.#latest = run.latest(
      async (/** @type {{ value: T, settle: () => void }} */ { value, settle }) => {
        await send(value);
        settle();
      },
      DRAG_GAP_MS,
    );
  }

  /** @param {T} value */
  to(value) {
    const settle = this.#run.pending.ask({ [this.#name]: value });
    this.#latest.push({ value, settle });
  }
}
