import { formatSetting } from "../format.js";
import { OPTIMIZER_TITLES } from "./words.js";

/**
 * @typedef {import("../protocol/types.js").Action} Action
 * @typedef {import("../protocol/types.js").RunState} RunState
 */

/**
 * @typedef {object} Mark something that was changed in a run
 * @property {number} batch from which on it holds
 * @property {string} text
 * @property {boolean} [branch] whether the run left another's past there
 */

/**
 * What was changed in a run, and where it left another's past.
 *
 * @param {Pick<RunState, "actions" | "branched_from"> | null} state
 * @returns {Mark[]}
 */
export function marksOf(state) {
  if (!state) return [];
  const at = state.branched_from?.batch;
  const changes = state.actions
    .map(({ batch, set }) => ({ batch, text: settingText(set) }))
    .filter(({ text }) => text !== "");
  if (at === undefined) return changes;
  const branched = changes.filter(({ batch }) => batch === at).map(({ text }) => text);
  const before = changes.filter(({ batch }) => batch < at);
  const after = changes.filter(({ batch }) => batch > at);
  return [...before, { batch: at, text: branched.join(", "), branch: true }, ...after];
}

/**
 * "SGD, lr 0.1, batch 64"
 *
 * @param {Action["set"]} set
 */
export function settingText({ optimizer, learning_rate, momentum, batch_size, weight, drawing }) {
  const given =
    typeof optimizer === "object" && optimizer !== null
      ? /** @type {{ [name: string]: unknown }} */ (optimizer)
      : { name: optimizer };
  const parts = [];
  if (typeof given.name === "string") parts.push(OPTIMIZER_TITLES[given.name] ?? given.name);
  const rate = learning_rate ?? given.learning_rate;
  if (typeof rate === "number") parts.push(`lr ${formatSetting(rate)}`);
  const carried = momentum ?? given.momentum;
  if (typeof carried === "number" && (carried > 0 || momentum !== undefined)) {
    parts.push(`momentum ${formatSetting(carried)}`);
  }
  if (typeof batch_size === "number") parts.push(`batch ${batch_size}`);
  if (weight !== undefined) parts.push("a weight by hand");
  if (drawing !== undefined) parts.push("a step on a drawing");
  return parts.join(", ");
}

/**
 * "B from batch 137 on: lr 0.01", "B branches off at batch 61: SGD, lr 0.1"
 *
 * @param {string} letter
 * @param {Mark} mark
 */
export function changeText(letter, { batch, text, branch }) {
  if (!branch) return `${letter} from batch ${batch} on: ${text}`;
  return `${letter} branches off at batch ${batch}${text === "" ? "" : `: ${text}`}`;
}
