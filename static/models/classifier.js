import { signal } from "@preact/signals-core";

/**
 * @typedef {import("../protocol/types.js").Reading} Reading
 * @typedef {import("../protocol/types.js").ApiError} ApiError
 */

/**
 * @template T
 * @typedef {import("@preact/signals-core").Signal<T>} Signal
 */

/** Between two readings while the hand draws, and while the network trains. */
const DRAWING_GAP_MS = 100;
const TRAINING_GAP_MS = 150;

/**
 * Has the drawing read again when it or the network has changed: one request at a time, not too
 * often, the last change always.
 */
export class Classifier {
  /** @type {Signal<Reading | null>} */
  reading = signal(null);
  /** @type {Signal<ApiError | null>} */
  error = signal(null);
  /** Who reads: the run's present weights, or the trained network. */
  /** @type {Signal<"run" | "trained">} */
  reader = signal("run");
  /** How far the trained network is, in words; null when it is ready or not asked for. */
  /** @type {Signal<string | null>} */
  progress = signal(null);
  #read;
  #now;
  #setTimer;
  /** @type {AbortController | null} */
  #underWay = null;
  #last = Number.NEGATIVE_INFINITY;
  #asked = false;
  #timerSet = false;

  /**
   * @param {object} options
   * @param {(signal: AbortSignal) => Promise<Reading | null>} options.read null: there is nothing to read
   * @param {() => number} [options.now] milliseconds
   * @param {(callback: () => void, ms: number) => void} [options.setTimer]
   */
  constructor({ read, now = () => performance.now(), setTimer = (f, ms) => setTimeout(f, ms) }) {
    this.#read = read;
    this.#now = now;
    this.#setTimer = setTimer;
  }

  drawingChanged() {
    this.#ask(DRAWING_GAP_MS);
  }

  networkChanged() {
    this.#ask(TRAINING_GAP_MS);
  }

  /** Forgets what was read, and whatever is under way. */
  clear() {
    this.#underWay?.abort();
    this.#underWay = null;
    this.#asked = false;
    this.reading.value = null;
    this.error.value = null;
  }

  /** @param {number} gap */
  #ask(gap) {
    this.#asked = true;
    if (this.#timerSet || this.#underWay) return;
    this.#timerSet = true;
    this.#setTimer(() => this.#run(), Math.max(0, this.#last + gap - this.#now()));
  }

  async #run() {
    this.#timerSet = false;
    if (!this.#asked) return;
    this.#asked = false;
    this.#last = this.#now();
    const controller = new AbortController();
    this.#underWay = controller;
    try {
      const reading = await this.#read(controller.signal);
      if (controller.signal.aborted) return;
      this.reading.value = reading;
      this.error.value = null;
    } catch (error) {
      if (controller.signal.aborted) return;
      const { code = "error", message, hint = null } = /** @type {Error & ApiError} */ (error);
      this.reading.value = null;
      this.error.value = { code, message, hint };
    }
    this.#underWay = null;
    if (this.#asked) this.#ask(DRAWING_GAP_MS);
  }
}
