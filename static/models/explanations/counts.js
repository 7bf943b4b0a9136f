import { formatCount } from "../../format.js";
import { parameterNames, sourceNow, sourceOf } from "./source.js";

/** @typedef {import("../../protocol/types.js").RunState} RunState */

/**
 * How many there are of something that a phase has one of along an axis of a tensor.
 *
 * @param {RunState} state
 * @param {{ phase: import("../../protocol/types.js").Phase | null, tensor: string, axis?: number }} of
 *   phase null: a parameter
 * @param {string} what
 * @param {number} count
 */
export function countAlong(state, { phase, tensor, axis = 0 }, what, count) {
  const source = phase === null ? sourceNow(state) : sourceOf(state, phase);
  return source.fromTensors(
    `${what} = length of ${tensor} along axis ${axis} = ${formatCount(count)}`,
    [tensor],
    `${source.tensor(tensor)}.shape[${axis}]`,
  );
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
    `numbers that are learned = sizes of all weights and biases together = ${formatCount(state.parameters)}`,
    names,
    `sum(t.size for t in (${names.map((name) => source.tensor(name)).join(", ")}))`,
  );
}

/**
 * How many digits of the batch a unit learns from: those whose ∂loss/∂z is not 0.
 *
 * @param {RunState} state
 * @param {{ unit: number, digits: number, apart?: number }} of the first `digits` of the batch;
 *   `apart` of those that are not 0 are shown by themselves
 * @param {number} count
 */
export function learntFrom(state, { unit, digits, apart = 0 }, count) {
  const source = sourceOf(state, "backward");
  const name = "layer1.preactivations.gradient";
  const nonzero = `np.count_nonzero(${source.tensor(name)}[:${digits}, ${unit}])`;
  const [beside, less] = apart === 0 ? ["", ""] : [` besides the ${apart} shown`, ` - ${apart}`];
  return source.fromTensors(
    `digits of the batch for which δ = ∂loss/∂z[${unit}] is not 0${beside} = ${count}`,
    [name],
    `${nonzero}${less}`,
  );
}
