/** The notches of the speed slider in phases a second; null is as fast as the machine allows. */
export const SPEEDS = /** @type {const} */ ([1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, null]);

/** A person can follow the phases up to this speed. */
const SLOW_UP_TO = 20;

/**
 * @param {number} notch
 * @returns {number | null}
 */
export function speedOfNotch(notch) {
  const index = Math.min(Math.max(Math.round(notch), 0), SPEEDS.length - 1);
  return SPEEDS[index] ?? null;
}

/**
 * The notch nearest to a speed on the logarithmic scale.
 *
 * @param {number | null} speed
 */
export function notchOfSpeed(speed) {
  const last = SPEEDS.length - 1;
  if (speed === null) return last;
  let nearest = 0;
  for (let i = 0; i < last; i++) {
    if (distance(SPEEDS[i] ?? 1, speed) < distance(SPEEDS[nearest] ?? 1, speed)) nearest = i;
  }
  return nearest;
}

/** @param {number | null} speed */
export function speedText(speed) {
  if (speed === null) return "as fast as possible";
  return speed === 1 ? "1 phase a second" : `${speed} phases a second`;
}

/** @param {number | null} speed */
export function isSlow(speed) {
  return speed !== null && speed <= SLOW_UP_TO;
}

/**
 * @param {number} a
 * @param {number} b
 */
function distance(a, b) {
  return Math.abs(Math.log(a / b));
}
