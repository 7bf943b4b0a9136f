import { formatCount, formatValue } from "../format.js";
import { figureOf } from "./compared-readout.js";
import { LETTERS } from "./comparison.js";
import { largestLoss, lossesAboveAll } from "./explanations/comparing.js";
import * as explanations from "./explanations/progress.js";

/**
 * @typedef {import("../protocol/types.js").RunState} RunState
 * @typedef {import("./captions.js").Part} Part
 */

/**
 * @typedef {object} Above the losses above the end of a chart's axis
 * @property {number} end of the axis
 * @property {number} losses how many of the batches' losses lie above it
 * @property {number} tests how many test losses
 * @property {number} highest of all
 */

/**
 * @typedef {object} AboveOfRun one run's losses above the end of the shared axis
 * @property {number} slot
 * @property {number} losses how many lie above it
 * @property {number} highest
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
  // The total is left out if it would make the line wrap.
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
      text: highestText(highest),
      explanation: () => explanations.highestLoss(state, highest),
    },
  ];
}

/**
 * The same for compared runs: how many losses of each, and how far up.
 *
 * @param {readonly import("./comparison.js").Compared[]} all
 * @param {{ end: number, runs: readonly AboveOfRun[] }} above
 * @returns {Part[]}
 */
export function comparedAboveParts(all, { end, runs }) {
  const groups = runs.flatMap(({ slot, losses, highest }) => {
    const run = all.find((compared) => compared.slot === slot)?.run;
    if (!run) return [];
    const count = figureOf(run, formatCount(losses), (state) =>
      lossesAboveAll(state, { end, count: losses }),
    );
    const farthest = figureOf(run, highestText(highest), (state) => largestLoss(state, highest));
    return [
      [
        `${LETTERS[slot]} `,
        count,
        ` of ${formatCount(run.series.length)} losses, up to `,
        farthest,
      ],
    ];
  });
  return groups.flatMap((group, i) => [i === 0 ? "▲ above: " : "; ", ...group]);
}

/** @param {number} highest */
function highestText(highest) {
  return formatValue(highest, highest < 1e6 ? 3 : 2);
}
