import { formatSetting, formatValue } from "../../format.js";
import { sourceNow, sourceOf } from "./source.js";

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
    `W0${index(at)} = ${text(value)}, the weight before the step`,
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
  return sourceNow(state).fromTensors(
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
 * What the optimizer keeps of the picked weight: "v", "m" or "velocity".
 *
 * @param {RunState} state
 * @param {At} at
 * @param {{ slot: string, value: number }} kept
 */
export function kept(state, at, { slot, value }) {
  const name = `${WEIGHTS}.${slot}`;
  const rules = rulesOf(state.optimizer);
  return sourceNow(state).fromTensors(
    `${slot} = ${rules[slot] ?? "kept by the optimizer"} = ${text(value)}`,
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
  return sourceNow(state).fromTensors(
    `√v = ${text(value)}, about the size of the weight's recent gradients`,
    [name],
    `np.sqrt(tensor("${name}")${index(at)})`,
  );
}

/**
 * By what the gradient of the picked weight is multiplied: the learning rate of SGD,
 * lr / √(v + ε) for RMSprop, lr / (√v + ε) for Adam before its correction.
 *
 * @param {RunState} state
 * @param {At} at
 * @param {{ rate: number, value: number }} numbers the rate of that update, the effective step
 */
export function effectiveStep(state, at, { rate, value }) {
  const { name, epsilon } = state.optimizer;
  const eps = Number(epsilon ?? 1e-7);
  const v = `tensor("${WEIGHTS}.v")${index(at)}`;
  if (name === "rmsprop") {
    return sourceNow(state).fromTensors(
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
 * @param {number | null} [rate] with which the present optimizer made it, where that is known
 */
export function step(state, at, value, rate = null) {
  const source = sourceOf(state, "update");
  const name = `${WEIGHTS}.step`;
  const rule = rate !== null && rulesOf({ ...state.optimizer, learning_rate: rate }).step;
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
  const parameters = state.config.layers.flatMap((_, i) => [
    `layer${i + 1}.weights`,
    `layer${i + 1}.bias`,
  ]);
  const flat = (/** @type {string} */ kind) => {
    const parts = parameters.map((name) => `${source.tensor(`${name}.${kind}`)}.ravel()`);
    return `np.concatenate([${parts.join(", ")}]).astype(float)`;
  };
  return source.fromTensors(
    `angle between −gradient and step over all ${state.parameters} parameters = arccos(−g · s / (|g| |s|)) = ${degrees.toFixed(1)}°`,
    parameters.flatMap((name) => [`${name}.gradient`, `${name}.step`]),
    `np.degrees(np.arccos(-(g := ${flat("gradient")}) @ (s := ${flat("step")}) / np.linalg.norm(g) / np.linalg.norm(s)))`,
  );
}

/**
 * What an optimizer does, by what it computes.
 *
 * @param {OptimizerConfig} optimizer
 * @returns {{ step: string, [slot: string]: string }}
 */
function rulesOf(optimizer) {
  const number = (/** @type {string} */ name, /** @type {number} */ usual) =>
    formatSetting(Number(optimizer[name] ?? usual));
  const rest = (/** @type {string} */ name, /** @type {number} */ usual) =>
    formatSetting(Number((1 - Number(optimizer[name] ?? usual)).toPrecision(6)));
  const rate = formatSetting(optimizer.learning_rate);
  switch (optimizer.name) {
    case "rmsprop":
      return {
        v: `${number("rho", 0.9)} · v + ${rest("rho", 0.9)} · g²`,
        step: `−${rate} · g / √(v + ${number("epsilon", 1e-7)})`,
      };
    case "adam":
      return {
        m: `${number("beta_1", 0.9)} · m + ${rest("beta_1", 0.9)} · g`,
        v: `${number("beta_2", 0.999)} · v + ${rest("beta_2", 0.999)} · g²`,
        step: `−α · m / (√v + ${number("epsilon", 1e-7)}), α being ${rate} corrected for the start of m and v`,
      };
    default: {
      const momentum = optimizer.momentum ?? 0;
      return momentum > 0
        ? {
            velocity: `${formatSetting(momentum)} · velocity − ${rate} · g`,
            step: "velocity",
          }
        : { step: `−${rate} · g` };
    }
  }
}
