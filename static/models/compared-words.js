import { formatCount, formatError, formatSetting } from "../format.js";
import { LETTERS } from "./comparison.js";
import { batchOfLoss, OPTIMIZER_TITLES } from "./words.js";

/**
 * @typedef {import("../protocol/types.js").Action} Action
 * @typedef {import("../protocol/types.js").OptimizerConfig} OptimizerConfig
 * @typedef {import("./run.js").RunModel} RunModel
 * @typedef {import("../protocol/types.js").RunState} RunState
 */

/**
 * "SGD, momentum 0.9"
 *
 * @param {OptimizerConfig | string} optimizer
 */
export function optimizerTitle(optimizer) {
  if (typeof optimizer === "string") return OPTIMIZER_TITLES[optimizer] ?? optimizer;
  const title = OPTIMIZER_TITLES[optimizer.name] ?? optimizer.name;
  return optimizer.momentum ? `${title}, momentum ${formatSetting(optimizer.momentum)}` : title;
}

/**
 * "SGD 0.1, momentum 0.9"
 *
 * @param {OptimizerConfig | string} optimizer
 * @param {number} learningRate
 */
export function optimizerSetting(optimizer, learningRate) {
  const [title, ...rest] = optimizerTitle(optimizer).split(", ");
  return [`${title} ${formatSetting(learningRate)}`, ...rest].join(", ");
}

/**
 * A run's title: its name, else its settings.
 *
 * @param {{ name?: string, optimizer: OptimizerConfig | string, learning_rate: number }} run
 */
export function runTitle({ name, optimizer, learning_rate }) {
  return name || optimizerSetting(optimizer, learning_rate);
}

/**
 * What else than settings sets the later runs apart from the first, in sentences: another start,
 * other batches, another network. Empty if all have the same start and the same batches.
 *
 * @param {readonly { slot: number, state: RunState }[]} runs
 */
export function apartNotes(runs) {
  const [first, ...others] = runs;
  if (!first) return [];
  return others.flatMap((other) => apartFrom(first, other));
}

/**
 * The note about a run that is not in the race.
 *
 * @param {number} slot
 * @param {RunState} state
 */
export function waitingNote(slot, { batch }) {
  return `${LETTERS[slot]} is not in this race: it waits at batch ${formatCount(batch)}.`;
}

/**
 * What a run does, in a few words.
 *
 * @param {RunModel} run
 * @param {number} slot
 */
export function standing(run, slot) {
  if (run.gone.peek()) return "no such run";
  const state = run.state.peek();
  const isAway = run.connection.peek() === "away";
  if (!state) return isAway ? "can't be opened, trying again" : "is being opened";
  const own = slot === 0 ? "this page's run" : "";
  const failed = state.state === "failed" ? `stopped after batch ${formatCount(state.batch)}` : "";
  const of = batchOfLoss(state);
  const isAhead = state.state === "paused" && of > state.batch;
  const ahead = isAhead ? `loss and accuracy of batch ${formatCount(of)}` : "";
  const watched = run.writable.peek() ? "" : "watch only";
  const away = isAway ? "connection lost, trying again" : "";
  return [own, failed, ahead, watched, away].filter(Boolean).join(", ");
}

/**
 * Why a run has stopped for good, in full; empty if it has not.
 *
 * @param {RunModel} run
 * @param {number} slot
 */
export function outNote(run, slot) {
  const letter = LETTERS[slot] ?? "";
  const gone = run.gone.peek();
  if (gone) return `${letter}: ${formatError(gone)}`;
  const state = run.state.peek();
  if (state?.state !== "failed" || !state.error) return "";
  const { message, hint } = state.error;
  return formatError({ message: `${letter} has dropped out: ${message}`, hint });
}

/**
 * Which runs the others go on without, in step; empty if all go on.
 *
 * @param {readonly { slot: number, run: RunModel }[]} out
 */
export function withoutText(out) {
  if (out.length === 0) return "";
  return `(without ${out.map(({ slot }) => LETTERS[slot]).join(", ")})`;
}

/**
 * @param {{ slot: number, state: RunState }} first
 * @param {{ slot: number, state: RunState }} other
 */
function apartFrom(first, other) {
  const [a, b] = [LETTERS[first.slot], LETTERS[other.slot]];
  const [one, two] = [first.state.config, other.state.config];
  const notes = [];
  if (JSON.stringify(one.layers) !== JSON.stringify(two.layers)) {
    const isAlike = one.layers[0]?.units === two.layers[0]?.units;
    const shown = isAlike ? "" : ", so their weights cannot be compared";
    notes.push(`${b} is a different network from ${a}${shown}.`);
  }
  if (one.loss !== two.loss) {
    notes.push(`${b} has a different loss function from ${a}, so their losses cannot be compared.`);
  }
  if (one.dtype !== two.dtype) notes.push(`${b} computes in ${two.dtype}, ${a} in ${one.dtype}.`);
  if (one.seed !== two.seed || one.dataset !== two.dataset) {
    notes.push(`${b} has a different seed from ${a}, so its start and its batches are different.`);
    return notes;
  }
  const parts = firstDifference(sizesOf(first.state), sizesOf(other.state));
  if (parts === null) return notes;
  const since = parts.batch === 0 ? "" : ` from batch ${formatCount(parts.batch)} on`;
  notes.push(
    `${a} and ${b} draw different batches${since}: ` +
      `${a} takes ${formatCount(parts.one)} digits at a time, ${b} takes ${formatCount(parts.other)}.`,
  );
  return notes;
}

/**
 * The batch sizes, and the batches from which they count.
 *
 * @param {RunState} state
 * @returns {{ batch: number, size: number }[]}
 */
function sizesOf({ config, actions }) {
  const sizes = [{ batch: 0, size: config.batch_size }];
  for (const { batch, set } of actions) {
    if (typeof set?.batch_size === "number") sizes.push({ batch, size: set.batch_size });
  }
  return sizes;
}

/**
 * @param {{ batch: number, size: number }[]} one
 * @param {{ batch: number, size: number }[]} other
 */
function firstDifference(one, other) {
  const at = (/** @type {typeof one} */ sizes, /** @type {number} */ batch) =>
    sizes.findLast((size) => size.batch <= batch)?.size ?? 0;
  const places = [...one, ...other].map(({ batch }) => batch).toSorted((a, b) => a - b);
  for (const batch of places) {
    const [sizeOne, sizeOther] = [at(one, batch), at(other, batch)];
    if (sizeOne !== sizeOther) return { batch, one: sizeOne, other: sizeOther };
  }
  return null;
}
