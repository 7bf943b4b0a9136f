import { formatSetting } from "../format.js";

/**
 * @typedef {import("./inside.js").PickedWeight} PickedWeight
 * @typedef {"before" | "gradient" | "velocity" | "m" | "v" | "root" | "effective" | "step" | "after"} Quantity
 */

/**
 * What an optimizer makes of the gradient of one weight: its rule, and the numbers in it.
 *
 * @typedef {object} UpdateRule
 * @property {string} title
 * @property {string} formula
 * @property {{ quantity: Quantity, name: string, value: number }[]} numbers in the order of the rule
 * @property {boolean} isOwn whether the present optimizer made the step
 */

/**
 * @param {PickedWeight} weight
 * @returns {UpdateRule | null} null before the update
 */
export function updateRule(weight) {
  const { before, gradient, step, value, iterations, optimizer } = weight;
  if (before === undefined || gradient === undefined || step === undefined) return null;
  const ends = {
    before: { quantity: /** @type {const} */ ("before"), name: "W0", value: before },
    gradient: {
      quantity: /** @type {const} */ ("gradient"),
      name: "g = ∂loss/∂w",
      value: gradient,
    },
    step: { quantity: /** @type {const} */ ("step"), name: "step", value: step },
    after: { quantity: /** @type {const} */ ("after"), name: "W1 = W0 + step", value },
  };
  if (iterations === 0) {
    return {
      title: "the optimizer before",
      formula:
        "The optimizer was exchanged after this step;\nthe rule of the new one comes with its update.",
      numbers: [ends.before, ends.gradient, ends.step, ends.after],
      isOwn: false,
    };
  }
  const rate = weight.learning_rate ?? optimizer.learning_rate;
  const { title, formula, numbers } = ruleOf(optimizer, weight, rate);
  const effective = effectiveStep(weight, rate);
  return {
    title,
    formula: formula.replaceAll("e-", "e-\u2060"), // no line ends within 1e-7
    numbers: [
      ends.before,
      ends.gradient,
      ...numbers,
      ...(effective === null ? [] : [effective]),
      ends.step,
      ends.after,
    ],
    isOwn: true,
  };
}

/**
 * @param {import("../protocol/types.js").OptimizerConfig} optimizer
 * @param {PickedWeight} weight
 * @param {number} rate
 * @returns {Pick<UpdateRule, "title" | "formula" | "numbers">}
 */
function ruleOf(optimizer, { v = 0, m = 0, velocity = 0 }, rate) {
  const number = (/** @type {string} */ name, /** @type {number} */ usual) =>
    formatSetting(Number(optimizer[name] ?? usual));
  const rest = (/** @type {string} */ name, /** @type {number} */ usual) =>
    formatSetting(Number((1 - Number(optimizer[name] ?? usual)).toPrecision(6)));
  const lr = formatSetting(rate);
  const kept = [
    { quantity: /** @type {const} */ ("v"), name: "v, mean of g²", value: v },
    { quantity: /** @type {const} */ ("root"), name: "√v", value: Math.sqrt(v) },
  ];
  switch (optimizer.name) {
    case "rmsprop":
      return {
        title: "RMSprop",
        formula: `v = ${number("rho", 0.9)} · v + ${rest("rho", 0.9)} · g²\nstep = −${lr} · g / √(v + ${number("epsilon", 1e-7)})`,
        numbers: kept,
      };
    case "adam":
      return {
        title: "Adam",
        formula: `m = ${number("beta_1", 0.9)} · m + ${rest("beta_1", 0.9)} · g,  v = ${number("beta_2", 0.999)} · v + ${rest("beta_2", 0.999)} · g²\nstep = −α · m / (√v + ${number("epsilon", 1e-7)})\nα = ${lr} · √(1 − β₂ᵗ) / (1 − β₁ᵗ)`,
        numbers: [{ quantity: "m", name: "m, mean of g", value: m }, ...kept],
      };
    default:
      return (optimizer.momentum ?? 0) > 0
        ? {
            title: "SGD with momentum",
            formula: `velocity = ${number("momentum", 0)} · velocity − ${lr} · g\nstep = velocity`,
            numbers: [{ quantity: "velocity", name: "velocity", value: velocity }],
          }
        : { title: "SGD", formula: `step = −${lr} · g`, numbers: [] };
  }
}

/**
 * By what the gradient is multiplied, where the step is that product.
 *
 * @param {PickedWeight} weight
 * @param {number} rate
 * @returns {UpdateRule["numbers"][number] | null}
 */
function effectiveStep({ optimizer, gradient = 0, step = 0, v = 0 }, rate) {
  const quantity = /** @type {const} */ ("effective");
  if (optimizer.name === "rmsprop") {
    const value = rate / Math.sqrt(v + Number(optimizer.epsilon ?? 1e-7));
    return { quantity, name: "lr / √(v + ε)", value };
  }
  if (optimizer.name === "sgd" && !((optimizer.momentum ?? 0) > 0)) return null;
  return gradient === 0 ? null : { quantity, name: "−step / g", value: -step / gradient };
}
