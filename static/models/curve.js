import { formatLoss, formatSetting, formatValue } from "../format.js";
import { distanceOfPoint, heldOutCount, lowestPoint, pointOfCurve } from "./explanations/curve.js";
import { learningRate } from "./explanations/progress.js";

/**
 * @typedef {import("./run.js").SeenView} SeenView
 * @typedef {import("./captions.js").Part} Part
 * @typedef {import("../protocol/types.js").RunState} RunState
 */

/** The learning rates that a study marks, as multiples of the present one. */
const MARKED = [1, 10];

/** @typedef {"step" | "gradient"} Direction the optimizer's step, or −gradient */

/**
 * The loss along one direction, for this batch and for unseen images.
 *
 * @typedef {object} Line
 * @property {Float64Array} distances learning rates, from 0
 * @property {Float64Array} batch the loss at each; NaN where it is not finite
 * @property {Float64Array} heldOut
 * @property {number} slope the tangent's at 0
 * @property {number} rate the learning rate: the marked losses are at it and at ten times it
 * @property {Float64Array} marked this batch's loss there
 */

/**
 * @typedef {object} Curve
 * @property {number} batch how many batches were completed when it was measured
 * @property {string} phase
 * @property {number} heldOut how many unseen images
 * @property {Line} gradient
 * @property {Line | null} step null before the update
 */

/**
 * @param {SeenView | null} seen the `curve` view
 * @returns {Curve | null}
 */
export function curveOf(seen) {
  const gradient = seen && lineOf(seen, "gradient");
  if (!seen || !gradient) return null;
  return {
    batch: Number(seen.metadata["study.batch"]),
    phase: seen.metadata["study.phase"] ?? "",
    heldOut: Number(seen.metadata.held_out),
    gradient,
    step: lineOf(seen, "step"),
  };
}

/**
 * Whether there is no curve because the step is so large that the weights before it are lost.
 *
 * @param {SeenView | null} seen the `curve` view
 */
export function isLost(seen) {
  return seen?.metadata.lost === "true";
}

/**
 * @param {SeenView} seen
 * @param {Direction} direction
 * @returns {Line | null}
 */
function lineOf({ tensors, metadata }, direction) {
  const values = (/** @type {string} */ name) =>
    /** @type {Float64Array | undefined} */ (tensors.get(`${direction}.${name}`)?.data);
  const distances = values("distances");
  const batch = values("batch");
  const heldOut = values("held_out");
  const marked = values("marked.batch");
  if (!distances || !batch || !heldOut || !marked) return null;
  const slope = JSON.parse(metadata.slope ?? "{}")[direction] ?? 0;
  return { distances, batch, heldOut, marked, slope, rate: Number(metadata.learning_rate) };
}

/**
 * The loss of this batch at a learning rate: exact if the study has marked it, else interpolated
 * between the two nearest points; null beyond the last.
 *
 * @param {Line} line
 * @param {number} rate
 * @returns {number | null} NaN where the loss is not finite
 */
export function lossAt({ distances, batch, marked, rate: known }, rate) {
  if (rate === known) return marked[0] ?? null;
  const after = distances.findIndex((distance) => distance >= rate);
  if (after < 0) return null;
  const [x0 = 0, x1 = 0] = [distances[Math.max(after - 1, 0)], distances[after]];
  const [y0 = NaN, y1 = NaN] = [batch[Math.max(after - 1, 0)], batch[after]];
  return x1 === x0 ? y1 : y0 + ((y1 - y0) * (rate - x0)) / (x1 - x0);
}

/**
 * The index of the point at which this batch's loss is lowest.
 *
 * @param {Line} line
 */
export function lowest({ batch }) {
  return batch.reduce((best, loss, i) => (loss < (batch[best] ?? NaN) ? i : best), 0);
}

/**
 * What the curve shows, with its own numbers. They explain themselves if the curve belongs to
 * `state`; `state` is null if the curve is from a past moment.
 *
 * @param {RunState | null} state
 * @param {Line} line
 * @param {Direction} direction
 * @param {number} rate the present learning rate
 * @returns {{ effect: Part[], lesson: Part[] }}
 */
export function wordsOf(state, line, direction, rate) {
  const step = direction === "step" ? "this step" : "a plain gradient step";
  const effect = [
    "At ",
    ratePart(state, rate),
    ` ${step} `,
    ...effectParts(state, line, direction, rate),
    ...(rate === line.rate ? tenfoldParts(state, line, direction) : []),
    ".",
  ];
  return { effect, lesson: lessonParts(state, line, direction) };
}

