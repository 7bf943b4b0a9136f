import { formatLoss, formatValue } from "../../format.js";
import { lastLayer, sourceOf } from "./source.js";

/** @typedef {import("../../protocol/types.js").RunState} RunState */

const DIGITS = 4;

/**
 * @typedef {object} Unit a unit of a layer, on a sample of the batch
 * @property {number} layer from 1
 * @property {number} unit
 * @property {number} sample
 */

/** @param {number} value */
const text = (value) => formatValue(value, DIGITS);

/** @param {number} layer */
const inputOf = (layer) => (layer === 1 ? "batch.x" : `layer${layer - 1}.activations`);

/**
 * dot(W, x) of a unit, without its bias.
 *
 * @param {RunState} state
 * @param {Unit} at
 * @param {number} value
 */
export function dot(state, { layer, unit, sample }, value) {
  const source = sourceOf(state, "forward");
  const weights = `layer${layer}.weights`;
  const x = inputOf(layer);
  return source.fromTensors(
    `dot(W[${unit}], x[${sample}]) = Σ w · x over the unit's inputs = ${text(value)}`,
    [...source.namesUsed(weights), x],
    `${source.used(weights, String(unit))} @ ${source.tensor(x)}[${sample}]`,
  );
}

/**
 * A unit's bias as the forward pass used it.
 *
 * @param {RunState} state
 * @param {Unit} at
 * @param {number} value
 */
export function bias(state, { layer, unit }, value) {
  const source = sourceOf(state, "forward");
  const name = `layer${layer}.bias`;
  return source.fromTensors(
    `b[${unit}] = ${text(value)}`,
    source.namesUsed(name),
    source.used(name, String(unit)),
  );
}

/**
 * z = dot(W, x) + b of a unit.
 *
 * @param {RunState} state
 * @param {Unit} at
 * @param {{ z: number, dot?: number, bias?: number }} numbers
 */
export function preactivation(state, { layer, unit, sample }, { z, dot, bias }) {
  const source = sourceOf(state, "forward");
  const [weights, b, x] = [`layer${layer}.weights`, `layer${layer}.bias`, inputOf(layer)];
  const plugged = dot === undefined || bias === undefined ? "" : ` = ${text(dot)} + ${text(bias)}`;
  return source.fromTensors(
    `z[${unit}] = dot(W[${unit}], x[${sample}]) + b[${unit}]${plugged} = ${text(z)}`,
    [...source.namesUsed(weights, b), x],
    `${source.used(weights, String(unit))} @ ${source.tensor(x)}[${sample}] + ${source.used(b, String(unit))}`,
  );
}

/**
 * A unit's output from its z.
 *
 * @param {RunState} state
 * @param {Unit} at
 * @param {{ z: number, output: number }} numbers
 */
export function activation(state, { layer, unit, sample }, { z, output }) {
  const source = sourceOf(state, "forward");
  const name = state.config.layers[layer - 1]?.activation ?? "linear";
  const outputs = `layer${layer}.activations`;
  const preactivations = `layer${layer}.preactivations`;
  const written = `${source.tensor(preactivations)}[${sample}, ${unit}]`;
  const f =
    name === "softmax" ? `${name}(z)[${unit}]` : `${name}(z[${unit}]) = ${name}(${text(z)})`;
  const formula = `${f} = ${text(output)}`;
  return name === "relu"
    ? source.fromTensors(formula, [preactivations], `np.maximum(${written}, 0)`)
    : source.fromTensors(formula, [outputs], `${source.tensor(outputs)}[${sample}, ${unit}]`);
}

/**
 * One sample's loss: −log of the probability of its true digit. It is computed from z, since a float
 * cannot hold a very small probability, nor enough digits of one near 1.
 *
 * @param {RunState} state
 * @param {{ sample: number, label: number }} at
 * @param {number} value
 */
export function sampleLoss(state, { sample, label }, value) {
  const source = sourceOf(state, "loss");
  if (state.config.loss === "mean_squared_error") {
    return source.fromTensors(
      `loss of sample ${sample + 1} = mean of (p − y)² = ${formatLoss(value)}`,
      ["loss.per_sample"],
      `${source.tensor("loss.per_sample")}[${sample}]`,
    );
  }
  const z = `layer${lastLayer(state)}.preactivations`;
  return source.fromTensors(
    `loss of sample ${sample + 1} = −log p[${label}] = log Σ exp(z) − z[${label}] = ${formatLoss(value)}`,
    [z],
    `np.log(np.exp(s := (z := ${source.tensor(z)}[${sample}]) - z.max()).sum()) - s[${label}]`,
  );
}

/**
 * An entry of ∂loss/∂z of the last layer, before the division by the batch size.
 *
 * @param {RunState} state
 * @param {{ sample: number, digit: number }} at
 * @param {number} value
 */
export function outputDelta(state, { sample, digit }, value) {
  const name = `layer${lastLayer(state)}.preactivations.gradient`;
  const source = sourceOf(state, "backward");
  return source.fromTensors(
    `∂loss/∂z[${digit}] · n for sample ${sample + 1} of n = ${text(value)}`,
    [name],
    `(d := ${source.tensor(name)})[${sample}, ${digit}] * len(d)`,
  );
}

/**
 * An entry of ∂loss/∂logits = p − y of a sample, before the division by the batch size.
 *
 * @param {RunState} state
 * @param {{ sample: number, digit: number, label: number }} at
 * @param {number} value
 */
export function probabilityMinusTarget(state, { sample, digit, label }, value) {
  const source = sourceOf(state, "backward");
  const answers = `layer${lastLayer(state)}.activations`;
  const y = digit === label ? 1 : 0;
  return source.fromTensors(
    `p[${digit}] − y[${digit}] = ${text(value + y)} − ${y} = ${text(value)}`,
    [answers, "batch.y"],
    `${source.tensor(answers)}[${sample}, ${digit}] - (${source.tensor("batch.y")}[${sample}] == ${digit})`,
  );
}
