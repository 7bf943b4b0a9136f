import { formatSetting } from "../format.js";

/**
 * @typedef {import("./inside.js").PickedWeight} PickedWeight
 * @typedef {import("../protocol/types.js").OptimizerConfig} OptimizerConfig
 * @typedef {"before" | "gradient" | "m" | "v" | "root" | "effective" | "step" | "after"} Quantity
 * @typedef {{ quantity: Quantity, name: string, value: number }} Named a number of a step
 */

/** The epsilon in denominators, unless the configuration gives another. */
export const EPSILON = 1e-7;

/**
 * An optimizer's rules, as formulas with its numbers.
 *
 * @param {OptimizerConfig} optimizer
 * @returns {{ title: string, kept: { [name: string]: string }, step: string }}
 */
export function rulesOf(optimizer) {
  const number = (/** @type {string} */ name, /** @type {number} */ usual) =>
    Number(optimizer[name] ?? usual);
  const mean = (
    /** @type {string} */ kept,
    /** @type {string} */ of,
    /** @type {[string, number]} */ decay,
  ) => {
    const share = number(...decay);
    const rest = Number((1 - share).toPrecision(6));
    return `${formatSetting(share)} · ${kept} + ${formatSetting(rest)} · ${of}`;
  };
  const rate = formatSetting(optimizer.learning_rate);
  // A word joiner keeps lines from breaking within 1e-7.
  const epsilon = formatSetting(number("epsilon", EPSILON)).replace("e-", "e-\u2060");
  const momentum = number("momentum", 0);
  switch (optimizer.name) {
    case "rmsprop":
      return {
        title: "RMSprop",
        kept: { v: mean("v", "g²", ["rho", 0.9]) },
        step: `−${rate} · g / √(v + ${epsilon})`,
      };
    case "adam":
      return {
        title: "Adam",
        kept: { m: mean("m", "g", ["beta_1", 0.9]), v: mean("v", "g²", ["beta_2", 0.999]) },
        step: `−α · m / (√v + ${epsilon}),  α = ${rate} · √(1 − β₂ᵗ) / (1 − β₁ᵗ)`,
      };
    default:
      return momentum > 0
        ? {
            title: "SGD with momentum",
            kept: { velocity: `${formatSetting(momentum)} · velocity − ${rate} · g` },
            step: "velocity",
          }
        : { title: "SGD", kept: {}, step: `−${rate} · g` };
  }
}

/**
 * The state that an optimizer keeps, as equations.
 *
 * @param {{ kept: { [name: string]: string } }} rules
 */
export function keptText({ kept }) {
  const equations = Object.entries(kept).map(([name, rule]) => `${name} = ${rule}`);
  return equations.join(",  ");
}

/**
 * How the optimizer made one weight's step from its gradient: the rule, and its numbers in order.
 *
 * @param {PickedWeight} weight
 * @returns {{ title: string, formula: string, numbers: Named[] } | null} null before the update
 */
export function updateRule(weight) {
  const { before, gradient, step, value, m, v, optimizer } = weight;
  if (before === undefined || gradient === undefined || step === undefined) return null;
  const rules = rulesOf(optimizer);
  // Rounding explains a millionth; a larger difference means that the weight was set by hand since.
  const isByHand = Math.abs(before + step - value) > 1e-6 * (Math.abs(before) + Math.abs(step));
  /** @type {[Quantity, string, number | undefined][]} */
  const numbers = [
    ["before", "W0", before],
    ["gradient", "g = ∂loss/∂w", gradient],
    ["m", "m, mean of g", m],
    ["v", "v, mean of g²", v],
    ["root", "√v", v === undefined ? v : Math.sqrt(v)],
    ["effective", ...effectiveStep(weight)],
    ["step", "step", step],
    ["after", isByHand ? "W, set by hand" : "W1 = W0 + step", value],
  ];
  return {
    title: rules.title,
    formula: [keptText(rules), `step = ${rules.step}`].filter(Boolean).join("\n"),
    numbers: numbers.flatMap(([quantity, name, value]) =>
      value === undefined ? [] : [{ quantity, name, value }],
    ),
  };
}

/**
 * The factor that the gradient is multiplied by, if the optimizer is not plain SGD.
 *
 * @param {PickedWeight} weight
 * @returns {[name: string, value: number | undefined]}
 */
function effectiveStep({ optimizer, gradient = 0, step = 0, v }) {
  if (optimizer.name === "rmsprop" && v !== undefined) {
    const epsilon = Number(optimizer.epsilon ?? EPSILON);
    return ["lr / √(v + ε)", optimizer.learning_rate / Math.sqrt(v + epsilon)];
  }
  const isProduct = gradient !== 0 && Object.keys(rulesOf(optimizer).kept).length > 0;
  return ["−step / g", isProduct ? -step / gradient : undefined];
}
