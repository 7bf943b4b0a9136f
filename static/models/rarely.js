/**
 * Passes calls on at most once in `gapMs`: at once after a quiet time, else as soon as the gap is
 * over, however often it was asked.
 */
export class Rarely {
  #call;
  #gapMs;
  #last = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {() => void} call
   * @param {number} gapMs
   */
  constructor(call, gapMs) {
    this.#call = call;
    this.#gapMs = gapMs;
  }

  ask() {
    if (this.#timer !== undefined) return;
    const wait = this.#last + this.#gapMs - performance.now();
    if (wait <= 0) this.#pass();
    else this.#timer = setTimeout(() => this.#pass(), wait);
  }

  cancel() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #pass() {
    this.#timer = undefined;
    this.#last = performance.now();
    this.#call();
  }
}
