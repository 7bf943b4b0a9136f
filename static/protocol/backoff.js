/**
 * @typedef {object} BackoffOptions
 * @property {number} [firstMs] longest first wait
 * @property {number} [longestMs] longest wait of all
 * @property {() => number} [random] uniform in [0, 1)
 */

/**
 * How long to wait before the next attempt: the ceiling doubles with every failure, and the wait
 * is drawn between half of it and all of it, so that many pages do not return in step.
 */
export class Backoff {
  #failures = 0;
  #firstMs;
  #longestMs;
  #random;

  /** @param {BackoffOptions} [options] */
  constructor({ firstMs = 400, longestMs = 8000, random = Math.random } = {}) {
    this.#firstMs = firstMs;
    this.#longestMs = longestMs;
    this.#random = random;
  }

  /** Counts a failure and returns the wait after it, in milliseconds. */
  next() {
    const ceiling = Math.min(this.#longestMs, this.#firstMs * 2 ** this.#failures);
    this.#failures += 1;
    return Math.round(ceiling * (0.5 + 0.5 * this.#random()));
  }

  reset() {
    this.#failures = 0;
  }
}
