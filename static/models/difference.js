import { endOfCode, signedCode, valueOfCode } from "../draw/colours.js";

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
 * Codes the difference of two views on a scale. There are only as many differences as pairs of
 * codes, so each pair's is computed once, and then looked up.
 */
export function differenceCoder() {
  let made = "";
  const codes = new Uint8Array(256 * 256);

  /**
   * @param {WeightView} first
   * @param {WeightView} other
   * @param {{ from: number, count: number }} units
   * @param {number} scale
   */
  return function codeDifference(first, other, { from, count }, scale) {
    const key = [first.scale, first.coding, other.scale, other.coding, scale].join();
    if (key !== made) {
      const valuesFirst = valuesOf(first);
      const valuesOther = valuesOf(other);
      for (let i = 0; i < codes.length; i++) {
        codes[i] = signedCode((valuesOther[i & 255] ?? 0) - (valuesFirst[i >> 8] ?? 0), scale);
      }
      made = key;
    }
    const start = from * first.shape[1];
    const end = Math.min(from + count, first.shape[0]) * first.shape[1];
    const out = new Uint8Array(end - start);
    for (let i = start; i < end; i++) {
      const one = /** @type {number} */ (first.codes[i]);
      const two = /** @type {number} */ (other.codes[i]);
      out[i - start] = /** @type {number} */ (codes[(one << 8) | two]);
    }
    return out;
  };
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
 * The weights of some units that are at an end of their view's scale, and may lie beyond it: 1,
 * those that are not: 0.
 *
 * @param {WeightView} view
 * @param {{ from: number, count: number }} units
 */
export function endsIn({ codes, shape: [, inputs], coding }, { from, count }) {
  const some = codes.subarray(from * inputs, (from + count) * inputs);
  return some.map((code) => Math.abs(endOfCode(code, coding)));
}

/**
 * @typedef {object} Extreme the least or the largest of some values, or a bound of it
 * @property {number} value infinite where not even a bound is known
 * @property {number} side −1: it is that or less; 1: that or more; 0: that
 */

/**
 * The least and the largest of `other` − `first` over the weights of a unit. Where a weight is at
 * an end of its scale, its difference is only a bound.
 *
 * @param {WeightView} first
 * @param {WeightView} other
 * @param {number} unit
 * @returns {{ min: Extreme, max: Extreme }}
 */
export function extremes(first, other, unit) {
  const values = difference(first, other, { from: unit, count: 1 });
  const start = unit * first.shape[1];
  const endOf = (/** @type {WeightView} */ { codes, coding }, /** @type {number} */ i) =>
    endOfCode(codes[start + i] ?? 128, coding);
  const min = { low: Infinity, high: Infinity };
  const max = { low: -Infinity, high: -Infinity };
  values.forEach((value, i) => {
    const [one, two] = [endOf(first, i), endOf(other, i)];
    const low = one === 1 || two === -1 ? -Infinity : value;
    const high = one === -1 || two === 1 ? Infinity : value;
    min.low = Math.min(min.low, low);
    min.high = Math.min(min.high, high);
    max.low = Math.max(max.low, low);
    max.high = Math.max(max.high, high);
  });
  return {
    min: { value: min.high, side: min.low < min.high ? -1 : 0 },
    max: { value: max.low, side: max.low < max.high ? 1 : 0 },
  };
}
