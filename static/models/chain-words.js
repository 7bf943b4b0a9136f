import { digitsBeside, formatSetting, formatValue, NONE } from "../format.js";
import * as explanations from "./explanations/chain.js";

/**
 * @typedef {import("../protocol/types.js").ChainAnswer} ChainAnswer
 * @typedef {import("../protocol/types.js").ChainFactor} ChainFactor
 * @typedef {import("../protocol/types.js").ChainGradient} ChainGradient
 * @typedef {import("./captions.js").Figure} Figure
 * @typedef {import("./captions.js").Part} Part
 * @typedef {import("./chain.js").Answered} Answered
 * @typedef {import("./chain.js").Outcome} Outcome
 */

/** A relative difference above this, between derived and measured, is shown with its reason. */
const LARGE = 1e-3;

/** @param {number} value */
function chainNumber(value) {
  return formatValue(value, 4);
}

/**
 * Every number of the chain, by its name on the page, with its explanation.
 *
 * @param {Answered} answered
 * @returns {Map<string, Figure>}
 */
export function figuresOf({ question, answer }) {
  /** @type {Map<string, Figure>} */
  const figures = new Map();
  /**
   * @param {string} name
   * @param {string} text
   * @param {() => import("./explanations/chain.js").Derivation} derive
   */
  const add = (name, text, derive) => {
    const explanation = () => ({ ...derive(), address: explanations.addressOf(question) });
    figures.set(name, { text, explanation });
  };
  for (const name of /** @type {const} */ (["v", "u", "f"])) {
    const value = name === "f" ? answer.value : answer.values[name];
    add(name, chainNumber(value), () => explanations.chainValue(answer, name, value));
  }
  for (const [weight, gradient] of Object.entries(answer.gradients)) {
    gradient.factors.forEach((factor, i) => {
      const { name, product, value } = factor;
      const path = gradient.factors.slice(0, i + 1);
      add(name, chainNumber(value), () => explanations.chainFactor(answer, factor));
      add(product.name, chainNumber(product.value), () => explanations.chainProduct(path));
    });
    const { numerical } = gradient;
    const measured = () => explanations.chainMeasured(weight, gradient);
    add(`measured ${weight}`, chainNumber(numerical), measured);
    add(`difference ${weight}`, differenceText(gradient), () =>
      explanations.chainDifference(gradient),
    );
  }
  return figures;
}

/**
 * Every formula of the chain, by the name of its result.
 *
 * @param {ChainAnswer} answer
 * @returns {Map<string, string>}
 */
export function formulasOf(answer) {
  const formulas = new Map([["f", answer.formula]]);
  for (const { name, formula, factors } of Object.values(answer.gradients)) {
    formulas.set(name, formula);
    for (const factor of factors) formulas.set(factor.name, factor.formula);
  }
  return formulas;
}

/** @param {ChainGradient} gradient */
function differenceText({ relative_difference: difference, at_kink: atKink, value, numerical }) {
  if (difference === null) {
    return value === numerical ? "too small to measure" : "rounding is too coarse here";
  }
  const text = formatValue(difference);
  if (difference <= LARGE) return text;
  return atKink ? `${text}, at a kink of relu` : `${text}, h = 1e-5 is too coarse or too fine here`;
}

/**
 * What has been found so far, in a sentence.
 *
 * @param {ChainFactor[]} walk
 * @param {number} reached
 * @param {ReadonlyMap<string, Figure>} figures every number by its name
 * @returns {Part[]}
 */
export function walkedParts(walk, reached, figures) {
  const factor = walk[reached - 1];
  if (!factor) {
    return [
      "Each factor is the derivative of one operation. Walk back from f and multiply them: the product is the gradient.",
    ];
  }
  const { name, formula, value, product } = factor;
  const number = chainNumber(value);
  const from = cameFrom(name);
  const [opened, closed] = number.startsWith("−") ? ["(", ")"] : ["", ""];
  return [
    `Factor ${reached} of ${walk.length}: ${name} = ${formula === number ? "" : `${formula} = `}`,
    figures.get(name) ?? number,
    `. ${product.name} = ${from} · ${name} = `,
    figures.get(from) ?? "1", // ∂f/∂f
    ` · ${opened}`,
    figures.get(name) ?? number,
    `${closed} = `,
    figures.get(product.name) ?? chainNumber(product.value),
    ".",
  ];
}

/**
 * The derivative that a factor is multiplied by: that of f with respect to its operation's result.
 *
 * @param {string} factor "∂b/∂v"
 */
function cameFrom(factor) {
  if (factor.startsWith("∂c")) return "∂f/∂v";
  return factor.startsWith("∂b") ? "∂f/∂u" : "∂f/∂f";
}

/**
 * What the last step did; "" before the first.
 *
 * @param {Outcome | null} outcome
 */
export function outcomeWords(outcome) {
  if (!outcome) return "";
  const { before, after } = outcome;
  const digits = Math.max(4, digitsBeside(before, after - before));
  const ends = `${formatValue(before, digits)} to ${formatValue(after, digits)}`;
  if (after < before) return `f fell from ${ends}.`;
  if (after === before) return `f stayed at ${chainNumber(before)}: its gradient is 0 here.`;
  return `f rose from ${ends}: the step went too far. Take a smaller one.`;
}

/**
 * Where one more step leads.
 *
 * @param {Answered} answered
 * @returns {Part[]}
 */
export function forecastParts({ question, answer }) {
  const { step } = question;
  const { value, numpy } = answer.after;
  const rule = `W − ${formatSetting(step)} · gradient`;
  if (value === null || numpy === null) {
    return [`${rule} leads to a number too large to represent; take a smaller step.`];
  }
  const explanation = () => ({
    ...explanations.chainAfter(answer, step, value, numpy),
    address: explanations.addressOf(question),
  });
  return [`${rule} leads to f = `, { text: chainNumber(value), explanation }, "."];
}

/**
 * A weight as it stands in its field.
 *
 * @param {number | undefined} weight
 */
export function weightText(weight) {
  return weight === undefined ? NONE : String(Number(weight.toPrecision(5)));
}
