import { formatCount, formatSetting, formatValue } from "../../format.js";
import { EPSILON, rulesOf } from "../update.js";
import { parameterNames, sourceAfter, sourceOf } from "./source.js";

/**
 * @typedef {import("../../protocol/types.js").RunState} RunState
 * @typedef {import("../../protocol/types.js").OptimizerConfig} OptimizerConfig
 */

/** @typedef {{ unit: number, input: number }} At a weight of the first layer */

const WEIGHTS = "layer1.weights";

/** @param {number} value */
const text = (value) => formatValue(value, 4);

/** @param {At} at */
const index = ({ unit, input }) => `[${unit}, ${input}]`;

/**
 * The picked weight before the step.
 *
 * @param {RunState} state
 * @param {At} at
 * @param {number} value
 */
export function before(state, at, value) {
  const source = sourceOf(state, "forward");
  return source.fromTensors(
    `W0${index(at)} = W1 − step = ${text(value)}, the weight before the step`,
    source.namesUsed(WEIGHTS),
    source.used(WEIGHTS, `${at.unit}, ${at.input}`),
  );
}

/**
 * The picked weight as it is now: after the step, or set by hand.
 *
 * @param {RunState} state
 * @param {At} at
 * @param {number} value
 */
export function after(state, at, value) {
  return sourceAfter(state).fromTensors(
    `W${index(at)} = ${text(value)}, the weight now: W1 = W0 + step after an update`,
    [WEIGHTS],
    `tensor("${WEIGHTS}")${index(at)}`,
  );
}

/**
 * @param {RunState} state
 * @param {At} at
 * @param {number} value
 */
export function gradient(state, at, value) {
  const source = sourceOf(state, "backward");
  const name = `${WEIGHTS}.gradient`;
  return source.fromTensors(
    `g = ∂loss/∂W₁${index(at)} = ${text(value)}`,
    [name],
    `${source.tensor(name)}${index(at)}`,
  );
}

/**
 * The optimizer's state for the picked weight, such as "v" or "m".
 *
 * @param {RunState} state
 * @param {At} at
 * @param {{ slot: string, value: number, optimizer: OptimizerConfig }} kept
 */
export function kept(state, at, { slot, value, optimizer }) {
  const name = `${WEIGHTS}.${slot}`;
  return sourceAfter(state).fromTensors(
    `${slot} = ${rulesOf(optimizer).kept[slot]} = ${text(value)}`,
    [name],
    `tensor("${name}")${index(at)}`,
  );
}

/**
 * √v of the picked weight.
 *
 * @param {RunState} state
 * @param {At} at
 * @param {number} value
 */
export function rootOfV(state, at, value) {
  const name = `${WEIGHTS}.v`;
  return sourceAfter(state).fromTensors(
    `√v = ${text(value)}, about the size of the weight's recent gradients`,
    [name],
    `np.sqrt(tensor("${name}")${index(at)})`,
  );
}

/**
 * The factor that the gradient of the picked weight is multiplied by.
 *
 * @param {RunState} state
 * @param {At} at
 * @param {{ value: number, fromV: boolean, optimizer: OptimizerConfig }} numbers the factor, and
 *   whether it is lr / √(v + ε)
 */
export function effectiveStep(state, at, { value, fromV, optimizer }) {
  if (fromV) {
    const rate = optimizer.learning_rate;
    const eps = Number(optimizer.epsilon ?? EPSILON);
    const v = `tensor("${WEIGHTS}.v")${index(at)}`;
    return sourceAfter(state).fromTensors(
      `learning rate / √(v + ε) = ${formatSetting(rate)} / √(v + ${formatSetting(eps)}) = ${text(value)}`,
      [`${WEIGHTS}.v`],
      `${rate} / np.sqrt(${v} + ${eps})`,
    );
  }
  const source = sourceOf(state, "update");
  const [step, g] = [`${WEIGHTS}.step`, `${WEIGHTS}.gradient`];
  return source.fromTensors(
    `−step / gradient = ${text(value)}`,
    [step, g],
    `-${source.tensor(step)}${index(at)} / ${source.tensor(g)}${index(at)}`,
  );
}

/**
 * @param {RunState} state
 * @param {At} at
 * @param {number} value
 * @param {OptimizerConfig} [optimizer] the one that made it, if known
 */
export function step(state, at, value, optimizer) {
  const source = sourceOf(state, "update");
  const name = `${WEIGHTS}.step`;
  const rule = optimizer && rulesOf(optimizer).step;
  return source.fromTensors(
    `step = W1 − W0 =${rule ? ` ${rule} =` : ""} ${text(value)}`,
    [name],
    `${source.tensor(name)}${index(at)}`,
  );
}

/**
 * Degrees between −gradient and the step, over all parameters.
 *
 * @param {RunState} state
 * @param {number} degrees
 */
export function angle(state, degrees) {
  const source = sourceOf(state, "update");
  const parameters = parameterNames(state);
  const flat = (/** @type {string} */ kind) => {
    const parts = parameters.map((name) => `${source.tensor(`${name}.${kind}`)}.ravel()`);
    return `np.concatenate([${parts.join(", ")}]).astype(float)`;
  };
  return source.fromTensors(
    `angle between −gradient and step over all ${formatCount(state.parameters)} parameters = arccos(−g · s / (|g| |s|)) = ${degrees.toFixed(1)}°`,
    parameters.flatMap((name) => [`${name}.gradient`, `${name}.step`]),
    `np.degrees(np.arccos(np.clip(-(g := ${flat("gradient")}) @ (s := ${flat("step")}) / np.linalg.norm(g) / np.linalg.norm(s), -1, 1)))`,
  );
}
