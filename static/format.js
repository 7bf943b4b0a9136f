// How numbers are written on the page. Every number displayed passes through here.

export const NONE = "–";

/**
 * Four significant digits: 0.2371, 2.303, 1,235, 1.235e5.
 *
 * @param {number | null | undefined} value
 */
export function formatLoss(value) {
  return value == null ? NONE : significant(value, 4);
}

/**
 * A share as a percentage: 0.9453 is "94.5 %". A half goes to the even digit, as in Python and
 * NumPy, so that page and script show the same: 0.0625 is "6.2 %".
 *
 * @param {number | null | undefined} value between 0 and 1
 * @param {number} [decimals]
 */
export function formatPercent(value, decimals = 1) {
  return value == null ? NONE : `${fixed(value * 100, decimals)} %`;
}

/**
 * A count in groups of three digits: 407050 is "407,050".
 *
 * @param {number} value
 */
export function formatCount(value) {
  return grouped(Math.round(value).toString());
}

/**
 * A rate: with one decimal below 10, as a whole number above.
 *
 * @param {number} value
 */
export function formatRate(value) {
  return value < 9.95 ? value.toFixed(1) : formatCount(value);
}

/**
 * A setting, as short as possible: 0.001, 1e-7, 1e6.
 *
 * @param {number} value
 */
export function formatSetting(value) {
  return tidyExponent(value >= 1e6 ? value.toExponential() : String(value));
}

/**
 * A scale or a weight: two significant digits, no trailing zeros, a true minus sign: −0.0013, 4e-5,
 * 1.3e10. All digits before the point are kept: 9,902.
 *
 * @param {number} value
 * @param {number} [digits]
 */
export function formatValue(value, digits = 2) {
  if (value === 0) return "0";
  const rounded = roundedTo(value, digits);
  const size = Math.abs(rounded);
  const isExponential = size < 1e-3 || size >= 1e6;
  const text = isExponential ? tidyExponent(rounded.toExponential()) : grouped(String(rounded));
  return text.replace(/^-/, "−");
}

/**
 * How many significant digits of a value show three digits of what was added to it.
 *
 * @param {number} value
 * @param {number} added
 */
export function digitsBeside(value, added) {
  if (value === 0 || added === 0) return 3;
  const exponent = (/** @type {number} */ number) => Math.floor(Math.log10(Math.abs(number)));
  // A float32 has about seven.
  return Math.min(Math.max(3 + exponent(value) - exponent(added), 3), 7);
}

/**
 * A share as a percentage of two significant digits, for shares far below 1: "0.062 %".
 *
 * @param {number} value
 */
export function formatSmallPercent(value) {
  const percent = roundedTo(value * 100, 2);
  return `${percent < 1e-4 || percent >= 1e6 ? formatValue(percent) : percent} %`;
}

/**
 * Reads a number as it is typed: 0.001, 1e-3, 0,001 or −0,05.
 *
 * @param {string} text
 * @returns {number} NaN if it is no number or ambiguous; infinite if beyond the largest
 */
export function parseNumber(text) {
  if (doubtAbout(text) !== "") return NaN;
  const plain = text
    .trim()
    .replace("−", "-")
    .replace(/^([+-]?\d*),(\d+)$/, "$1.$2");
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) ? Number(plain) : NaN;
}

/**
 * Says that a typed number is ambiguous: its comma may be a decimal point or separate thousands.
 *
 * @param {string} text
 * @returns {string} "" if it is not ambiguous
 */
export function doubtAbout(text) {
  const [, whole = "", rest = ""] = /^\s*([+−-]?[1-9]\d{0,2}),(\d{3})\s*$/.exec(text) ?? [];
  if (rest === "") return "";
  return `“${whole},${rest}” can be read in two ways: type ${whole}.${rest} or ${whole}${rest}.`;
}

/**
 * An error's message and hint as sentences, with capital letters and full stops.
 *
 * @param {{ message: string, hint?: string | null }} error
 */
export function formatError({ message, hint }) {
  return [message, hint ?? ""].map(sentence).filter(Boolean).join(" ");
}

/** @param {string} text */
function sentence(text) {
  const stop = text === "" || /[.!?…]$/.test(text) ? "" : ".";
  return text.charAt(0).toUpperCase() + text.slice(1) + stop;
}

/**
 * The noun phrase for a digit: "an 8", "a 3".
 *
 * @param {number} digit
 */
export function aDigit(digit) {
  return digit === 8 ? "an 8" : `a ${digit}`;
}

/**
 * @param {number} value
 * @param {number} digits the significant digits; if more stand before the point, all of those
 */
function roundedTo(value, digits) {
  const size = Math.abs(value);
  const whole = size >= 1 && size < 1e6 ? Math.floor(Math.log10(size)) + 1 : 0;
  return Number(value.toPrecision(Math.max(digits, whole)));
}

/**
 * @param {number} value
 * @param {number} digits
 */
function significant(value, digits) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e5)) {
    return tidyExponent(value.toExponential(digits - 1));
  }
  const text = value.toPrecision(digits);
  return grouped(text.includes("e") ? String(Math.round(value)) : text);
}

/**
 * @param {number} value
 * @param {number} decimals
 */
function fixed(value, decimals) {
  const scaled = value * 10 ** decimals;
  // toFixed rounds an exact half up; only multiples of a power of two can be exact halves in
  // binary.
  const isHalf = Number.isInteger(value * 2 ** (decimals + 1)) && Math.abs(scaled % 1) === 0.5;
  if (!isHalf) return value.toFixed(decimals);
  const even = 2 * Math.round(scaled / 2);
  return (even / 10 ** decimals).toFixed(decimals);
}

/**
 * Adds a comma between groups of three digits before the point.
 *
 * @param {string} text
 */
function grouped(text) {
  return text.replace(/(?<!\.\d*)\B(?=(\d{3})+(?!\d))/g, ",");
}

/** @param {string} text */
function tidyExponent(text) {
  return text.replace("e+", "e");
}
