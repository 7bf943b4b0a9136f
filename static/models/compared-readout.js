import { boundText, textOfCode, valueOfCode } from "../draw/colours.js";
import { codeRange } from "../draw/units.js";
import { formatCount, formatLoss, NONE } from "../format.js";
import { COMPARED_VIEW, LETTERS } from "./comparison.js";
import { comparable, extremes } from "./difference.js";
import { differenceExtreme } from "./explanations/comparing.js";
import { shownExtreme } from "./explanations/grid.js";
import { lossOfBatch } from "./explanations/progress.js";

/**
 * @typedef {import("./captions.js").Part} Part
 * @typedef {import("./comparison.js").Compared} Compared
 * @typedef {import("./difference.js").Extreme} Extreme
 * @typedef {import("./explanations/source.js").Explanation} Explanation
 * @typedef {import("../protocol/types.js").RunState} RunState
 * @typedef {import("./run.js").WeightView} WeightView
 */

/** @typedef {{ compared: Compared, view: WeightView }} Seen */

/**
 * The losses of a batch, for each run that has it.
 *
 * @param {readonly Compared[]} all
 * @param {number} batch
 * @returns {Part[]}
 */
export function lossParts(all, batch) {
  const has = (/** @type {Compared} */ { run }) => 1 <= batch && batch <= run.series.length;
  if (!all.some(has)) return [];
  return all.flatMap((compared, i) => {
    const { slot, run } = compared;
    const loss = run.series.loss[batch - 1];
    const figure = has(compared)
      ? figureOf(run, formatLoss(loss), (state) => lossOfBatch(state, batch, loss))
      : NONE;
    const before = i === 0 ? `batch ${formatCount(batch)}: loss ` : ", ";
    return [before, `${LETTERS[slot]} `, figure];
  });
}

/**
 * A number of a run, which explains itself as long as the API has the run.
 *
 * @param {Compared["run"]} run
 * @param {string} text
 * @param {(state: RunState) => Explanation | null} explanation
 * @returns {Part}
 */
export function figureOf(run, text, explanation) {
  const state = explainedState(run);
  return state ? { text, explanation: () => explanation(state) } : text;
}

/**
 * The state of a run whose numbers can be explained; of a run that is gone the API has nothing.
 *
 * @param {Compared["run"]} run
 */
function explainedState(run) {
  return run.gone.peek() ? null : run.state.peek();
}

/**
 * The last batch that all runs still going have; if none is going, that all runs have.
 *
 * @param {readonly Compared[]} all
 * @param {(run: Compared["run"]) => boolean} goesOn
 */
export function lastOfAll(all, goesOn) {
  const going = all.filter(({ run }) => goesOn(run));
  return Math.min(...(going.length > 0 ? going : all).map(({ run }) => run.series.length));
}

/**
 * A unit's lowest and highest weight in each run, and those of its difference from the first run,
 * as the images show them.
 *
 * @param {readonly Seen[]} seen
 * @param {number} unit
 * @returns {Part[]}
 */
export function unitParts(seen, unit) {
  const there = seen.filter(({ view }) => unit < view.shape[0]);
  const [first, ...others] = there;
  if (!first) return [];
  const groups = [
    ...there.map((run) => ownParts(run, unit)),
    ...others
      .filter(({ view }) => comparable(first.view, view))
      .map((other) => differenceParts(first, other, unit)),
  ];
  return groups.flatMap((group, i) => [i === 0 ? `unit ${unit}: ` : "; ", ...group]);
}

/**
 * @param {Seen} seen
 * @param {number} unit
 * @returns {Part[]}
 */
function ownParts({ compared: { slot, run }, view }, unit) {
  const { low, high } = codeRange(view, unit);
  const description = { ...view, view: COMPARED_VIEW, layer: 1, kind: "weights" };
  const figure = (/** @type {"min" | "max"} */ end, /** @type {number} */ code) => {
    const text = textOfCode(code, view.scale, view.coding);
    const value = valueOfCode(code, view.scale, view.coding);
    return figureOf(run, text, (state) => shownExtreme(state, description, { unit, end, value }));
  };
  return [`${LETTERS[slot]} `, figure("min", low), " to ", figure("max", high)];
}

/**
 * @param {Seen} first
 * @param {Seen} other
 * @param {number} unit
 * @returns {Part[]}
 */
function differenceParts(first, other, unit) {
  const { min, max } = extremes(first.view, other.view, unit);
  const side = (/** @type {Seen} */ { compared: { slot, id }, view: { scale } }) => ({
    letter: LETTERS[slot] ?? "",
    id,
    scale,
  });
  const [one, two] = [side(first), side(other)];
  const isExplained = [first, other].every(({ compared: { run } }) => explainedState(run));
  const part = (/** @type {"min" | "max"} */ end, /** @type {Extreme} */ extreme) => {
    if (!Number.isFinite(extreme.value)) return "unknown";
    const text = boundText(extreme.value, extreme.side);
    const explanation = () =>
      differenceExtreme(one, two, { view: COMPARED_VIEW, unit, end, ...extreme });
    return isExplained ? { text, explanation } : text;
  };
  return [`${two.letter} − ${one.letter} `, part("min", min), " to ", part("max", max)];
}
