// A chart's axis of losses: its ends, lines and labels.

import { formatCount, formatValue } from "../format.js";

/** The lowest start of a logarithmic axis: a loss of 0 has no place on it. */
export const LEAST = 1e-6;
/** At most this many powers of ten get a line each. */
const MOST_POWERS = 6;
/** Steps between the lines of a linear axis: uPlot's own end at 5e15, but losses reach 1e38. */
const STEPS = Array.from({ length: 48 }, (_, i) => i - 9).flatMap((power) =>
  [1, 2, 2.5, 5].map((factor) => Number(`${factor}e${power}`)),
);
/** The width for labels of four characters, and for each more, in CSS pixels. */
const AXIS_WIDTH = 40;
const CHARACTER_WIDTH = 7;

/**
 * The lower end of a logarithmic axis for values of `min` and more: 1, 2 or 5 times a power of ten.
 *
 * @param {number} min infinite where there are no values
 */
export function lowerEnd(min) {
  if (min <= LEAST || min === Infinity) return LEAST;
  const exponent = exponentOf(min);
  const ends = [5, 2, 1].map((factor) => Number(`${factor}e${exponent}`));
  return ends.find((end) => end < min) ?? Number(`5e${exponent - 1}`);
}

/**
 * The upper end of an axis that holds all losses, with room for a line's thickness.
 *
 * @param {number | null} max
 */
export function upperEnd(max) {
  return max !== null && Number.isFinite(max) && max > 0 ? max * 1.05 : 2.5;
}

/**
 * Where the lines of a logarithmic axis go: at every digit if there are few powers of ten, else at
 * some of the powers. (uPlot's own loop never ends where `min` is 9.5 to 10 times a power of ten.)
 *
 * @param {number} min
 * @param {number} max
 */
function logarithmicSplits(min, max) {
  const last = exponentOf(max);
  let power = exponentOf(min);
  const isWide = last - power >= MOST_POWERS;
  if (isWide && Number(`1e${power}`) < min) power += 1;
  const stride = isWide ? Math.ceil((last - power + 1) / MOST_POWERS) : 1;
  const factors = isWide ? [1] : [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const splits = [];
  for (; power <= last; power += stride) {
    for (const factor of factors) splits.push(Number(`${factor}e${power}`));
  }
  return splits.filter((split) => split >= min && split <= max);
}

/**
 * The splits that get labels: the powers of ten, and some digits if there are fewer than two
 * powers.
 *
 * @param {readonly number[]} splits
 */
function labelled(splits) {
  const powers = splits.filter((split) => digitOf(split) === 1).length;
  const digits = powers < 2 ? [1, 2, 5] : [1];
  return splits.map((split) => (digits.includes(digitOf(split)) ? split : null));
}

/**
 * The axis's width, lines and labels, as options for uPlot.
 *
 * @param {boolean} logarithmic
 * @returns {import("uplot").Axis}
 */
export function lossAxis(logarithmic) {
  /** @type {import("uplot").Axis} */
  const axis = { size: widthOf, gap: 6, space: 32, values: axisLabels };
  if (!logarithmic) return { ...axis, incrs: STEPS };
  return {
    ...axis,
    splits: (_plot, _axis, min, max) => logarithmicSplits(min, max),
    filter: (_plot, splits) => labelled(splits),
  };
}

/**
 * The width of the axis: for at least four characters, so that it seldom changes.
 *
 * @param {unknown} _plot
 * @param {string[] | null} labels
 */
function widthOf(_plot, labels) {
  const longest = Math.max(0, ...(labels ?? []).map((label) => label.length));
  return AXIS_WIDTH + CHARACTER_WIDTH * Math.max(0, longest - 4);
}

/**
 * The power of ten of a value's first digit.
 *
 * @param {number} value
 */
export function exponentOf(value) {
  return Number(value.toExponential().split("e")[1]);
}

/** @param {number} value */
function digitOf(value) {
  return Number(value.toExponential()[0]);
}

/**
 * A value beside an axis, as short as its digits allow: 0.125, 5e-4, 1,500, 1.5e4.
 *
 * @param {number} value
 */
export function axisLabel(value) {
  const rounded = Number(value.toPrecision(6));
  if (rounded >= 1e4) return rounded.toExponential().replace("e+", "e");
  return rounded >= 1000 ? formatCount(rounded) : formatValue(rounded, 6);
}

/**
 * The labels of an axis, as uPlot asks for them; a split without a label is null.
 *
 * @param {unknown} _plot
 * @param {(number | null)[]} splits
 */
export function axisLabels(_plot, splits) {
  return splits.map((value) => (value === null ? "" : axisLabel(value)));
}
