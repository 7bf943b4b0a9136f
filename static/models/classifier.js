import { signal } from "@preact/signals-core";
import { formatPercent } from "../format.js";
import { apiErrorOf } from "../protocol/api.js";

/**
 * @typedef {import("../protocol/types.js").Reading} Reading
 * @typedef {import("../protocol/types.js").ApiError} ApiError
 * @typedef {import("../protocol/types.js").TrainedNetwork} TrainedNetwork
 */

/**
 * @template T
 * @typedef {import("@preact/signals-core").Signal<T>} Signal
 */

/** @typedef {"run" | "trained"} Reader the run's present weights, or the trained network */

/** The least time between two readings, while the hand draws and while the network trains. */
const DRAWING_GAP_MS = 100;
const TRAINING_GAP_MS = 150;
const ASK_PROGRESS_MS = 1000;

/**
 * Has the drawing read again when it or the network changes: one request at a time, not too often,
 * and always after the last change.
 */
export class Classifier {
  /** @type {Signal<Reading | null>} */
  reading = signal(null);
  /** Whether the reading is of the present drawing. */
  isCurrent = signal(false);
  /** @type {Signal<ApiError | null>} */
  error = signal(null);
  /** @type {Signal<Reader>} */
  reader = signal("run");
  /** How far the trained network is, in words; null if it is ready or not chosen. */
  /** @type {Signal<string | null>} */
  progress = signal(null);
  #read;
  #trained;
  #now;
  #setTimer;
  /** @type {AbortController | null} */
  #underWay = null;
  #last = Number.NEGATIVE_INFINITY;
  #asked = false;
  #timerSet = false;
  #drawings = 0;
  /** Aborted when another reader is chosen. */
  #choice = new AbortController();

  /**
   * @param {object} options
   * @param {(signal: AbortSignal) => Promise<Reading | null>} options.read gives null if there is nothing to read
   * @param {(signal: AbortSignal) => Promise<TrainedNetwork>} options.trained how far it is
   * @param {() => number} [options.now] milliseconds
   * @param {(callback: () => void, ms: number) => void} [options.setTimer]
   */
  constructor({
    read,
    trained,
    now = () => performance.now(),
    setTimer = (f, ms) => setTimeout(f, ms),
  }) {
    this.#read = read;
    this.#trained = trained;
    this.#now = now;
    this.#setTimer = setTimer;
  }

  drawingChanged() {
    this.#drawings += 1;
    this.isCurrent.value = false;
    // These weights cannot read anything, so asking again with every stroke is useless.
    if (this.error.peek()?.code !== "not_finite") this.#ask(DRAWING_GAP_MS);
  }

  networkChanged() {
    this.#ask(TRAINING_GAP_MS);
  }

  /** Chooses who reads; the trained network reads once it is ready. @param {Reader} reader */
  choose(reader) {
    this.#choice.abort();
    this.#choice = new AbortController();
    this.clear();
    this.reader.value = reader;
    this.progress.value = reader === "trained" ? progressText(null) : null;
    if (reader === "trained") this.#awaitTrained(this.#choice.signal);
    else this.drawingChanged();
  }

  /** Forgets the reading, and cancels a request under way. */
  clear() {
    this.#underWay?.abort();
    this.#underWay = null;
    this.#asked = false;
    this.reading.value = null;
    this.isCurrent.value = false;
    this.error.value = null;
  }

  /** @param {AbortSignal} chosen */
  async #awaitTrained(chosen) {
    const status = await this.#trained(chosen).catch(() => null);
    if (chosen.aborted) return;
    this.progress.value = status?.ready ? null : progressText(status);
    if (status?.ready) this.drawingChanged();
    else this.#setTimer(() => chosen.aborted || this.#awaitTrained(chosen), ASK_PROGRESS_MS);
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
    const drawing = this.#drawings;
    try {
      const reading = await this.#read(controller.signal);
      if (controller.signal.aborted) return;
      this.reading.value = reading;
      this.isCurrent.value = drawing === this.#drawings;
      this.error.value = null;
    } catch (error) {
      if (controller.signal.aborted) return;
      this.reading.value = null;
      this.error.value = apiErrorOf(error);
    }
    this.#underWay = null;
    if (this.#asked) this.#ask(DRAWING_GAP_MS);
  }
}

/** @param {TrainedNetwork | null} status null if there was no answer */
function progressText(status) {
  if (status === null) return "Asking the server …";
  const { epoch, epochs, progress } = status;
  return `Still training: epoch ${epoch} of ${epochs}, ${formatPercent(progress, 0)}.`;
}
