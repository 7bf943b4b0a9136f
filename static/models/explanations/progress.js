import {
  formatCount,
  formatLoss,
  formatPercent,
  formatSetting,
  formatValue,
} from "../../format.js";
import { batchOfLoss, samplesOf } from "../words.js";
import { lastLayer, Source, sourceNow, sourceOf } from "./source.js";

/**
 * @typedef {import("../../protocol/types.js").RunState} RunState
 * @typedef {import("./source.js").Explanation} Explanation
 */

/** @param {RunState} state */
export function loss(state) {
  const source = sourceOf(state, "loss");
  const term = state.config.loss === "mean_squared_error" ? "(p − y)²" : "−log p[true digit]";
  return source.fromTensors(
    `loss = mean of ${term} over the batch's digits = ${formatLoss(state.loss)}`,
    ["loss.per_sample"],
    `${source.tensor("loss.per_sample")}.mean()`,
  );
}

/** @param {RunState} state */
export function accuracy(state) {
  const source = sourceOf(state, "loss");
  const answers = `layer${lastLayer(state)}.activations`;
  return source.fromTensors(
    `batch accuracy = share of the batch's digits for which the true digit had the largest output = ${formatPercent(state.accuracy)}`,
    [answers, "batch.y"],
    `(${source.tensor(answers)}.argmax(axis=1) == ${source.tensor("batch.y")}).mean()`,
  );
}

/** @param {RunState} state */
export function testAccuracy(state) {
  return sourceNow(state).fromView(
    `test accuracy = right answers / all 10,000 test images, the diagonal of the confusion matrix / its sum = ${formatPercent(state.test_accuracy, 2)}, measured at batch ${formatCount(state.test_batch ?? 0)}`,
    "mistakes",
    'np.trace(c := view("mistakes")["confusion"]) / c.sum()',
  );
}

/** @param {RunState} state */
export function testBatch(state) {
  return sourceNow(state).fromState(
    `the batch after which the test images were last measured = ${formatCount(state.test_batch ?? 0)}`,
    'state["test_batch"]',
  );
}

/** @param {RunState} state */
export function lossBatch(state) {
  const batch = batchOfLoss(state);
  const words = "the batch of this loss and accuracy = completed batches";
  return batch === state.batch
    ? sourceNow(state).fromState(`${words} = ${formatCount(batch)}`, 'state["batch"]')
    : sourceNow(state).fromState(
        `${words} + 1, as the next one is under way = ${formatCount(state.batch)} + 1`,
        'state["batch"] + 1',
      );
}

/** @param {RunState} state */
export function epoch(state) {
  const samples = samplesOf(state);
  const all = samples === null ? "every sample" : `each of the ${formatCount(samples)} digits`;
  return sourceNow(state).fromState(
    `epoch = completed epochs + 1 = ${formatCount(state.epoch)} + 1; an epoch uses ${all} once`,
    'state["epoch"] + 1',
  );
}

/** @param {RunState} state */
export function batchInEpoch(state) {
  return sourceNow(state).fromState(
    `completed batches of this epoch = ${formatCount(state.batch_in_epoch)}`,
    'state["batch_in_epoch"]',
  );
}

/** @param {RunState} state */
export function batchesPerEpoch(state) {
  const samples = samplesOf(state);
  const size = formatCount(state.batch_size);
  const isWhole =
    samples !== null && Math.ceil(samples / state.batch_size) === state.batches_per_epoch;
  const division = isWhole
    ? `${formatCount(samples)} / ${size}, rounded up`
    : `those completed, and the rest of the digits in batches of ${size}`;
  return sourceNow(state).fromState(
    `batches of this epoch = ${division} = ${formatCount(state.batches_per_epoch)}`,
    'state["batches_per_epoch"]',
  );
}

/** @param {RunState} state */
export function batch(state) {
  return sourceNow(state).fromState(
    `completed batches over all epochs = ${formatCount(state.batch)}`,
    'state["batch"]',
  );
}

/** @param {RunState} state */
export function batchesPerSecond(state) {
  return sourceNow(state).fromState(
    "batches a second over the last second, or over the last batch if it took longer; 0 while paused",
    'state["batches_per_second"]',
  );
}

/** @param {RunState} state */
export function learningRate(state) {
  const { name, momentum } = state.optimizer;
  const what = {
    sgd: `step = ${momentum ? "momentum · previous step − " : "−"}learning rate · gradient`,
    rmsprop: "step = −learning rate · gradient / √(v + ε)",
    adam: "step = −learning rate · m / (√v + ε), with m and v corrected for their start",
  }[name];
  return sourceNow(state).fromState(
    `learning rate = ${formatSetting(state.learning_rate)}: ${what ?? "the length of a step"}`,
    'state["learning_rate"]',
  );
}

/** @param {RunState} state */
export function batchSizeSet(state) {
  return sourceNow(state).fromState(
    `digits in a batch, from the next DRAW on = ${formatCount(state.batch_size)}`,
    'state["batch_size"]',
  );
}

/**
 * A point of the loss chart.
 *
 * @param {RunState} state
 * @param {number} number of the batch
 * @param {number | undefined} value
 */
export function lossOfBatch(state, number, value) {
  return new Source(state.id).fromSeries(
    `loss of batch ${formatCount(number)} = mean over its digits = ${formatLoss(value)}`,
    `series["loss"][${number} - 1]`,
  );
}

/**
 * @param {RunState} state
 * @param {number} number of the batch
 * @param {number | undefined} value
 */
export function accuracyOfBatch(state, number, value) {
  return new Source(state.id).fromSeries(
    `accuracy of batch ${formatCount(number)} = share of its digits classified correctly = ${formatPercent(value)}`,
    `series["accuracy"][${number} - 1]`,
  );
}

/**
 * How many losses lie above the end of the loss chart's axis.
 *
 * @param {RunState} state
 * @param {"losses" | "tests"} which the batch losses, or the test losses
 * @param {{ end: number, count: number }} above
 */
export function lossesAbove(state, which, { end, count }) {
  const [what, values] =
    which === "losses"
      ? ["batch losses", 'series["loss"]']
      : ["test losses", '[loss for _, loss, _ in series["test"]]'];
  return new Source(state.id).fromSeries(
    `${what} above ${formatValue(end)}, the end of the axis = ${formatCount(count)}; the axis holds the first loss, 95 of 100 losses, and the mean and the test losses unless they are far above those`,
    `(np.array(${values}) > ${end}).sum()`,
  );
}

/**
 * @param {RunState} state
 * @param {number} value
 */
export function highestLoss(state, value) {
  return new Source(state.id).fromSeries(
    `the largest of all losses, test losses included = ${formatValue(value, 3)}`,
    'max([*series["loss"], *(loss for _, loss, _ in series["test"])])',
  );
}
