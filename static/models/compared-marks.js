import { formatCount } from "../format.js";
import { eachOnce, markOf } from "./changes.js";

/**
 * @typedef {import("../protocol/types.js").Action} Action
 * @typedef {import("../protocol/types.js").RunState} RunState
 */

/**
 * @typedef {object} Mark a change in a run
 * @property {number} batch the change counts from here on
 * @property {string} text
 * @property {boolean} [branch] whether the run branched off another there
 */

/**
 * A run's changes, and where it branched off another run.
 *
 * @param {Pick<RunState, "actions" | "branched_from"> | null} state
 * @returns {Mark[]}
 */
export function marksOf(state) {
  if (!state) return [];
  const at = state.branched_from?.batch;
  const all = state.actions.map((action) => ({ batch: action.batch, text: settingText(action) }));
  const changes = eachOnce(all).filter(({ text }) => text !== "");
  if (at === undefined) return changes;
  const branched = changes.filter(({ batch }) => batch === at).map(({ text }) => text);
  const before = changes.filter(({ batch }) => batch < at);
  const after = changes.filter(({ batch }) => batch > at);
  return [...before, { batch: at, text: branched.join(", "), branch: true }, ...after];
}

/**
 * "SGD, lr 0.1, size 64": a rate given with an optimizer is written like one set alone.
 *
 * @param {Action} action
 */
export function settingText({ batch, set }) {
  const { optimizer } = set;
  if (typeof optimizer !== "object" || optimizer === null) return markOf({ batch, set });
  const { learning_rate, momentum } = /** @type {{ [name: string]: unknown }} */ (optimizer);
  const carried = momentum ? { momentum } : {};
  return markOf({ batch, set: { learning_rate, ...carried, ...set } });
}

/**
 * "B from batch 137 on: lr 0.01", "B branches off at batch 61: SGD, lr 0.1"
 *
 * @param {string} letter
 * @param {Mark} mark
 */
export function changeText(letter, { batch, text, branch }) {
  if (!branch) return `${letter} from batch ${formatCount(batch)} on: ${text}`;
  return `${letter} branches off at batch ${formatCount(batch)}${text === "" ? "" : `: ${text}`}`;
}

/**
 * The text beside a mark in a chart, where its place shows the batch.
 *
 * @param {Mark} mark
 */
export function markWords({ text, branch }) {
  if (!branch) return text;
  return text === "" ? "branches off" : `branches off: ${text}`;
}
