import { formatLoss, formatSetting, formatValue } from "../format.js";
import { pointOfCurve } from "./explanations/around.js";

/**
 * @typedef {import("./run.js").SeenView} SeenView
 * @typedef {import("./captions.js").Part} Part
 * @typedef {import("./captions.js").Figure} Figure
 * @typedef {import("../protocol/types.js").RunState} RunState
 */

/** @typedef {"step" | "gradient"} Direction along the optimizer's step, or along −gradient */

/**
 * The loss along one direction, for this batch and for unseen images.
 *
 * @typedef {object} Line
 * @property {Float64Array} distances learning rates, from 0
 * @property {Float64Array} batch the loss at each; NaN where it is not finite
 * @property {Float64Array} heldOut
 * @property {number} slope the tangent's at 0
 * @property {number} rate the learning rate at which and at ten times which the marked ones are
 * @property {Float64Array} marked this batch's loss there
 */

/**
 * @typedef {object} Curve
 * @property {number} batch completed ones at the moment it is of
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
 * The loss of this batch at a learning rate: exactly where the study has marked it, else read off
 * between the two nearest points; null beyond them.
 *
 * @param {Line} line
 * @param {number} rate
 * @returns {number | null} NaN where the loss is not finite
 */
export function lossAt({ distances, batch, marked, rate: known }, rate) {
  if (rate === known) return marked[0] ?? null;
  if (rate === known * 10) return marked[1] ?? null;
  const after = distances.findIndex((distance) => distance >= rate);
  if (after < 0) return null;
  const [x0 = 0, x1 = 0] = [distances[Math.max(after - 1, 0)], distances[after]];
  const [y0 = NaN, y1 = NaN] = [batch[Math.max(after - 1, 0)], batch[after]];
  return x1 === x0 ? y1 : y0 + ((y1 - y0) * (rate - x0)) / (x1 - x0);
}

/**
 * Where this batch's loss is lowest among the points: their index.
 *
 * @param {Line} line
 */
export function lowest({ batch }) {
  return batch.reduce((best, loss, i) => (loss < (batch[best] ?? NaN) ? i : best), 0);
}

/**
 * What the curve shows, with its own numbers.
 *
 * @param {RunState} state
 * @param {Line} line
 * @param {Direction} direction
 * @param {number} rate the present learning rate
 * @returns {{ effect: Part[], lesson: string }}
 */
export function wordsOf(state, line, direction, rate) {
  const step = direction === "step" ? "this step" : "a plain gradient step";
  const start = point(state, direction, { line, index: 0 });
  const landed = landing(state, direction, line, rate);
  const effect = [
    `At ${formatSetting(rate)} ${step} `,
    ...effectParts(start, landed),
    ...(rate === line.rate ? tenfoldParts(state, direction, line) : []),
    ".",
  ];
  return { effect, lesson: lessonOf(line) };
}

/**
 * A point of the line as a figure: of this batch's losses, or of the unseen images'.
 *
 * @param {RunState} state
 * @param {Direction} direction
 * @param {{ line: Line, index: number, unseen?: boolean }} at
 * @returns {Point}
 */
export function point(state, direction, { line, index, unseen = false }) {
  const value = (unseen ? line.heldOut : line.batch)[index] ?? NaN;
  const tensor = `${direction}.${unseen ? "held_out" : "batch"}`;
  const distance = line.distances[index] ?? 0;
  return {
    value,
    text: Number.isNaN(value) ? "infinite" : formatLoss(value),
    explanation: () => pointOfCurve(state, { tensor, index, distance }, value),
  };
}

/** @typedef {Figure & { value: number }} Point */

/**
 * @param {RunState} state
 * @param {Direction} direction
 * @param {Line} line
 * @param {number} index of the marked rate
 * @returns {Point}
 */
function markedPoint(state, direction, line, index) {
  const value = line.marked[index] ?? NaN;
  const distance = line.rate * (index === 0 ? 1 : 10);
  const tensor = `${direction}.marked.batch`;
  return {
    value,
    text: formatLoss(value),
    explanation: () => pointOfCurve(state, { tensor, index, distance }, value),
  };
}

/**
 * Where a learning rate lands; null beyond the line. Between the points it is read off, until the
 * study of this very rate arrives, and is not explained.
 *
 * @param {RunState} state
 * @param {Direction} direction
 * @param {Line} line
 * @param {number} rate
 * @returns {Point | null}
 */
function landing(state, direction, line, rate) {
  if (rate === line.rate) return markedPoint(state, direction, line, 0);
  const value = lossAt(line, rate);
  return value === null ? null : { value, text: formatLoss(value), explanation: () => null };
}

/**
 * @param {Point} start
 * @param {Point | null} landed
 * @returns {Part[]}
 */
function effectParts(start, landed) {
  if (landed === null) return ["lands beyond what is drawn"];
  if (Number.isNaN(landed.value)) return ["makes the loss infinite"];
  const verb = landed.value < start.value ? "lowers" : "raises";
  const does = start.text === landed.text ? "hardly moves" : verb;
  return [`${does} the loss `, start, " → ", landed];
}

/**
 * @param {RunState} state
 * @param {Direction} direction
 * @param {Line} line
 * @returns {Part[]}
 */
function tenfoldParts(state, direction, line) {
  const there = markedPoint(state, direction, line, 1);
  if (Number.isNaN(there.value)) return ["; ten times the rate would make it infinite"];
  const raised = there.value > (line.batch[0] ?? NaN);
  return [`; ten times the rate would ${raised ? "raise" : "bring"} it to `, there];
}

/** @param {Line} line */
function lessonOf(line) {
  const best = lowest(line);
  const at = formatValue(line.distances[best] ?? 0);
  if (best === 0) return "Every rate drawn overshoots: the curve bends up at once.";
  if (best === line.batch.length - 1) return "The curve still falls at the end of what is drawn.";
  return `It is lowest near ${at}: a larger rate overshoots, since the curve bends away from its tangent.`;
}
