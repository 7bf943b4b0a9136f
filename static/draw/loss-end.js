// Where a linear axis of losses ends: what is usual rules it, not a few losses far above.

import { exponentOf, upperEnd } from "./axis.js";

/** About this share of the losses lies on the axis, whatever they are. */
const USUAL_SHARE = 0.95;
/** Losses looked at to find the share: sorting all of a long run in every frame takes too long. */
const SAMPLE = 1024;
/** The mean line and the test losses are on the axis too, up to this many times what is usual. */
const FAR = 4;
/** All losses are on the axis where it gets no longer than by this. */
const LITTLE_LONGER = 1.5;
/** A run's losses are on the axis of several runs up to this many times what any began with. */
const FAR_BEYOND_START = 10;
/** Room above the highest value, for the thickness of its line. */
const ROOM = 1.02;
/** The ends of an axis, times a power of ten. */
const ENDS = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];
/** An axis gets shorter only where it is longer than needed by this: at rest between two ends. */
const TOO_LONG = 1.5;

/**
 * @typedef {object} Losses
 * @property {Float64Array} loss of every batch
 * @property {Float64Array} smooth
 * @property {readonly { loss: number }[]} tests
 */

/**
 * What a linear axis must hold: the first loss, 95 of 100 losses, the mean line and the test losses
 * that are not far above those, and all losses where that costs little.
 *
 * @param {Losses} losses
 * @returns {number} 0 where there are none
 */
export function neededEnd({ loss, smooth, tests }) {
  let stride = 1;
  while (loss.length > SAMPLE * stride) stride *= 2;
  const sample = new Float64Array(Math.ceil(loss.length / stride));
  for (let i = 0; i < sample.length; i++) sample[i] = loss[i * stride] ?? 0;
  const usual = Math.max(
    loss[0] ?? tests[0]?.loss ?? 0,
    // Of a few losses the highest is not among them.
    sample.sort()[Math.floor(USUAL_SHARE * (sample.length - 1))] ?? 0,
  );
  let needed = usual;
  // By index, here and below: of the million of a long run, an iterator takes several times as long.
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
 * What the linear axis of several runs must hold: what each alone would need, but for the runs that
 * have gone far beyond where any began. One that explodes does not flatten the others.
 *
 * @param {readonly Losses[]} runs
 * @returns {number} 0 where there are no losses
 */
export function neededByAll(runs) {
  const start = Math.max(0, ...runs.map(({ loss }) => loss[0] ?? 0));
  return Math.max(
    start,
    ...runs.map(neededEnd).filter((needed) => needed <= FAR_BEYOND_START * start),
  );
}

/**
 * The round end of an axis that holds what it must; as it was before, unless that is too short or
 * much too long.
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

const MARK = 3; // half a mark's width, CSS pixels

/**
 * Marks at the top edge of a chart where values lie above it: the upper edge of each is the chart's.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {readonly number[]} places canvas pixels across, ascending; where marks would touch, the first
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
