/**
 * Weight views may hold some units only: "layer1.weights/72/108" holds units 72 to 107.
 *
 * @param {string} whole
 * @param {{ first: number, last: number }} units `last` is the one after them
 */
export function partName(whole, { first, last }) {
  return `${whole}/${first}/${last}`;
}

/**
 * The whole that a weight view is a part of (itself if it is no part), and its units.
 *
 * @param {string} name
 */
export function partOf(name) {
  const [whole = "", first = 0, last = Infinity] = name.split("/");
  return { whole, first: Number(first), last: Number(last) };
}

/**
 * The same views, with parts of one weight view joined into a single view of all their units.
 *
 * @param {Iterable<string>} names
 */
export function joined(names) {
  /** @type {Map<string, string>} */
  const views = new Map();
  for (const name of names) {
    const { whole, first, last } = partOf(name);
    const key = isOfWeights(name) ? whole : name;
    const other = partOf(views.get(key) ?? name);
    const units = { first: Math.min(first, other.first), last: Math.max(last, other.last) };
    const isAll = key === name || units.last === Infinity;
    views.set(key, isAll ? key : partName(whole, units));
  }
  return [...views.values()];
}

/**
 * The units of a range that a layer has; its last unit if it has none of them.
 *
 * @param {readonly [number, number]} shape units, inputs
 * @param {{ first: number, last: number }} units
 */
export function unitsThere([units], { first, last }) {
  return { first: Math.min(first, units - 1), last: Math.min(last, units) };
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
