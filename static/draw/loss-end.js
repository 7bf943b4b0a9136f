// Where a linear axis of losses ends: usual losses decide, not a few far above.

import { exponentOf, upperEnd } from "./axis.js";

/** About this share of the losses is always on the axis. */
const USUAL_SHARE = 0.95;
/** How many losses are sampled for it: sorting all of a long run in every frame takes too long. */
const SAMPLE = 1024;
/** Mean and test losses are on the axis too, up to this many times the usual losses. */
const FAR = 4;
/** All losses are on the axis if that makes it at most this many times as long. */
const LITTLE_LONGER = 1.5;
/** On an axis of several runs, a run counts up to this many times the largest first loss. */
const FAR_BEYOND_START = 10;
/** Room above the highest value, for the thickness of its line. */
const ROOM = 1.02;
/** Possible ends of an axis, times a power of ten. */
const ENDS = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];
/**
 * An axis gets shorter only if it is this many times longer than needed, so that it does not
 * flicker.
 */
const TOO_LONG = 1.5;

/**
 * @typedef {object} Losses
 * @property {Float64Array} loss of every batch
 * @property {Float64Array} smooth
 * @property {readonly { loss: number }[]} tests
 */

/**
 * The loss up to which a linear axis must go: it holds the first loss, 95 of 100 losses, the mean
 * and test losses that are not far above those, and all losses if that costs little.
 *
 * @param {Losses} losses
 * @returns {number} 0 if there are no losses
 */
export function neededEnd({ loss, smooth, tests }) {
  let stride = 1;
  while (loss.length > SAMPLE * stride) stride *= 2;
  const sample = new Float64Array(Math.ceil(loss.length / stride));
  for (let i = 0; i < sample.length; i++) sample[i] = loss[i * stride] ?? 0;
  const usual = Math.max(
    loss[0] ?? tests[0]?.loss ?? 0,
    // Of a few losses, the highest is not counted here.
    sample.sort()[Math.floor(USUAL_SHARE * (sample.length - 1))] ?? 0,
  );
  let needed = usual;
  // By index, here and below: over a million losses, an iterator takes several times as long.
  for (let i = 0; i < smooth.length; i++) {
    const value = smooth[i] ?? 0;
    if (value > needed && value <= FAR * usual) needed = value;
  }
  for (const test of tests) {
    if (test.loss > needed && test.loss <= FAR * usual) needed = test.loss;
  }
  const highest = highestOf(loss);
  return highest <= LITTLE_LONGER * needed ? Math.max(highest, needed) : needed;
}

/**
 * The loss up to which an axis of several runs must go: far enough for each run, except runs that
 * have gone far beyond every first loss. So one that explodes does not flatten the others.
 *
 * @param {readonly Losses[]} runs
 * @returns {number} 0 if there are no losses
 */
export function neededByAll(runs) {
  const start = Math.max(0, ...runs.map(({ loss }) => loss[0] ?? 0));
  return Math.max(
    start,
    ...runs.map(neededEnd).filter((needed) => needed <= FAR_BEYOND_START * start),
  );
}

/**
 * A round end for an axis that must go up to `needed`. It stays as before unless that is too short
 * or much too long.
 *
 * @param {number} needed
 * @param {number} before
 */
export function roundEnd(needed, before) {
  if (!(needed > 0)) return upperEnd(needed);
  const least = needed * ROOM;
  if (least <= before && before <= least * TOO_LONG) return before;
  const exponent = exponentOf(least);
  const ends = ENDS.map((end) => Number(`${end}e${exponent}`));
  return ends.find((end) => end >= least) ?? Number(`1e${exponent + 1}`);
}

/**
 * How many values lie above the end of an axis.
 *
 * @param {ArrayLike<number>} values
 * @param {number} end
 */
export function countAbove(values, end) {
  let count = 0;
  for (let i = 0; i < values.length; i++) if ((values[i] ?? 0) > end) count += 1;
  return count;
}

/** @param {ArrayLike<number>} values */
export function highestOf(values) {
  let highest = 0;
  for (let i = 0; i < values.length; i++) highest = Math.max(highest, values[i] ?? 0);
  return highest;
}

/** @param {ArrayLike<number>} values */
export function lowestOf(values) {
  let lowest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < values.length; i++) lowest = Math.min(lowest, values[i] ?? lowest);
  return lowest;
}

const MARK = 3; // half a mark's width, CSS pixels

/**
 * Draws marks at the top edge of a chart where values lie above it.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {readonly number[]} places canvas pixels across, ascending; marks that would touch the one
 *   before are left out
 * @param {{ top: number, ratio: number, hollow?: boolean }} how
 */
export function drawAbove(context, places, { top, ratio, hollow = false }) {
  const half = MARK * ratio;
  let last = Number.NEGATIVE_INFINITY;
  for (const x of places) {
    if (x - last < 2 * half) continue;
    last = x;
    context.beginPath();
    context.moveTo(x - half, top + 1.7 * half);
    context.lineTo(x, top);
    context.lineTo(x + half, top + 1.7 * half);
    context.closePath();
    context.fill();
    if (hollow) context.stroke();
  }
}
