// How the lines of compared runs differ, besides in hue.

/** By slot: solid, long dashes, dots, dashes and dots, in CSS pixels. */
export const DASHES = [[], [9, 4], [2, 3], [9, 3, 2, 3]];

/**
 * The end of an axis of batches: a little beyond the last batch, so that it seldom changes.
 *
 * @param {number} reached
 * @param {number} [least]
 */
export function axisEnd(reached, least = 20) {
  if (reached <= least) return least;
  const step = Math.max(10 ** Math.floor(Math.log10(reached)) / 4, 5);
  return Math.ceil(reached / step) * step;
}

/**
 * The heights of points' labels: beside their points, but not overlapping, and within the chart.
 *
 * @param {readonly { x: number, y: number }[]} points
 * @param {{ width: number, height: number, top: number, bottom: number }} room the size of a
 *   label, and the chart's edges
 * @returns {number[]} the middle of each
 */
export function labelPlaces(points, { width, height, top, bottom }) {
  const places = points
    .map(({ x, y }, i) => ({
      x,
      i,
      y: Math.min(Math.max(y, top + height / 2), bottom - height / 2),
    }))
    .toSorted((one, other) => one.y - other.y);
  const isNear = (/** @type {{ x: number }} */ one, /** @type {{ x: number }} */ other) =>
    Math.abs(one.x - other.x) <= width;
  places.forEach((here, i) => {
    for (const above of places.slice(0, i)) {
      if (isNear(above, here)) here.y = Math.max(here.y, above.y + height);
    }
  });
  // Labels pushed over the lower edge come back, and push up those above them.
  places.toReversed().forEach((here, i, upwards) => {
    here.y = Math.min(here.y, bottom - height / 2);
    for (const below of upwards.slice(0, i)) {
      if (isNear(below, here)) here.y = Math.min(here.y, below.y - height);
    }
  });
  return places.toSorted((one, other) => one.i - other.i).map(({ y }) => y);
}
