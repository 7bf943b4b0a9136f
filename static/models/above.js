import { formatCount, formatValue } from "../format.js";
import * as explanations from "./explanations/progress.js";

/**
 * @typedef {import("../protocol/types.js").RunState} RunState
 * @typedef {import("./captions.js").Part} Part
 */

/**
 * @typedef {object} Above what a chart's axis does not hold
 * @property {number} end of the axis
 * @property {number} losses how many of the batches' losses lie above it
 * @property {number} tests how many test losses
 * @property {number} highest of all
 */

/**
 * How many losses lie above a chart's axis, and how far up.
 *
 * @param {RunState} state
 * @param {Above} above
 * @param {number} batches
 * @returns {Part[]}
 */
export function aboveParts(state, { end, losses, tests, highest }, batches) {
  const count = (/** @type {"losses" | "tests"} */ which, /** @type {number} */ value) => ({
    text: formatCount(value),
    explanation: () => explanations.lossesAbove(state, which, { end, count: value }),
  });
  // Of how many, where there is room for it: the line is not to wrap.
  const all = tests === 0 && batches < 10_000 ? ` of ${formatCount(batches)}` : "";
  /** @type {Part[]} */
  const ofBatches = [
    count("losses", losses),
    all,
    losses === 1 && all === "" ? " loss" : " losses",
  ];
  const ofTests = [count("tests", tests), tests === 1 ? " test" : " tests"];
  return [
    "▲ ",
    ...(losses > 0 ? ofBatches : []),
    ...(losses > 0 && tests > 0 ? [", "] : []),
    ...(tests > 0 ? ofTests : []),
    " above, up to ",
    {
      text: formatValue(highest, highest < 1e6 ? 3 : 2),
      explanation: () => explanations.highestLoss(state, highest),
    },
  ];
}
