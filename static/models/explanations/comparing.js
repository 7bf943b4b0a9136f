import { formatCount, formatValue } from "../../format.js";
import { Source } from "./source.js";

/**
 * @typedef {import("../../protocol/types.js").RunState} RunState
 * @typedef {import("./source.js").Explanation} Explanation
 */

/**
 * A number from the state of one of the visitor's runs.
 *
 * @param {string} id
 * @param {"batch" | "furthest" | "accuracy" | "test_accuracy"} field
 * @param {string} formula
 * @returns {Explanation}
 */
export function numberOfRun(id, field, formula) {
  return { formula, address: `GET /api/runs/${id}`, numpy: `state_of("${id}")["${field}"]` };
}

/**
 * How many losses of a run lie above the end of the shared axis.
 *
 * @param {RunState} state
 * @param {{ end: number, count: number }} above
 */
export function lossesAboveAll({ id }, { end, count }) {
  return new Source(id).fromSeries(
    `batch losses above ${formatValue(end)}, the end of the axis = ${formatCount(count)}; of each run the axis holds the first loss, 95 of 100 losses, and the mean unless it is far above those; a run far above every first loss does not count`,
    `(np.array(series["loss"]) > ${end}).sum()`,
  );
}

/**
 * @param {RunState} state
 * @param {number} value
 */
export function largestLoss({ id }, value) {
  return new Source(id).fromSeries(
    `the largest loss of a batch = ${formatValue(value, 3)}`,
    'max(series["loss"])',
  );
}

/**
 * The lowest or highest difference between a unit's weights in two runs, as their images hold them.
 * If weights are at an end of an image's scale, it is the best known bound.
 *
 * @param {{ letter: string, id: string, scale: number }} first
 * @param {{ letter: string, id: string, scale: number }} other
 * @param {{ view: string, unit: number, end: "min" | "max" } & import("../difference.js").Extreme} shown
 * @returns {Explanation}
 */
export function differenceExtreme(first, other, { view, unit, end, value, side }) {
  const values = (/** @type {string} */ name, /** @type {typeof first} */ { id, scale }) =>
    `np.sign(${name} := view_of("${id}", "${view}")["values"][${unit}] - 128.0) * (${name} / 127) ** 2 * ${scale}`;
  const isLeast = end === "min";
  const which = isLeast ? "lowest" : "highest";
  const [is, bounded] = isLeast ? ["or less", "an upper"] : ["or more", "a lower"];
  const what = `the ${which} of W${other.letter} − W${first.letter} over the weights of unit ${unit}`;
  const says =
    side === 0
      ? `${what} = ${formatValue(value)}`
      : `${what}: ${formatValue(value)} ${is}, since a weight at the end of its image's scale may lie beyond it; ` +
        `this is the ${which} over the weights for which the images give ${bounded} bound`;
  const known = isLeast ? "(b < 127) & (a > -127)" : "(b > -127) & (a < 127)";
  return {
    formula: `${says}; both weights as their images hold them, in one byte: sign · ((code − 128) / 127)² · scale`,
    address: [other, first].map(({ id }) => `GET /api/runs/${id}/views/${view}`).join("\n"),
    numpy: `(${values("b", other)} - ${values("a", first)})${side === 0 ? "" : `[${known}]`}.${end}()`,
  };
}
