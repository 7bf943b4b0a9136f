import { signedCode, valueOfCode } from "../draw/colours.js";

/** @typedef {import("./run.js").WeightView} WeightView */

/**
 * The value of each code of a view.
 *
 * @param {Pick<WeightView, "scale" | "coding">} view
 */
export function valuesOf({ scale, coding }) {
  return Float64Array.from({ length: 256 }, (_, code) => valueOfCode(code, scale, coding));
}

/**
 * Whether two views have a weight for a weight.
 *
 * @param {WeightView} one
 * @param {WeightView} other
 */
export function comparable(one, other) {
  return one.shape[0] === other.shape[0] && one.shape[1] === other.shape[1];
}

/**
 * `other` − `first`, weight by weight, of some units: the values behind the codes, not the codes.
 *
 * @param {WeightView} first
 * @param {WeightView} other
 * @param {{ from: number, count: number }} units
 */
export function difference(first, other, { from, count }) {
  const inputs = first.shape[1];
  const [valuesFirst, valuesOther] = [valuesOf(first), valuesOf(other)];
  const start = from * inputs;
  const length = Math.min(count, first.shape[0] - from) * inputs;
  const out = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const one = /** @type {number} */ (first.codes[start + i]);
    const two = /** @type {number} */ (other.codes[start + i]);
    out[i] = /** @type {number} */ (valuesOther[two]) - /** @type {number} */ (valuesFirst[one]);
  }
  return out;
}

/**
 * @param {ArrayLike<number>} values
 * @param {number} scale
 */
export function codesOf(values, scale) {
  return Uint8Array.from(values, (value) => signedCode(value, scale));
}

/**
 * The codes of some units on a scale, which need not be the view's own.
 *
 * @param {WeightView} view
 * @param {{ from: number, count: number }} units
 * @param {number} scale
 */
export function codesOn(view, { from, count }, scale) {
  const inputs = view.shape[1];
  const codes = view.codes.subarray(from * inputs, (from + count) * inputs);
  if (view.scale === scale && view.coding === "signed") return codes;
  const table = codesOf(valuesOf(view), scale);
  return codes.map((code) => table[code] ?? 128);
}

/**
 * The least and the largest of one image's values.
 *
 * @param {Float64Array} values
 */
export function extremes(values) {
  let [min, max] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max };
}
