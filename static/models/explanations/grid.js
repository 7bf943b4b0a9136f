import { formatValue } from "../../format.js";
import { sourceNow } from "./source.js";

/**
 * @typedef {import("../../protocol/types.js").RunState} RunState
 * @typedef {import("../../protocol/types.js").ViewDescription} ViewDescription
 */

/**
 * The lowest or highest value of a unit, as its image holds it: one byte a number.
 *
 * @param {RunState} state
 * @param {ViewDescription} description
 * @param {{ unit: number, end: "min" | "max", value: number }} shown
 */
export function shownExtreme(state, { view, scale, coding }, { unit, end, value }) {
  const codes = `view("${view}")["values"][${unit}].${end}()`;
  const [formula, numpy] =
    coding === "signed"
      ? [
          `sign · ((code − 128) / 127)² · ${formatValue(scale)}`,
          `np.sign(c := ${codes} - 128.0) * (c / 127) ** 2 * ${scale}`,
        ]
      : [`(code / 255)² · ${formatValue(scale)}`, `(${codes} / 255.0) ** 2 * ${scale}`];
  const which = end === "min" ? "lowest" : "highest";
  return sourceNow(state).fromView(
    `the ${which} value of unit ${unit}, as its image holds it in one byte: ${formula} = ${formatValue(value)}`,
    view,
    numpy,
  );
}
