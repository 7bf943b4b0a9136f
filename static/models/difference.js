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
 * Whether two views have the same shape, so that each weight has its counterpart.
 *
 * @param {WeightView} one
 * @param {WeightView} other
 */
export function comparable(one, other) {
  return one.shape[0] === other.shape[0] && one.shape[1] === other.shape[1];
}

/**
 * `other` − `first`, weight by weight, for some units: of the values behind the codes.
 *
 * @param {WeightView} first
 * @param {WeightView} other
 * @param {{ from: number, count: number }} units
 */
export function difference(first, other, units) {
  const [valuesFirst, valuesOther] = [valuesOf(first), valuesOf(other)];
  const two = codesIn(other, units);
  return Float64Array.from(codesIn(first, units), (one, i) => {
    const code = /** @type {number} */ (two[i]);
    return /** @type {number} */ (valuesOther[code]) - /** @type {number} */ (valuesFirst[one]);
  });
}

/**
 * The codes of some units of a view, which may hold only these.
 *
 * @param {WeightView} view
 * @param {{ from: number, count: number }} units
 */
function codesIn({ codes, first, shape: [, inputs] }, { from, count }) {
  const start = (from - first) * inputs;
  return codes.subarray(start, start + count * inputs);
}

/**
 * @param {ArrayLike<number>} values
 * @param {number} scale
 */
export function codesOf(values, scale) {
  return Uint8Array.from(values, (value) => signedCode(value, scale));
}

/**
 * Codes the difference of two views on a scale. There are only as many differences as there are
 * pairs of codes, so each pair's is computed once and then looked up.
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
  return function codeDifference(first, other, units, scale) {
    const key = [first.scale, first.coding, other.scale, other.coding, scale].join();
    if (key !== made) {
      const valuesFirst = valuesOf(first);
      const valuesOther = valuesOf(other);
      for (let i = 0; i < codes.length; i++) {
        codes[i] = signedCode((valuesOther[i & 255] ?? 0) - (valuesFirst[i >> 8] ?? 0), scale);
      }
      made = key;
    }
    const others = codesIn(other, units);
    return codesIn(first, units).map((one, i) => {
      const two = /** @type {number} */ (others[i]);
      return /** @type {number} */ (codes[(one << 8) | two]);
    });
  };
}

/**
 * The codes of some units on a given scale, which need not be the view's own.
 *
 * @param {WeightView} view
 * @param {{ from: number, count: number }} units
 * @param {number} scale
 */
export function codesOn(view, units, scale) {
  const codes = codesIn(view, units);
  if (view.scale === scale && view.coding === "signed") return codes;
  const table = codesOf(valuesOf(view), scale);
  return codes.map((code) => table[code] ?? 128);
}

/**
 * For each weight of some units: 1 if it is at an end of its view's scale, so that it may lie
 * beyond; else 0.
 *
 * @param {WeightView} view
 * @param {{ from: number, count: number }} units
 */
export function endsIn(view, units) {
  return codesIn(view, units).map((code) => Math.abs(endOfCode(code, view.coding)));
}

/**
 * @typedef {object} Extreme the lowest or highest of some values, or a bound on it
 * @property {number} value infinite if not even a bound is known
 * @property {number} side −1: it is `value` or less; 1: `value` or more; 0: exactly `value`
 */

/**
 * The lowest and the highest of `other` − `first` over the weights of a unit. If a weight is at an
 * end of its scale, its difference is only a bound.
 *
 * @param {WeightView} first
 * @param {WeightView} other
 * @param {number} unit
 * @returns {{ min: Extreme, max: Extreme }}
 */
export function extremes(first, other, unit) {
  const units = { from: unit, count: 1 };
  const values = difference(first, other, units);
  const endsOf = (/** @type {WeightView} */ view) =>
    [...codesIn(view, units)].map((code) => endOfCode(code, view.coding));
  const [endsFirst, endsOther] = [endsOf(first), endsOf(other)];
  const min = { low: Infinity, high: Infinity };
  const max = { low: -Infinity, high: -Infinity };
  values.forEach((value, i) => {
    const [one, two] = [endsFirst[i], endsOther[i]];
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
