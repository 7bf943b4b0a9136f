/**
 * Passes calls on at most once in `gapMs`: at once after a quiet time, else when the gap is over,
 * however often it was asked. `pass` does not wait, and starts a new gap.
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

  /** @param {number} [gapMs] a gap other than usual */
  ask(gapMs = this.#gapMs) {
    if (this.#timer !== undefined) return;
    const wait = this.#last + gapMs - performance.now();
    if (wait <= 0) this.pass();
    else this.#timer = setTimeout(() => this.pass(), wait);
  }

  pass() {
    this.cancel();
    this.#last = performance.now();
    this.#call();
  }

  cancel() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
