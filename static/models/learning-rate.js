import { doubtAbout, parseNumber } from "../format.js";

/** The slider's range in powers of ten; the field takes any positive number. */
const LOWEST_POWER = -6;
const HIGHEST_POWER = 1;

/** Steps of the slider between two powers of ten: 1, 1.3, 1.6, 2, 2.5, 3.2, 4, 5, 6.3, 8. */
const STEPS_PER_POWER = 10;
const MANTISSAS = [1, 1.3, 1.6, 2, 2.5, 3.2, 4, 5, 6.3, 8];

export const SLIDER_MAX = (HIGHEST_POWER - LOWEST_POWER) * STEPS_PER_POWER;

/** @typedef {{ ok: true, value: number } | { ok: false, message: string }} Parsed */

/**
 * Reads what was typed: a positive finite number such as 0.001, 1e-3 or 0,001.
 *
 * @param {string} text
 * @returns {Parsed}
 */
export function parseLearningRate(text) {
  if (text.trim() === "") return refused("Type a number, for example 0.001.");
  const value = parseNumber(text);
  if (Number.isNaN(value)) {
    const doubt = doubtAbout(text);
    return refused(doubt || `“${shortened(text)}” is not a number; try 0.001 or 1e-3.`);
  }
  if (!Number.isFinite(value)) return refused("That is too large to be a number.");
  if (value <= 0) return refused("It must be above 0, for example 0.001.");
  return { ok: true, value };
}

/**
 * @param {number} position 0 to SLIDER_MAX
 * @returns {number}
 */
export function rateOfPosition(position) {
  const whole = Math.min(Math.max(Math.round(position), 0), SLIDER_MAX);
  const power = LOWEST_POWER + Math.floor(whole / STEPS_PER_POWER);
  const mantissa = MANTISSAS[whole % STEPS_PER_POWER] ?? 1;
  // Written as text and read back, so that 1e-3 is 0.001 and not 0.0009999999999999998.
  return Number(`${mantissa}e${power}`);
}

/**
 * The slider's position nearest to a learning rate.
 *
 * @param {number} rate
 */
export function positionOfRate(rate) {
  const position = Math.round((Math.log10(rate) - LOWEST_POWER) * STEPS_PER_POWER);
  return Math.min(Math.max(position, 0), SLIDER_MAX);
}

/**
 * @param {string} message
 * @returns {Parsed}
 */
function refused(message) {
  return { ok: false, message };
}

/** @param {string} text */
function shortened(text) {
  return text.length > 20 ? `${text.slice(0, 19)}…` : text;
}
