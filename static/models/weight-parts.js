/**
 * Weight views may be of some units only: "layer1.weights/72/108" is of units 72 to 107.
 *
 * @param {string} whole
 * @param {{ first: number, last: number }} units `last` is the one after them
 */
export function partName(whole, { first, last }) {
  return `${whole}/${first}/${last}`;
}

/**
 * What a weight view is a part of, itself where it is none, and its first unit.
 *
 * @param {string} name
 */
export function partOf(name) {
  const [whole = "", first = 0] = name.split("/");
  return { whole, first: Number(first) };
}

/** @param {string} view */
export function isOfWeights(view) {
  return view.startsWith("layer");
}

/**
 * @param {import("./run.js").WeightView} view
 * @param {{ first: number, last: number }} units
 */
export function hasUnits({ codes, first: from, shape: [, inputs] }, { first, last }) {
  return from <= first && last <= from + codes.length / inputs;
}
