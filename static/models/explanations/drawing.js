import { aDigit, formatPercent } from "../../format.js";
import { outputText } from "../words.js";
import { parameterNames, sourceNow } from "./source.js";

/**
 * @typedef {import("../../protocol/types.js").RunState} RunState
 * @typedef {import("./source.js").Explanation} Explanation
 */

/** NumPy expressions for the activation functions: calls, or in parentheses. */
/** @type {{ [activation: string]: (z: string) => string }} */
const ACTIVATIONS = {
  relu: (z) => `np.maximum(${z}, 0)`,
  tanh: (z) => `np.tanh(${z})`,
  sigmoid: (z) => `(1 / (1 + np.exp(-(${z}))))`,
  linear: (z) => `(${z})`,
  softmax: (z) => `((e := np.exp((z := ${z}) - z.max())) / e.sum())`,
};

/**
 * A bar's number for the drawn digit.
 *
 * @param {RunState} state
 * @param {"run" | "trained"} reader
 * @param {number} digit
 * @param {number} share
 * @returns {Explanation}
 */
export function drawnProbability(state, reader, digit, share) {
  if (reader === "trained") {
    return {
      formula: `probability that the drawing is ${aDigit(digit)}, according to the trained network = ${formatPercent(share)}`,
      address: "POST /api/classify",
      numpy: `reading["probabilities"][${digit}]`,
    };
  }
  const names = parameterNames(state);
  const output = state.config.layers.reduce((input, { activation }, i) => {
    const z = `tensor("layer${i + 1}.weights") @ ${input} + tensor("layer${i + 1}.bias")`;
    return (ACTIVATIONS[activation] ?? ((text) => text))(z);
  }, "pixels");
  const formula = `p[${digit}] = output ${digit} of the last layer = ${outputText(state, share)}; each layer computes activation(dot(W, x) + b) with the run's present weights, and the first x is the drawing as the network sees it`;
  return {
    formula,
    address: `POST /api/classify?run=${state.id}\n${sourceNow(state).addressOf(names)}`,
    numpy: `${output}[${digit}]`,
  };
}
