import { formatCount, formatLoss, formatValue } from "../../format.js";
import { MOST_KNOWN, medianText, outputText } from "../words.js";
import { lastLayer, sourceNow, sourceOf } from "./source.js";

/**
 * @typedef {import("../../protocol/types.js").RunState} RunState
 * @typedef {import("./source.js").Explanation} Explanation
 */

/**
 * @param {RunState} state
 * @param {number} size
 */
export function batchSize(state, size) {
  const source = sourceOf(state, "draw");
  return source.fromTensors(
    `digits in this batch = rows of batch.x = ${formatCount(size)}`,
    ["batch.x"],
    `len(${source.tensor("batch.x")})`,
  );
}

/**
 * @param {RunState} state
 * @param {number} sample
 * @param {number} label
 */
export function followedLabel(state, sample, label) {
  const source = sourceOf(state, "draw");
  return source.fromTensors(
    `true digit of the followed sample, number ${sample + 1} of the batch = ${label}`,
    ["batch.y"],
    `${source.tensor("batch.y")}[${sample}]`,
  );
}

/**
 * @param {RunState} state
 * @param {number} sample
 * @param {number} guess
 */
export function guess(state, sample, guess) {
  const source = sourceOf(state, "forward");
  const answers = `layer${lastLayer(state)}.activations`;
  return source.fromTensors(
    `the answer = the digit with the largest output for sample ${sample + 1} = ${guess}`,
    [answers],
    `${source.tensor(answers)}[${sample}].argmax()`,
  );
}

/**
 * The output for a class and a sample; from a softmax, its probability.
 *
 * @param {RunState} state
 * @param {number} sample
 * @param {number} digit
 * @param {number} p
 */
export function probability(state, sample, digit, p) {
  const source = sourceOf(state, "forward");
  const answers = `layer${lastLayer(state)}.activations`;
  const softmax = state.config.layers.at(-1)?.activation === "softmax";
  const formula = softmax
    ? `p[${digit}] = exp(z[${digit}]) / Σ exp(z) = ${outputText(state, p)}, for sample ${sample + 1}`
    : `output ${digit} for sample ${sample + 1} = ${outputText(state, p)}`;
  return source.fromTensors(formula, [answers], `${source.tensor(answers)}[${sample}, ${digit}]`);
}

/**
 * @param {RunState} state
 * @param {number} mean
 */
export function meanLoss(state, mean) {
  const source = sourceOf(state, "loss");
  return source.fromTensors(
    `loss = sum of the bars / their number = ${formatLoss(mean)}`,
    ["loss.per_sample"],
    `${source.tensor("loss.per_sample")}.mean()`,
  );
}

/**
 * @param {RunState} state
 * @param {number} right
 * @param {number} shown
 */
export function rightAnswers(state, right, shown) {
  const source = sourceOf(state, "loss");
  const answers = `layer${lastLayer(state)}.activations`;
  const first = `[:${shown}]`;
  return source.fromTensors(
    `${right} of ${shown} digits got their largest output on the true digit`,
    [answers, "batch.y"],
    `(${source.tensor(answers)}.argmax(axis=1) == ${source.tensor("batch.y")})${first}.sum()`,
  );
}

/**
 * The end of a view's colour scale.
 *
 * @param {RunState} state
 * @param {string} view
 * @param {number} scale
 * @param {"signed" | "unsigned"} [coding]
 */
export function colourScale(state, view, scale, coding = "signed") {
  const full = formatValue(scale);
  const formula =
    coding === "signed"
      ? `full colour stands for ±${full}, throughout the run: colour = sign · √(|value| / ${full})`
      : `full colour stands for ${full}, throughout the run: colour = √(value / ${full})`;
  return sourceNow(state).fromState(
    formula,
    `next(v["scale"] for v in state["views"] if v["view"] == "${view}")`,
  );
}

const STEP = "layer1.weights.step";
const WEIGHTS = "layer1.weights";

/** A step below this share of its weight counts as none: a float32 has hardly a digit for it. */
const LEAST_KNOWN = "1e-40";

/**
 * Python for |step| / |W| of all weights of layer 1, with W before the step.
 *
 * @param {import("./source.js").Source} source
 */
function ratios(source) {
  return `np.abs((s := ${source.tensor(STEP)}) / (${source.tensor(WEIGHTS)} - s))`;
}

/**
 * @param {RunState} state
 * @param {number} median
 */
export function medianRatio(state, median) {
  const source = sourceOf(state, "update");
  const line = `np.quantile((r := ${ratios(source)})[r > ${LEAST_KNOWN}], 0.5, method="lower")`;
  return source.fromTensors(
    `median of |step| / |W| over the weights of layer 1 that moved, with W before the step = ${medianText(median)}`,
    [STEP, WEIGHTS],
    median < MOST_KNOWN ? line : `min(${line}, ${MOST_KNOWN})`,
  );
}

/**
 * @param {RunState} state
 * @param {number} still
 */
export function stillWeights(state, still) {
  const source = sourceOf(state, "update");
  return source.fromTensors(
    `weights of layer 1 whose step is 0, or below ${LEAST_KNOWN} of the weight = ${formatCount(still)}: their pixel is off in the whole batch, or their unit is; the median and the bars leave them out`,
    [STEP, WEIGHTS],
    `(~(${ratios(source)} > ${LEAST_KNOWN})).sum()`,
  );
}
