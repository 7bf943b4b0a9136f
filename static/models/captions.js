import { aDigit, formatCount, formatLoss, formatValue } from "../format.js";
import { digitsInLoss } from "./explanations/counts.js";
import { batchSizeSet } from "./explanations/progress.js";
import * as explanations from "./explanations/stations.js";
import { batchAtHand } from "./loop.js";
import { guessOf, medianText, outputText, PHASE_TITLES, samplesOf, subscript } from "./words.js";

/**
 * @typedef {import("../protocol/types.js").RunState} RunState
 * @typedef {import("../protocol/types.js").Phase} Phase
 * @typedef {import("./explanations/source.js").Explanation} Explanation
 * @typedef {import("./loop.js").Pictures} Pictures
 */

/** @typedef {{ text: string, explanation: () => Explanation | null }} Figure a number in a text */

/** @typedef {string | Figure} Part */

/**
 * The present batch and its digits. A batch size set meanwhile counts from the next batch on.
 *
 * @param {Pictures} pictures
 * @param {RunState} state
 * @returns {Part[]}
 */
export function headingParts({ draw, of }, state) {
  const batch = batchAtHand(state.batch, state.phase);
  const heading = `batch ${formatCount(Math.max(batch, 1))}: `;
  const drawn = of.draw === batch ? draw : null;
  if (!drawn && state.trained_apart) return [heading, "five phases"]; // no longer known
  const size = drawn?.size ?? state.batch_size;
  const explanation = () => (drawn ? explanations.batchSize(state, size) : batchSizeSet(state));
  return [
    heading,
    { text: formatCount(size), explanation },
    size === 1 ? " digit, five phases" : " digits, five phases",
  ];
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
  const parts = captionParts(phase, pictures, state);
  return parts && textOf(parts);
}

/** @param {readonly Part[]} parts */
export function textOf(parts) {
  return parts.map((part) => (typeof part === "string" ? part : part.text)).join("");
}

/**
 * The same, in parts: words, and figures that explain themselves.
 *
 * @param {Phase} phase
 * @param {Pictures} pictures
 * @param {RunState} state
 * @returns {Part[] | null}
 */
export function captionParts(phase, pictures, state) {
  switch (phase) {
    case "draw":
      return pictures.draw && drawCaption(pictures.draw, state);
    case "forward":
      return pictures.forward && forwardCaption(pictures.forward, state);
    case "loss":
      return pictures.loss && lossCaption(pictures.loss, state);
    case "backward":
      return pictures.backward && backwardCaption(pictures.backward, state);
    case "update":
      return pictures.update && updateCaption(pictures.update, state);
  }
}

/**
 * @param {import("./loop.js").DrawPicture} picture
 * @param {RunState} state
 * @returns {Part[]}
 */
function drawCaption({ count, size, labels, sample }, state) {
  const all = samplesOf(state);
  const label = labels[sample] ?? 0;
  return [
    { text: formatCount(size), explanation: () => explanations.batchSize(state, size) },
    all === null ? " samples" : ` of ${formatCount(all)}`,
    size > count ? `, ${count} shown` : "",
    `, following ${aDigit(label).slice(0, -1)}`,
    { text: String(label), explanation: () => explanations.followedLabel(state, sample, label) },
  ];
}

/**
 * @param {import("./loop.js").ForwardPicture} picture
 * @param {RunState} state
 * @returns {Part[]}
 */
function forwardCaption(picture, state) {
  const { sample } = picture;
  const { guess, probability, label, labelProbability } = guessOf(picture);
  const share = (/** @type {number} */ digit, /** @type {number} */ p) => ({
    text: outputText(state, p),
    explanation: () => explanations.probability(state, sample, digit, p),
  });
  const says = [
    "says ",
    { text: String(guess), explanation: () => explanations.guess(state, sample, guess) },
    " at ",
    share(guess, probability),
  ];
  return guess === label
    ? [...says, ", which is right"]
    : [...says, `, the ${label} gets `, share(label, labelProbability)];
}

/**
 * @param {import("./loop.js").LossPicture} picture
 * @param {RunState} state
 * @returns {Part[]}
 */
function lossCaption({ mean, right, shown, perSample }, state) {
  return [
    state.config.loss === "mean_squared_error" ? "mean of (p − y)² = " : "mean of −log p = ",
    { text: formatLoss(mean), explanation: () => explanations.meanLoss(state, mean) },
    "; ",
    { text: String(right), explanation: () => explanations.rightAnswers(state, right, shown) },
    ...(perSample.length > shown
      ? [` of the first ${shown} right`]
      : [
          " of ",
          {
            text: String(shown),
            explanation: () => digitsInLoss(state, shown),
          },
          " right",
        ]),
  ];
}

/**
 * @param {import("./loop.js").BackwardPicture} picture
 * @param {RunState} state
 * @returns {Part[]}
 */
function backwardCaption({ units, scale, outputScale }, state) {
  const last = state.config.layers.length;
  const end = (/** @type {number} */ layer, /** @type {number} */ value) => ({
    text: `±${formatValue(value)}`,
    explanation: () => explanations.colourScale(state, `layer${layer}.weights.gradient`, value),
  });
  return [
    `∂loss/∂W₁ of ${units.length} units, `,
    end(1, scale),
    `\n∂loss/∂W${subscript(last)} below, `,
    end(last, outputScale),
  ];
}

/**
 * @param {import("./loop.js").UpdatePicture} picture
 * @param {RunState} state
 * @returns {Part[]}
 */
function updateCaption({ median, still }, state) {
  const count = {
    text: formatCount(still),
    explanation: () => explanations.stillWeights(state, still),
  };
  if (median === 0) return ["none of the ", count, " weights of layer 1 moved"];
  return [
    "median |step| / |W| = ",
    {
      text: medianText(median),
      explanation: () => explanations.medianRatio(state, median),
    },
    "\n",
    count,
    " did not move",
  ];
}

/**
 * What is announced when a step is done.
 *
 * @param {RunState} state
 * @param {Pictures} pictures
 */
export function announcement(state, pictures) {
  if (state.phase === null) return "Batch 0: an untrained network.";
  const batch = batchAtHand(state.batch, state.phase);
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
