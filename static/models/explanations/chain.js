import { formatSetting, formatValue } from "../../format.js";

/**
 * @typedef {import("../../protocol/types.js").ChainAnswer} ChainAnswer
 * @typedef {import("../../protocol/types.js").ChainQuestion} ChainQuestion
 * @typedef {import("../../protocol/types.js").ChainFactor} ChainFactor
 * @typedef {import("../../protocol/types.js").ChainGradient} ChainGradient
 */

/** @typedef {{ formula: string, numpy: string }} Derivation an explanation without its address */

/**
 * Where the API answers a question about a chain.
 *
 * @param {ChainQuestion} question
 */
export function addressOf(question) {
  return `POST /api/chain ${JSON.stringify(question)}`;
}

/** The results of the three operations, each with its name and arguments. */
const RESULTS = { f: "a(W1, u)", u: "b(W2, v)", v: "c(W3)" };

/**
 * v, u or f.
 *
 * @param {ChainAnswer} answer
 * @param {"v" | "u" | "f"} name
 * @param {number} value
 * @returns {Derivation}
 */
export function chainValue(answer, name, value) {
  const formula = `${name} = ${RESULTS[name]} = ${number(value)}`;
  return { formula, numpy: answer.numpy[name] };
}

/**
 * @param {ChainAnswer} answer
 * @param {ChainFactor} factor
 * @returns {Derivation}
 */
export function chainFactor(answer, { name, formula, numpy, value }) {
  const plugged = plugIn(formula, answer);
  const steps = [...new Set([formula, plugged, number(value)])];
  return {
    formula: `${name} = ${steps.join(" = ")}`,
    numpy,
  };
}

/**
 * The product of the factors up to the last one.
 *
 * @param {ChainFactor[]} path
 * @returns {Derivation}
 */
export function chainProduct(path) {
  const last = /** @type {ChainFactor} */ (path.at(-1));
  const names = path.map(({ name }) => name).join(" · ");
  const numbers = path.map(({ value }) => parenthesised(number(value))).join(" · ");
  const steps = [...new Set([names, numbers, number(last.product.value)])];
  return {
    formula: `${last.product.name} = ${steps.join(" = ")}`,
    numpy: path.map(({ value }) => python(value)).join(" * "),
  };
}

/**
 * The derivative measured by central differences.
 *
 * @param {string} weight
 * @param {ChainGradient} gradient
 * @returns {Derivation}
 */
export function chainMeasured(weight, { name, numerical, numerical_numpy: numpy }) {
  return {
    formula: `${name} ≈ (f at ${weight} + h − f at ${weight} − h) / 2h, h = 0.00001, = ${number(numerical)}`,
    numpy,
  };
}

/**
 * @param {ChainGradient} gradient
 * @returns {Derivation}
 */
export function chainDifference(gradient) {
  const { value, numerical, relative_difference: difference } = gradient;
  const [derived, measured] = [python(value), python(numerical)];
  const division = "|derived − measured| / the larger of the two";
  const result = difference === null ? "too small to tell from rounding" : formatValue(difference);
  return {
    formula: `relative difference = ${division} = ${result}`,
    numpy:
      difference === 0
        ? `abs(${derived} - ${measured})`
        : `abs(${derived} - ${measured}) / max(abs(${derived}), abs(${measured}))`,
  };
}

/**
 * f after one step.
 *
 * @param {ChainAnswer} answer
 * @param {number} step
 * @param {number} value
 * @param {string} numpy
 * @returns {Derivation}
 */
export function chainAfter(answer, step, value, numpy) {
  const moved = Object.entries(answer.gradients).map(([weight, gradient], i) => {
    const from = number(answer.weights[i] ?? 0);
    const by = `${formatSetting(step)} · ${parenthesised(number(gradient.value))}`;
    return `${weight} = ${from} − ${by}`;
  });
  return {
    formula: `f = ${answer.formula} at ${moved.join(", ")} = ${number(value)}`,
    numpy,
  };
}

/**
 * A formula with numbers in place of its variables.
 *
 * @param {string} formula
 * @param {ChainAnswer} answer
 */
export function plugIn(formula, { weights: [w1 = 0, w2 = 0, w3 = 0], values: { u, v } }) {
  /** @type {{ [name: string]: number }} */
  const numbers = { W1: w1, W2: w2, W3: w3, u, v };
  return formula.replace(/\b(W[123]|u|v)\b/g, (name) => parenthesised(number(numbers[name] ?? 0)));
}

/** @param {number} value */
function number(value) {
  return formatValue(value, 4);
}

/** @param {string} text */
function parenthesised(text) {
  return text.startsWith("−") ? `(${text})` : text;
}

/** @param {number} value */
function python(value) {
  return value < 0 ? `(${value})` : String(value);
}
