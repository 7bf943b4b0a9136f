import { formatCount, formatValue } from "../../format.js";
import { sourceNow } from "./source.js";

/**
 * @typedef {import("../../protocol/types.js").RunState} RunState
 * @typedef {import("./source.js").Explanation} Explanation
 */

/** @param {RunState} state */
export function batchSize(state) {
  return sourceNow(state).fromState(
    `digits in a batch, from the next DRAW on = ${formatCount(state.batch_size)}`,
    'state["batch_size"]',
  );
}

/**
 * A number of a run of the visitor's, as its state has it.
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
 * The least or largest difference of a unit's weights in two runs, as their images have them.
 *
 * @param {{ letter: string, id: string, scale: number }} first
 * @param {{ letter: string, id: string, scale: number }} other
 * @param {{ view: string, unit: number, end: "min" | "max", value: number }} shown
 * @returns {Explanation}
 */
export function differenceExtreme(first, other, { view, unit, end, value }) {
  const values = (/** @type {string} */ name, /** @type {typeof first} */ { id, scale }) =>
    `np.sign(${name} := view_of("${id}", "${view}")["values"][${unit}] - 128.0) * (${name} / 127) ** 2 * ${scale}`;
  const which = end === "min" ? "least" : "largest";
  return {
    formula:
      `the ${which} of W${other.letter} − W${first.letter} over the weights of unit ${unit} = ${formatValue(value)}; ` +
      "both as their images have them, in one byte a weight: sign · ((code − 128) / 127)² · scale",
    address: [other, first].map(({ id }) => `GET /api/runs/${id}/views/${view}`).join("\n"),
    numpy: `(${values("b", other)} - ${values("a", first)}).${end}()`,
  };
}
