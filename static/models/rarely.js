/**
 * Passes calls on at most once in `gapMs`: at once after a quiet time, else as soon as the gap is
 * over, however often it was asked. What cannot wait is passed on at once, and the gap begins anew.
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

  /** @param {number} [gapMs] another than usual */
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
