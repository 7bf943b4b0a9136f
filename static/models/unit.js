import { batchAtHand } from "./loop.js";

/** @typedef {import("./run.js").SeenView} SeenView */

/**
 * One unit of the first layer at one moment, from the view `inside/…`.
 *
 * @typedef {object} Unit
 * @property {number} unit
 * @property {number} input the picked pixel
 * @property {number} batch the batch at hand, or the one that led here
 * @property {Float32Array} weights
 * @property {number} bias
 * @property {Float32Array | null} outgoing to each unit of the next layer
 * @property {Float32Array | null} gradient null before the backward pass
 * @property {Float32Array | null} step null before the update
 * @property {Float32Array | null} deltas ∂loss/∂z of each sample of the batch
 */

/**
 * @typedef {object} Term one sample's share of the unit's gradient: δ · x
 * @property {number} sample
 * @property {number} delta
 * @property {number} size ‖δ · x‖
 */

/**
 * @param {SeenView | null} seen
 * @returns {Unit | null}
 */
export function unitOf(seen) {
  const floats = (/** @type {string} */ name) =>
    /** @type {Float32Array | undefined} */ (seen?.tensors.get(name)?.data) ?? null;
  const weights = floats("weights");
  if (!seen || !weights) return null;
  const { unit, input, batch, phase } = seen.metadata;
  return {
    unit: Number(unit),
    input: Number(input),
    batch: batchAtHand(batch, phase),
    weights,
    bias: Number(floats("bias")?.[0] ?? 0),
    outgoing: floats("outgoing"),
    gradient: floats("weights.gradient"),
    step: floats("weights.step"),
    deltas: floats("unit.preactivations.gradient"),
  };
}

/**
 * The unit's gradient as the sum Σ δᵢ · xᵢ, with the samples that contribute most first.
 *
 * @param {Float32Array} deltas (n,)
 * @param {Uint8Array} pixels (at least n, inputs), 0..255
 * @param {number} inputs
 * @returns {{ terms: Term[], sum: Float64Array }} without the samples that contribute nothing
 */
export function sumOfTerms(deltas, pixels, inputs) {
  const sum = new Float64Array(inputs);
  /** @type {Term[]} */
  const terms = [];
  deltas.forEach((delta, sample) => {
    if (delta === 0) return;
    let squares = 0;
    for (let i = 0, from = sample * inputs; i < inputs; i++) {
      const x = Math.fround((pixels[from + i] ?? 0) / 255); // as the network sees it
      sum[i] = (sum[i] ?? 0) + delta * x;
      squares += x * x;
    }
    terms.push({ sample, delta, size: Math.abs(delta) * Math.sqrt(squares) });
  });
  terms.sort((a, b) => b.size - a.size);
  return { terms, sum };
}

/**
 * The largest difference between two arrays.
 *
 * @param {ArrayLike<number>} a
 * @param {ArrayLike<number>} b
 */
export function largestDifference(a, b) {
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    largest = Math.max(largest, Math.abs((a[i] ?? NaN) - (b[i] ?? NaN)));
  }
  return largest;
}
