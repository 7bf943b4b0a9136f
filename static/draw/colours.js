import { formatValue } from "../format.js";

/** @typedef {[number, number, number]} Rgb */

/**
 * The page's colour tokens, in the forms that canvases use.
 *
 * @typedef {object} Theme
 * @property {string} ink
 * @property {string} muted
 * @property {string} hairline
 * @property {string} panel
 * @property {string} accent
 * @property {string} sequential
 * @property {readonly string[]} runs the lines of compared runs, by their slot
 * @property {string} font
 * @property {Uint32Array} signed code 0..255 → pixel; 128 is zero
 * @property {Uint32Array} unsigned code 0..255 → pixel, on the sequential scale
 * @property {Uint32Array} pixels 0..255 → pixel, ink on panel
 */

/**
 * @param {string} text `#rrggbb` or `rgb(r, g, b)`
 * @returns {Rgb}
 */
export function parseColour(text) {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text.trim());
  const parts = hex
    ? hex.slice(1).map((part) => Number.parseInt(part, 16))
    : (text.match(/[\d.]+/g) ?? []).map(Number);
  const [red, green, blue] = parts;
  if (red === undefined || green === undefined || blue === undefined) {
    throw new Error(`expected a colour such as #1b1f27 or rgb(27, 31, 39), got “${text}”`);
  }
  return [red, green, blue];
}

/**
 * The table of the signed scale: code 128 + 127·s for s in −1..1, where s = sign · sqrt(|v| /
 * scale) as in docs/protocol.md, so that 128 is zero. Code 0 is unused and reads as 1.
 *
 * @param {Rgb} negative
 * @param {Rgb} zero
 * @param {Rgb} positive
 */
export function signedTable(negative, zero, positive) {
  return Uint32Array.from({ length: 256 }, (_, code) => {
    const s = Math.max((code - 128) / 127, -1);
    return pixel(mix(zero, s < 0 ? negative : positive, Math.abs(s)));
  });
}

/**
 * @param {Rgb} low the colour of code 0
 * @param {Rgb} high the colour of code 255
 */
export function sequentialTable(low, high) {
  return Uint32Array.from({ length: 256 }, (_, code) => pixel(mix(low, high, code / 255)));
}

/**
 * The value that a code stands for.
 *
 * @param {number} code
 * @param {number} scale
 * @param {"signed" | "unsigned"} coding
 */
export function valueOfCode(code, scale, coding) {
  if (coding === "unsigned") return (code / 255) ** 2 * scale;
  const s = (code - 128) / 127;
  return Math.sign(s) * s * s * scale;
}

/**
 * The end of its scale that a code is at, where it also stands for all values beyond: −1 the lower,
 * 1 the upper, 0 neither.
 *
 * @param {number} code
 * @param {"signed" | "unsigned"} coding
 */
export function endOfCode(code, coding) {
  if (code === 255) return 1;
  return code === 1 && coding === "signed" ? -1 : 0;
}

/**
 * The value that a code stands for, as text.
 *
 * @param {number} code
 * @param {number} scale
 * @param {"signed" | "unsigned"} coding
 */
export function textOfCode(code, scale, coding) {
  return boundText(valueOfCode(code, scale, coding), endOfCode(code, coding));
}

/**
 * A value, or its known bound: "≤ −0.27", "≥ 0.27".
 *
 * @param {number} value
 * @param {number} side −1: `value` or less; 1: `value` or more; 0: exactly `value`
 */
export function boundText(value, side) {
  const sign = { "-1": "≤ ", 1: "≥ " }[side] ?? "";
  return `${sign}${formatValue(value)}`;
}

/**
 * The code of an unsigned value, for values that arrive as numbers.
 *
 * @param {number} value
 * @param {number} scale
 */
export function unsignedCode(value, scale) {
  return Math.round(255 * Math.sqrt(Math.min(Math.max(value / scale, 0), 1)));
}

/**
 * @param {number} value
 * @param {number} scale
 */
export function signedCode(value, scale) {
  return 128 + Math.round(127 * Math.sign(value) * Math.sqrt(Math.min(Math.abs(value / scale), 1)));
}

/**
 * Writes values as pixels, on a fixed scale.
 *
 * @param {Uint32Array} pixels
 * @param {ArrayLike<number>} values
 * @param {{ scale: number, coding: "signed" | "unsigned" }} on
 * @param {Pick<Theme, "signed" | "unsigned">} theme
 */
export function writeValues(pixels, values, { scale, coding }, theme) {
  const codeOf = coding === "signed" ? signedCode : unsignedCode;
  const table = theme[coding];
  for (let i = 0; i < values.length; i++) pixels[i] = table[codeOf(values[i] ?? 0, scale)] ?? 0;
}

/**
 * @param {Rgb} from
 * @param {Rgb} to
 * @param {number} share
 * @returns {Rgb}
 */
function mix(from, to, share) {
  return [
    Math.round(from[0] + (to[0] - from[0]) * share),
    Math.round(from[1] + (to[1] - from[1]) * share),
    Math.round(from[2] + (to[2] - from[2]) * share),
  ];
}

/**
 * A pixel of ImageData as one number: red, green, blue, alpha on a little-endian machine.
 *
 * @param {Rgb} colour
 */
function pixel([red, green, blue]) {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
