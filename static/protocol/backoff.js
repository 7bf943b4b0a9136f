/**
 * @typedef {object} BackoffOptions
 * @property {number} [firstMs] the longest first wait
 * @property {number} [longestMs] the longest wait of all
 * @property {() => number} [random] uniform in [0, 1)
 */

/**
 * How long to wait before the next attempt. The ceiling doubles with every failure, and the wait is
 * random between half of it and all of it, so that many pages do not return at once.
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