/**
 * A loss of the line as text: the value of one of its tensors at an index.
 *
 * @param {RunState | null} state
 * @param {Line} line
 * @param {{ tensor: string, index: number }} at such as "step.batch" or "gradient.marked.batch"
 * @returns {Part}
 */
export function lossPart(state, line, { tensor, index }) {
  const marked = tensor.endsWith(".marked.batch");
  const losses = marked ? line.marked : tensor.endsWith(".batch") ? line.batch : line.heldOut;
  const distance = marked ? line.rate * (MARKED[index] ?? 1) : (line.distances[index] ?? 0);
  const value = losses[index] ?? NaN;
  if (Number.isNaN(value)) return "infinite";
  const text = formatLoss(value);
  if (state === null) return text;
  return { text, explanation: () => pointOfCurve(state, { tensor, index, distance }, value) };
}

/**
 * @param {RunState | null} state
 * @param {Line} line
 * @param {Direction} direction
 * @param {number} rate
 * @returns {Part[]}
 */
function effectParts(state, line, direction, rate) {
  const start = line.batch[0] ?? NaN;
  const landed = lossAt(line, rate);
  if (landed === null) return ["lands beyond the end of the curve"];
  if (Number.isNaN(landed)) return ["makes the loss infinite"];
  const verb = landed < start ? "lowers" : "raises";
  const does = formatLoss(start) === formatLoss(landed) ? "hardly moves" : verb;
  const from = lossPart(state, line, { tensor: `${direction}.batch`, index: 0 });
  // An interpolated loss does not explain itself; the study of this very rate is still to come.
  const known = rate === line.rate;
  const to = known
    ? lossPart(state, line, { tensor: `${direction}.marked.batch`, index: 0 })
    : formatLoss(landed);
  return [`${does} the loss `, from, " → ", to];
}

/**
 * @param {RunState | null} state
 * @param {Line} line
 * @param {Direction} direction
 * @returns {Part[]}
 */
function tenfoldParts(state, line, direction) {
  const there = line.marked[1] ?? NaN;
  if (Number.isNaN(there)) return ["; ten times the rate would make it infinite"];
  const verb = there > (line.batch[0] ?? NaN) ? "raise" : "bring";
  const loss = lossPart(state, line, { tensor: `${direction}.marked.batch`, index: 1 });
  return [`; ten times the rate would ${verb} it to `, loss];
}

/**
 * The present learning rate. One that is still being set does not explain itself yet.
 *
 * @param {RunState | null} state
 * @param {number} rate
 * @returns {Part}
 */
function ratePart(state, rate) {
  const text = formatSetting(rate);
  if (state?.learning_rate !== rate) return text;
  return { text, explanation: () => learningRate(state) };
}

/**
 * @param {RunState | null} state
 * @param {Line} line
 * @param {Direction} direction
 * @returns {Part[]}
 */
function lessonParts(state, line, direction) {
  const best = lowest(line);
  const texts = [...line.batch].map(formatLoss);
  const flatFrom = texts.findIndex((_, i) => new Set(texts.slice(i)).size === 1);
  if (flatFrom === 0) return ["The curve is flat: no rate shown changes the loss."];
  if (best === 0) return ["Every rate shown overshoots: the curve bends up at once."];
  if (best === line.batch.length - 1) return ["The curve is still falling where it ends."];
  const distance = line.distances[best] ?? 0;
  const text = formatValue(distance);
  const flat = flatFrom <= best;
  return [
    flat ? "It is lowest from " : "It is lowest near ",
    state === null ? text : { text, explanation: () => lowestPoint(state, direction, distance) },
    flat
      ? " on: beyond that, it is flat."
      : ": a larger rate overshoots, since the curve bends away from its tangent.",
  ];
}

/**
 * How far along the direction a point lies, as text.
 *
 * @param {RunState | null} state
 * @param {Line} line
 * @param {{ direction: Direction, index: number }} at
 * @returns {Part}
 */
export function distancePart(state, { distances }, { direction, index }) {
  const distance = distances[index] ?? 0;
  const text = formatValue(distance, 3);
  if (state === null) return text;
  return { text, explanation: () => distanceOfPoint(state, { direction, index }, distance) };
}

/**
 * How many unseen images the curve has.
 *
 * @param {RunState | null} state
 * @param {Curve} curve
 * @returns {Part}
 */
export function heldOutPart(state, { heldOut }) {
  const text = String(heldOut);
  return state === null ? text : { text, explanation: () => heldOutCount(state, heldOut) };
}
