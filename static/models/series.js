/**
 * @typedef {object} SeriesPart the body of a frame's series message
 * @property {number} fromBatch the batch of the first value
 * @property {number} testsFrom `test` is complete from this batch on
 * @property {ArrayLike<number>} loss
 * @property {ArrayLike<number>} accuracy
 * @property {ArrayLike<number>} test rows of batch, loss, accuracy, one after the other
 */

/** @typedef {{ batch: number, loss: number, accuracy: number }} TestPoint */

/** The smoothed line is the mean over this many batches up to each. */
const SMOOTHING_BATCHES = 50;

/**
 * The per-batch series of a run, complete from batch 1 on.
 *
 * For each part that arrives it cuts back to `fromBatch` − 1, then appends. This settles duplicates
 * after a reconnect, and futures discarded after a step back.
 */
export class SeriesStore {
  #length = 0;
  #capacity = 1024;
  #batches = new Float64Array(this.#capacity);
  #loss = new Float64Array(this.#capacity);
  #accuracy = new Float64Array(this.#capacity);
  #smooth = new Float64Array(this.#capacity);
  /** @type {TestPoint[]} */
  #tests = [];

  /** The last batch stored; 0 if there is none. */
  get length() {
    return this.#length;
  }

  get batches() {
    return this.#batches.subarray(0, this.#length);
  }

  get loss() {
    return this.#loss.subarray(0, this.#length);
  }

  get accuracy() {
    return this.#accuracy.subarray(0, this.#length);
  }

  get smooth() {
    return this.#smooth.subarray(0, this.#length);
  }

  get tests() {
    return this.#tests;
  }

  /**
   * @param {SeriesPart} part
   * @returns {boolean} false if batches before `fromBatch` are missing; then nothing is taken
   */
  apply({ fromBatch, testsFrom, loss, accuracy, test }) {
    const keep = fromBatch - 1;
    if (keep > this.#length) return false;
    this.#length = keep;
    this.#reserve(keep + loss.length);
    for (let i = 0; i < loss.length; i++) this.#append(loss[i] ?? NaN, accuracy[i] ?? NaN);
    this.#tests = this.#tests.filter((point) => point.batch < testsFrom);
    for (let row = 0; row + 2 < test.length; row += 3) {
      this.#tests.push({
        batch: test[row] ?? NaN,
        loss: test[row + 1] ?? NaN,
        accuracy: test[row + 2] ?? NaN,
      });
    }
    return true;
  }

  /**
   * Drops everything beyond a batch: a discarded future.
   *
   * @param {number} batch
   */
  cutTo(batch) {
    if (batch >= this.#length) return;
    this.#length = batch;
    this.#tests = this.#tests.filter((point) => point.batch <= batch);
  }

  /**
   * @param {number} loss
   * @param {number} accuracy
   */
  #append(loss, accuracy) {
    const i = this.#length;
    this.#batches[i] = i + 1;
    this.#loss[i] = loss;
    this.#accuracy[i] = accuracy;
    this.#length = i + 1;
    // Summed afresh each time: one huge loss would spoil a running sum for good.
    const first = Math.max(0, i + 1 - SMOOTHING_BATCHES);
    let sum = 0;
    for (let j = first; j <= i; j++) sum += this.#loss[j] ?? NaN;
    this.#smooth[i] = sum / (i + 1 - first);
  }

  /** @param {number} length */
  #reserve(length) {
    if (length <= this.#capacity) return;
    while (this.#capacity < length) this.#capacity *= 2;
    this.#batches = grown(this.#batches, this.#capacity);
    this.#loss = grown(this.#loss, this.#capacity);
    this.#accuracy = grown(this.#accuracy, this.#capacity);
    this.#smooth = grown(this.#smooth, this.#capacity);
  }
}

/**
 * @param {Float64Array} array
 * @param {number} capacity
 */
function grown(array, capacity) {
  const larger = new Float64Array(capacity);
  larger.set(array);
  return larger;
}
