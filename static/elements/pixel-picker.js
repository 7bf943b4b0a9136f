import { sizeOf } from "../draw/canvas.js";
import { squareSide } from "../draw/units.js";
import { pickCells } from "./cell-picker.js";

/**
 * @param {number} input
 * @param {number} inputs
 */
export function placeText(input, inputs) {
  const side = squareSide(inputs);
  if (side === null) return `input ${input}`;
  return `row ${Math.floor(input / side)}, column ${input % side}`;
}

/**
 * Lets the reader pick an input of the first layer in a unit's image.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Pick<import("./context.js").App, "run" | "pick">} app
 * @param {AbortSignal} signal
 */
export function pickPixels(canvas, { run, pick }, signal) {
  const cells = () => {
    const count = run.state.peek()?.views.find(({ layer }) => layer === 1)?.shape[1] ?? 0;
    if (count === 0) return null;
    const columns = Math.round(Math.sqrt(count));
    const { width, height } = sizeOf(canvas);
    return {
      count,
      columns,
      now: Math.min(pick.input.peek(), count - 1),
      at: (/** @type {number} */ x, /** @type {number} */ y) =>
        Math.floor((y / height) * columns) * columns +
        Math.min(Math.floor((x / width) * columns), columns - 1),
    };
  };
  pickCells(
    canvas,
    cells,
    (input) => {
      pick.input.value = input;
    },
    signal,
  );
}
