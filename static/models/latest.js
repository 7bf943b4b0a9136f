/** The least time between two settings sent while a slider is dragged. */
export const DRAG_GAP_MS = 120;

/**
 * Carries a stream of values (a slider being dragged) to something slow: one at a time, at least
 * `gapMs` apart unless flushed, skipping values that a newer one replaces, never the last.
 *
 * @template T
 */
export class Latest {
  #send;
  #gapMs;
  #busy = false;
  /** The answer to the last value sent. @type {Promise<unknown>} */
  #sent = Promise.resolve();
  /** @type {{ value: T } | null} */
  #next = null;

  /**
   * @param {(value: T) => Promise<unknown>} send
   * @param {number} gapMs
   */
  constructor(send, gapMs) {
    this.#send = send;
    this.#gapMs = gapMs;
  }

  /** @param {T} value */
  push(value) {
    this.#next = { value };
    if (!this.#busy) this.#run();
  }

  /**
   * Sends the waiting value at once, so that something else can follow it.
   *
   * @returns {Promise<unknown>} the answer to the last value sent
   */
  flush() {
    const next = this.#next;
    this.#next = null;
    if (next) this.#sent = this.#send(next.value);
    return this.#sent;
  }

  async #run() {
    this.#busy = true;
    try {
      while (this.#next) {
        const { value } = this.#next;
        this.#next = null;
        const gap = new Promise((resolve) => setTimeout(resolve, this.#gapMs));
        this.#sent = this.#send(value);
        await this.#sent;
        await gap;
      }
    } finally {
      this.#busy = false;
    }
  }
}
