import { formatLoss, formatSetting, formatValue } from "../format.js";

/** @typedef {import("./run.js").SeenView} SeenView */

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
 * What the curve shows, in two sentences with its own numbers.
 *
 * @param {Line} line
 * @param {Direction} direction
 * @param {number} rate the present learning rate
 * @returns {{ effect: string, lesson: string }}
 */
export function wordsOf(line, direction, rate) {
  const start = line.batch[0] ?? NaN;
  const step = direction === "step" ? "this step" : "a plain gradient step";
  const landed = lossAt(line, rate);
  const effect = `At ${formatSetting(rate)} ${step} ${effectOf(start, landed)}${tenfold(line, rate)}.`;
  return { effect, lesson: lessonOf(line) };
}

/**
 * @param {number} start
 * @param {number | null} landed
 */
function effectOf(start, landed) {
  if (landed === null) return "lands beyond what is drawn";
  if (Number.isNaN(landed)) return "makes the loss infinite";
  const change = `the loss ${formatLoss(start)} → ${formatLoss(landed)}`;
  if (formatLoss(start) === formatLoss(landed)) return `hardly moves ${change}`;
  return `${landed < start ? "lowers" : "raises"} ${change}`;
}

/**
 * @param {Line} line
 * @param {number} rate
 */
function tenfold(line, rate) {
  if (rate !== line.rate) return "";
  const loss = line.marked[1] ?? NaN;
  if (Number.isNaN(loss)) return "; ten times the rate would make it infinite";
  const raised = loss > (line.batch[0] ?? NaN);
  return `; ten times the rate would ${raised ? "raise" : "bring"} it to ${formatLoss(loss)}`;
}

/** @param {Line} line */
function lessonOf(line) {
  const best = lowest(line);
  const at = formatValue(line.distances[best] ?? 0);
  if (best === 0) return "Every rate drawn overshoots: the curve bends up at once.";
  if (best === line.batch.length - 1) return "The curve still falls at the end of what is drawn.";
  return `It is lowest near ${at}: a larger rate overshoots, since the curve bends away from its tangent.`;
}
