import {
  aDigit,
  formatCount,
  formatLoss,
  formatPercent,
  formatSetting,
  formatSmallPercent,
  formatValue,
} from "../format.js";

/**
 * @typedef {import("../protocol/types.js").RunState} RunState
 * @typedef {import("../protocol/types.js").Phase} Phase
 * @typedef {import("./loop.js").Pictures} Pictures
 * @typedef {import("./loop.js").DrawPicture} DrawPicture
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
 */
export function networkLine({ config, parameters }) {
  const dataset = DATASETS[config.dataset];
  const layers = config.layers.map(({ units, activation }) => `${units} ${activation}`);
  const chain = [...(dataset ? [dataset.inputs] : []), ...layers].join(" → ");
  return `${dataset?.title ?? config.dataset} · ${chain} · ${formatCount(parameters)} weights`;
}

/** @param {RunState} state */
export function samplesOf({ config }) {
  return DATASETS[config.dataset]?.samples ?? null;
}

/**
 * The class that gets the highest probability.
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

/**
 * The line of text under a station's picture, with the picture's own numbers; null without a picture.
 *
 * @param {Phase} phase
 * @param {Pictures} pictures
 * @param {RunState} state
 * @returns {string | null}
 */
export function caption(phase, pictures, state) {
  switch (phase) {
    case "draw":
      return pictures.draw && drawCaption(pictures.draw, state);
    case "forward":
      return pictures.forward && forwardCaption(pictures.forward);
    case "loss": {
      if (!pictures.loss) return null;
      const { mean, right, shown } = pictures.loss;
      const of = pictures.loss.perSample.length > shown ? `the first ${shown}` : shown;
      return `${lossName(state)} = ${formatLoss(mean)}; ${right} of ${of} right`;
    }
    case "backward": {
      if (!pictures.backward) return null;
      const { units, scale, outputScale } = pictures.backward;
      const last = subscript(state.config.layers.length);
      return `∂loss/∂W₁ of ${units.length} units, ±${formatValue(scale)}\n∂loss/∂W${last} below, ±${formatValue(outputScale)}`;
    }
    case "update":
      return (
        pictures.update && `median |step| / |W| = ${formatSmallPercent(pictures.update.median)}`
      );
  }
}

/**
 * @param {DrawPicture} picture
 * @param {RunState} state
 */
function drawCaption({ count, size, labels, sample }, state) {
  const all = samplesOf(state);
  const drawn = all === null ? `${size} samples` : `${size} of ${formatCount(all)}`;
  const shown = size > count ? `, ${count} shown` : "";
  return `${drawn}${shown}, following ${aDigit(labels[sample] ?? 0)}`;
}

/** @param {ForwardPicture} picture */
function forwardCaption(picture) {
  const { guess, probability, label, labelProbability } = guessOf(picture);
  const says = `says ${guess} at ${formatPercent(probability)}`;
  return guess === label
    ? `${says}, which is right`
    : `${says}, the ${label} gets ${formatPercent(labelProbability)}`;
}

/** @param {RunState} state */
function lossName({ config }) {
  return config.loss === "mean_squared_error" ? "mean of (p − y)²" : "mean of −log p";
}

/**
 * The formula of a phase and what it says, in words.
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
        words: `each of ${first?.units ?? "the"} units weighs every pixel and adds its bias; layer ${last} turns that into ten probabilities`,
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
      return updateFormula(state);
    default:
      return {
        formula: "x, y → y_pred → loss → gradient → W1 = W0 − step · gradient",
        words: "one batch after the other, until the loss is small",
      };
  }
}

/**
 * @param {RunState} state
 * @returns {{ formula: string, words: string }}
 */
function updateFormula({ optimizer }) {
  const rho = Number(optimizer.rho ?? 0.9);
  const rate = formatSetting(optimizer.learning_rate);
  const momentum = optimizer.momentum ?? 0;
  switch (optimizer.name) {
    case "sgd":
      return momentum > 0
        ? {
            formula: `velocity = ${formatSetting(momentum)} · velocity − ${rate} · gradient,  W1 = W0 + velocity`,
            words: "earlier steps carry on",
          }
        : { formula: `W1 = W0 − ${rate} · gradient`, words: "a small step downhill" };
    case "rmsprop":
      return {
        formula: `v = ${formatSetting(rho)} · v + ${formatSetting(Number((1 - rho).toPrecision(6)))} · gradient²,  W1 = W0 − ${rate} · gradient / √(v + 1e-7)`,
        words: "the same pace for weights with large and small gradients",
      };
    case "adam":
      return {
        formula: `W1 = W0 − ${rate} · m / (√v + 1e-7)`,
        words:
          "m and v: running means of the gradient and of its square, corrected for their start",
      };
    default:
      return { formula: "W1 = W0 − step · gradient", words: "a small step downhill" };
  }
}

/**
 * What is said aloud when a step is done.
 *
 * @param {RunState} state
 * @param {Pictures} pictures
 */
export function announcement(state, pictures) {
  if (state.phase === null) return "Batch 0: an untrained network.";
  const done = state.phase === "update";
  const batch = done ? state.batch : state.batch + 1;
  const text = caption(state.phase, pictures, state);
  return `${PHASE_TITLES[state.phase]}, batch ${batch}${text === null ? "" : `: ${spoken(text)}`}.`;
}

/** @param {string} text */
function spoken(text) {
  return text
    .replaceAll("|step| / |W|", "step to weight ratio")
    .replaceAll("∂loss/∂", "gradient of ")
    .replace("\n", "; ");
}

/** @param {number} layer */
function subscript(layer) {
  return String(layer).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[Number(digit)] ?? digit);
}
