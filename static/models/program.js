import { formatValue } from "../format.js";

/** @typedef {import("../protocol/types.js").Phase} Phase */

/**
 * @typedef {object} Line one line of a phase's program, as the engine has it
 * @property {string} call
 * @property {string | null} output the tensor it computes
 * @property {string} function
 * @property {string} file
 * @property {number} first_line
 * @property {string} source
 *
 * @typedef {{ [phase in Phase]: Line[] }} Program
 */

/** @typedef {{ shape: number[], largest: number | null }} Value */

/**
 * What the lines have computed, by tensor name, from the view `values`.
 *
 * @param {import("./run.js").SeenView | null} seen
 * @returns {{ [tensor: string]: Value }}
 */
export function valuesOf(seen) {
  return JSON.parse(seen?.metadata.values ?? "{}");
}

/** @param {readonly number[]} shape */
export function shapeText(shape) {
  if (shape.length === 0) return "a number";
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
}

/** @param {number | null} largest */
export function largestText(largest) {
  return largest === null ? "not finite" : formatValue(largest, 3);
}

/**
 * The lines of a source for display: how far each is indented, and which belong to the docstring.
 *
 * @param {string} source
 * @returns {{ text: string, indent: number, isDoc: boolean }[]}
 */
export function sourceLines(source) {
  let inside = false;
  return source
    .trimEnd()
    .split("\n")
    .map((line) => {
      const quotes = line.split('"""').length - 1;
      const isDoc = inside || quotes > 0;
      if (quotes === 1) inside = !inside;
      const text = line.trimStart();
      return { text, indent: line.length - text.length, isDoc };
    });
}
