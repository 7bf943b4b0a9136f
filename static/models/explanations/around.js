import {
  formatCount,
  formatLoss,
  formatPercent,
  formatSmallPercent,
  formatValue,
} from "../../format.js";
import { sourceNow, sourceOf } from "./source.js";

/**
 * @typedef {import("../../protocol/types.js").RunState} RunState
 * @typedef {import("../health.js").LayerFigures} LayerFigures
 */

/**
 * The number of training images in the larger sample.
 *
 * @param {RunState} state
 * @param {number} count
 */
export function healthSample(state, count) {
  return sourceNow(state).fromView(
    `training images in the larger sample that these figures use besides the batch = ${formatCount(count)}`,
    "health",
    'int(metadata("health")["sample"])',
  );
}

/**
 * A figure of a layer's health.
 *
 * @param {RunState} state
 * @param {{ layer: LayerFigures, position: number, sample: number }} at the layer's place in the list
 * @param {string} figure
 */
export function healthFigure(state, { layer, position, sample }, figure) {
  const names = [`${layer.layer}.weights`, `${layer.layer}.bias`];
  const source = sourceOf(state, figure === "update_ratio" ? "update" : "backward");
  const squares = (/** @type {string[]} */ terms) =>
    `sum(np.square(t, dtype=float).sum() for t in (${terms.join(", ")}))`;
  if (figure === "gradient_norm") {
    const gradients = names.map((name) => `${name}.gradient`);
    return source.fromTensors(
      `|gradient| = √(sum of the squares over the layer's weights and biases) = ${formatValue(layer.gradient_norm, 3)}`,
      gradients,
      `np.sqrt(${squares(gradients.map((name) => source.tensor(name)))})`,
    );
  }
  if (figure === "update_ratio") {
    const steps = names.map((name) => source.tensor(`${name}.step`));
    const before = names.map((name) => source.used(name, "..."));
    return source.fromTensors(
      `|step| / |W| = ${formatValue(layer.update_norm ?? 0, 3)} / ${formatValue(layer.weight_norm, 3)} = ${formatSmallPercent(layer.update_ratio ?? 0)}, with W before the step`,
      source.namesUsed(...names),
      `np.sqrt(${squares(steps)} / ${squares(before)})`,
    );
  }
  const number = `json.loads(metadata("health")["layers"])[${position}]["${figure}"]`;
  return sourceNow(state).fromView(healthFormula(layer, sample, figure), "health", number);
}

/**
 * @param {LayerFigures} layer
 * @param {number} sample
 * @param {string} figure
 */
function healthFormula({ dead_units, units, saturated, angle }, sample, figure) {
  const over = `over ${formatCount(sample)} training images`;
  switch (figure) {
    case "dead_units":
      return `units whose output is 0 for every one of ${formatCount(sample)} training images = ${formatCount(dead_units ?? 0)} of ${formatCount(units)}`;
    case "saturated":
      return `share of outputs within 1 % of the end of their range, ${over} = ${formatPercent(saturated)}`;
    default:
      return `angle between this batch's gradient and the gradient ${over} = arccos(g · G / (|g| |G|)) = ${angle?.toFixed(1)}°`;
  }
}

/**
 * z of a unit for one of the training digits that excite it most.
 *
 * @param {RunState} state
 * @param {{ unit: number, position: number }} at
 * @param {number} value
 */
export function exciter(state, { unit, position }, value) {
  const view = `exciters/${unit}`;
  return sourceNow(state).fromView(
    `z = dot(W[${unit}], x) + b[${unit}] for this digit = ${formatValue(value, 4)}`,
    view,
    `view("${view}")["values"][${position}]`,
  );
}

/**
 * The loss before or after a change by hand.
 *
 * @param {RunState} state
 * @param {"loss_before" | "loss_after"} which
 * @returns {import("./source.js").Explanation | null}
 */
export function editedLoss(state, which) {
  if (!state.edit) return null;
  const batch = state.batch > 0 ? "of the last batch" : "of the first batch";
  const of = state.edit.kind === "drawing" ? "of the drawing" : batch;
  const when = which === "loss_before" ? "before" : "after";
  return sourceNow(state).fromState(
    `loss ${of} ${when} the change = ${formatLoss(state.edit[which])}`,
    `state["edit"]["${which}"]`,
  );
}

/**
 * The weight from a unit to a unit of the next layer.
 *
 * @param {RunState} state
 * @param {{ unit: number, to: number }} at
 * @param {number} value
 */
export function outgoing(state, { unit, to }, value) {
  return sourceNow(state).fromTensors(
    `W₂[${to}, ${unit}] = ${formatValue(value, 4)}`,
    ["layer2.weights"],
    `tensor("layer2.weights")[${to}, ${unit}]`,
  );
}

/**
 * The present bias of a unit of the first layer.
 *
 * @param {RunState} state
 * @param {number} unit
 * @param {number} value
 */
export function biasNow(state, unit, value) {
  return sourceNow(state).fromTensors(
    `b₁[${unit}] = ${formatValue(value, 4)}`,
    ["layer1.bias"],
    `tensor("layer1.bias")[${unit}]`,
  );
}

/**
 * How far the sum over the batch is from the gradient that it should equal.
 *
 * @param {RunState} state
 * @param {number} unit
 * @param {number} value
 */
export function sumAndGradient(state, unit, value) {
  const source = sourceOf(state, "backward");
  const [deltas, x, gradient] = [
    "layer1.preactivations.gradient",
    "batch.x",
    "layer1.weights.gradient",
  ].map((name) => source.tensor(name));
  return source.fromTensors(
    `largest |Σ δᵢ · xᵢ − ∂loss/∂W₁[${unit}]| = ${formatValue(value)}`,
    ["layer1.preactivations.gradient", "batch.x", "layer1.weights.gradient"],
    `abs(sum(d * x for d, x in zip(${deltas}[:, ${unit}].astype(float), ${x})) - ${gradient}[${unit}]).max()`,
  );
}

/**
 * A weight set by hand, before the change or after it.
 *
 * @param {RunState} state
 * @param {"value_before" | "value_after"} which
 */
export function editedValue(state, which) {
  if (!state.edit) return null;
  const when = which === "value_before" ? "before" : "after";
  return sourceNow(state).fromState(
    `w ${when} the change = ${formatValue(state.edit[which] ?? 0, 4)}`,
    `state["edit"]["${which}"]`,
  );
}
