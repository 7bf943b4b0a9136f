import { formatCount } from "../../format.js";
import { parameterNames, sourceNow, sourceOf } from "./source.js";

/** @typedef {import("../../protocol/types.js").RunState} RunState */

const DIGITS = "digits of the batch";

/**
 * A count that is the length of a tensor along an axis.
 *
 * @param {RunState} state
 * @param {{ phase: import("../../protocol/types.js").Phase | null, tensor: string, axis?: number }} of
 *   phase null for a parameter
 * @param {string} what
 * @param {number} count
 */
function countAlong(state, { phase, tensor, axis = 0 }, what, count) {
  const source = phase === null ? sourceNow(state) : sourceOf(state, phase);
  return source.fromTensors(
    `${what} = length of ${tensor} along axis ${axis} = ${formatCount(count)}`,
    [tensor],
    `${source.tensor(tensor)}.shape[${axis}]`,
  );
}

/**
 * The digits of the batch, each with a loss.
 *
 * @param {RunState} state
 * @param {number} count
 */
export function digitsInLoss(state, count) {
  return countAlong(state, { phase: "loss", tensor: "loss.per_sample" }, DIGITS, count);
}

/**
 * The digits of the batch, each with a share in the gradient.
 *
 * @param {RunState} state
 * @param {number} count
 */
export function digitsInGradient(state, count) {
  const tensor = "layer1.preactivations.gradient";
  return countAlong(state, { phase: "backward", tensor }, DIGITS, count);
}

/**
 * @param {RunState} state
 * @param {number} count
 */
export function pixelsOfImage(state, count) {
  const of = /** @type {const} */ ({ phase: "draw", tensor: "batch.x", axis: 1 });
  return countAlong(state, of, "pixels of an image", count);
}

/**
 * @param {RunState} state
 * @param {number} layer from 1
 * @param {number} count
 */
export function unitsOf(state, layer, count) {
  const of = { phase: null, tensor: `layer${layer}.bias` };
  return countAlong(state, of, `units of layer ${layer}`, count);
}

/**
 * @param {RunState} state
 * @param {number} layer from 1
 * @param {number} count
 */
export function weightsOfUnit(state, layer, count) {
  const of = { phase: null, tensor: `layer${layer}.weights`, axis: 1 };
  return countAlong(state, of, "weights of a unit", count);
}

/**
 * All weights and biases of the network.
 *
 * @param {RunState} state
 */
export function parameterCount(state) {
  const names = parameterNames(state);
  const source = sourceNow(state);
  return source.fromTensors(
    `learned numbers = sizes of all weights and biases, added up = ${formatCount(state.parameters)}`,
    names,
    `sum(t.size for t in (${names.map((name) => source.tensor(name)).join(", ")}))`,
  );
}

/**
 * How many digits of the batch a unit learns from: those whose ∂loss/∂z is not 0.
 *
 * @param {RunState} state
 * @param {{ unit: number, digits: number, apart?: number }} of counts the first `digits` of
 *   the batch, less the `apart` that are shown individually
 * @param {number} count
 */
export function learntFrom(state, { unit, digits, apart = 0 }, count) {
  const source = sourceOf(state, "backward");
  const name = "layer1.preactivations.gradient";
  const nonzero = `np.count_nonzero(${source.tensor(name)}[:${digits}, ${unit}])`;
  const [beside, less] = apart === 0 ? ["", ""] : [`, besides the ${apart} shown,`, ` - ${apart}`];
  return source.fromTensors(
    `digits of the batch for which δ = ∂loss/∂z[${unit}] is not 0${beside} = ${formatCount(count)}`,
    [name],
    `${nonzero}${less}`,
  );
}
