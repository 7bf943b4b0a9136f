/**
 * @typedef {object} Decimated
 * @property {Float64Array} x
 * @property {Float64Array} y
 * @property {Float64Array} line the second series at the same places
 */

/**
 * Thins a long series for drawing: keeps the lowest and highest value of each bucket, in order, so
 * that no spike is lost. Bucket sizes are powers of two, counted from the first value, so that the
 * picture does not shimmer while the series grows.
 *
 * @param {ArrayLike<number>} x
 * @param {ArrayLike<number>} y
 * @param {ArrayLike<number>} line a smooth series over the same x
 * @param {number} most the largest number of points to keep, at least 4
 * @returns {Decimated}
 */
export function decimate(x, y, line, most) {
  const length = x.length;
  if (length <= most) {
    return { x: Float64Array.from(x), y: Float64Array.from(y), line: Float64Array.from(line) };
  }
  let bucket = 2;
  while (2 * Math.ceil(length / bucket) > most) bucket *= 2;
  const room = 2 * Math.ceil(length / bucket);
  const out = {
    x: new Float64Array(room),
    y: new Float64Array(room),
    line: new Float64Array(room),
  };
  let count = 0;
  const take = (/** @type {number} */ i) => {
    out.x[count] = x[i] ?? NaN;
    out.y[count] = y[i] ?? NaN;
    out.line[count] = line[i] ?? NaN;
    count += 1;
  };
  for (let start = 0; start < length; start += bucket) {
    const end = Math.min(start + bucket, length);
    let low = start;
    let high = start;
    for (let i = start + 1; i < end; i++) {
      const value = y[i] ?? NaN;
      if (value < (y[low] ?? NaN)) low = i;
      if (value > (y[high] ?? NaN)) high = i;
    }
    take(Math.min(low, high));
    if (low !== high) take(Math.max(low, high));
  }
  return {
    x: out.x.subarray(0, count),
    y: out.y.subarray(0, count),
    line: out.line.subarray(0, count),
  };
}

/**
 * Thins points drawn as marks: keeps the first of each bucket, and the last point. Bucket sizes are
 * again powers of two.
 *
 * @template {{ batch: number }} T
 * @param {readonly T[]} points sorted by batch
 * @param {number} apart the least distance between two marks, in batches, so that they do not touch
 */
export function thinned(points, apart) {
  let bucket = 1;
  while (bucket < apart) bucket *= 2;
  let last = -1;
  return points.filter(({ batch }, i) => {
    const before = last;
    last = Math.floor(batch / bucket);
    return last !== before || i === points.length - 1;
  });
}
