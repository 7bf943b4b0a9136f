// How the lines of compared runs differ besides their hue.

/** By slot: solid, long dashes, dots, dashes and dots, in CSS pixels. */
export const DASHES = [[], [9, 4], [2, 3], [9, 3, 2, 3]];

/**
 * The end of an axis: a little beyond what has been reached, so that it moves seldom.
 *
 * @param {number} reached
 * @param {number} [least]
 */
export function axisEnd(reached, least = 20) {
  if (reached <= least) return least;
  const step = Math.max(10 ** Math.floor(Math.log10(reached)) / 4, 5);
  return Math.ceil(reached / step) * step;
}
