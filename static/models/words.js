import { formatCount, formatPercent, formatSmallPercent, formatValue } from "../format.js";
import { parameterCount } from "./explanations/counts.js";
import { keptText, rulesOf } from "./update.js";

/**
 * @typedef {import("../protocol/types.js").RunState} RunState
 * @typedef {import("../protocol/types.js").Phase} Phase
 * @typedef {import("./loop.js").ForwardPicture} ForwardPicture
 */

/** @type {{ [dataset: string]: { title: string, samples: number, inputs: number } }} */
const DATASETS = { mnist: { title: "MNIST", samples: 60000, inputs: 784 } };

/** @type {{ [phase in Phase]: string }} */
export const PHASE_TITLES = {
  draw: "Draw a batch",
  forward: "Forward pass",
  loss: "Loss",
  backward: "Backward pass",
  update: "Update",
};

/** @type {{ [optimizer: string]: string }} */
export const OPTIMIZER_TITLES = { rmsprop: "RMSprop", sgd: "SGD", adam: "Adam" };

/**
 * "MNIST · 784 → 512 relu → 10 softmax · 407,050 weights"
 *
 * @param {RunState} state
 * @returns {import("./captions.js").Part[]}
 */
export function networkParts(state) {
  const { config, parameters } = state;
  const dataset = DATASETS[config.dataset];
  const layers = config.layers.map(({ units, activation }) => `${units} ${activation}`);
  const chain = [...(dataset ? [dataset.inputs] : []), ...layers].join(" → ");
  return [
    `${dataset?.title ?? config.dataset} · ${chain} · `,
    { text: formatCount(parameters), explanation: () => parameterCount(state) },
    " weights",
  ];
}

/** @param {RunState} state */
export function samplesOf({ config }) {
  return DATASETS[config.dataset]?.samples ?? null;
}

/**
 * An output of the network: a percentage if it lies between 0 and 1, else a number.
 *
 * @param {RunState} state
 * @param {number} value
 */
export function outputText({ config: { layers } }, value) {
  const isShare = ["softmax", "sigmoid"].includes(layers.at(-1)?.activation ?? "");
  return isShare ? formatPercent(value) : formatValue(value, 3);
}

/** The largest median of |step| / |W| that is shown; it stands for larger ones too. */
export const MOST_KNOWN = 1e5;

/** @param {number} median of |step| / |W| */
export function medianText(median) {
  const text = formatSmallPercent(median);
  return median < MOST_KNOWN ? text : `${text} or more`;
}

/**
 * The class with the largest output.
 *
 * @param {ForwardPicture} picture
 */
export function guessOf({ activations, label }) {
  const probabilities = activations.at(-1) ?? new Float32Array();
  const guess = probabilities.reduce(
    (best, p, i) => (p > (probabilities[best] ?? 0) ? i : best),
    0,
  );
  return {
    guess,
    probability: probabilities[guess] ?? 0,
    label,
    labelProbability: probabilities[label] ?? 0,
  };
}

/** @type {{ [optimizer: string]: string }} */
const UPDATE_WORDS = {
  rmsprop: "the same pace for weights with large and small gradients",
  adam: "m and v: running means of the gradient and of its square; α: the rate, corrected for their start",
};

/**
 * The formula of a phase, and its meaning in words.
 *
 * @param {Phase | null} phase
 * @param {RunState} state
 * @returns {{ formula: string, words: string }}
 */
export function formulaOf(phase, state) {
  const { layers } = state.config;
  const last = layers.length;
  switch (phase) {
    case "draw":
      return {
        formula: "x, y = next batch",
        words: `images of ${DATASETS[state.config.dataset]?.inputs ?? "all"} pixels divided by 255, and their true digits`,
      };
    case "forward": {
      const first = layers[0];
      return {
        formula: `output = ${first?.activation ?? "relu"}(dot(W, x) + b)`,
        words: `each of ${first?.units ?? "the"} units weighs every pixel and adds its bias${last > 1 ? `; layer ${last} turns that into ten answers` : ""}`,
      };
    }
    case "loss":
      return state.config.loss === "mean_squared_error"
        ? { formula: "loss = mean((p − y)²)", words: "how far the outputs are from the targets" }
        : {
            formula: "loss = mean(−log p[true digit])",
            words: "0 if the network were sure and right, 2.303 if it guessed blindly among ten",
          };
    case "backward":
      return {
        formula: "f(g(x))′ = f′(g(x)) · g′(x)",
        words: "the chain rule, from the loss back through each layer: ∂loss/∂W for every weight",
      };
    case "update":
      return updateFormula(state.step_optimizer);
    default:
      return {
        formula: "x, y → y_pred → loss → gradient → W1 = W0 − step · gradient",
        words: "one batch after another, until the loss is small",
      };
  }
}

/**
 * @param {RunState["optimizer"]} optimizer
 * @returns {{ formula: string, words: string }}
 */
function updateFormula(optimizer) {
  const rules = rulesOf(optimizer);
  const [rule = ""] = rules.step.split(",  ");
  const step = rule.startsWith("−") ? rule.replace("−", "− ") : `+ ${rule}`;
  // Adam's whole rule is too long for a line.
  const kept = optimizer.name === "adam" ? "" : keptText(rules);
  const formula = [kept, `W1 = W0 ${step}`].filter(Boolean).join(",  ");
  const words = rules.step === "velocity" ? "earlier steps carry on" : UPDATE_WORDS[optimizer.name];
  return {
    formula: formula.replace(/\bg\b/g, "gradient"),
    words: words ?? "a step against the gradient",
  };
}

/** @param {number} layer */
export function subscript(layer) {
  return String(layer).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[Number(digit)] ?? digit);
}

/**
 * How a unit's output is written, around the numbers of its sum. A softmax output needs the z of
 * all units.
 *
 * @param {string} activation
 * @param {number} unit
 */
export function unitFormula(activation, unit) {
  const sum = "dot(W, x) + b";
  if (activation !== "softmax") {
    const f = `${activation}(`;
    return { formula: `output = ${f}${sum})`, sum: `= ${f}`, z: `) = ${f}`, output: ") = " };
  }
  const [z, output] = [`z[${unit}] = `, `softmax(z)[${unit}]`];
  return { formula: `${z}${sum}, output = ${output}`, sum: z, z: " = ", output: `, ${output} = ` };
}

/**
 * A sentence before a promise, if the last step was on a drawing.
 *
 * @param {RunState} state
 */
export function sinceDrawing(state) {
  return state.trained_apart ? "The last step was on a drawing. " : "";
}

/**
 * When the studies of a batch's gradient will be known, if they are not yet. If the run trains
 * faster than anyone reads, or the gradient is there, only the measurement is still to come.
 *
 * @param {Pick<RunState, "phase" | "trained_apart" | "error">} state
 * @param {boolean} isHurrying
 */
export function whenStudied({ phase, trained_apart, error }, isHurrying) {
  const isOver = phase === "update";
  const hasGradient = phase === "backward" || (isOver && !trained_apart && !error);
  if (isHurrying || hasGradient) return "being measured";
  if (phase === null) return "known after the backward pass";
  return `known after ${isOver ? "the next" : "this"} batch's backward pass`;
}

/**
 * The batch that the present loss belongs to: the one under way if it has one, else the last
 * completed.
 *
 * @param {Pick<RunState, "batch" | "phase">} state
 */
export function batchOfLoss({ batch, phase }) {
  return phase === "loss" || phase === "backward" ? batch + 1 : batch;
}
