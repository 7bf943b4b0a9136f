import { movedBy } from "./arrow-keys.js";
import { writeAttribute } from "./run-element.js";

/**
 * @typedef {object} Cells what can be picked on a canvas
 * @property {number} count
 * @property {number} columns
 * @property {number} now the picked one
 * @property {(x: number, y: number) => number | null} at the cell at a point, in CSS pixels
 */

/**
 * Lets the reader pick one of a canvas's cells with a click or the arrow keys.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {() => Cells | null} cells null if there is nothing to pick now
 * @param {(index: number) => void} choose
 * @param {AbortSignal} signal
 */
export function pickCells(canvas, cells, choose, signal) {
  canvas.addEventListener(
    "click",
    ({ offsetX, offsetY }) => {
      const there = cells();
      const index = there?.at(offsetX, offsetY) ?? null;
      if (there && index !== null && index >= 0 && index < there.count) choose(index);
    },
    { signal },
  );
  canvas.addEventListener(
    "keydown",
    (event) => {
      const there = cells();
      const moved = there && movedBy(event, there);
      if (moved === null) return;
      event.preventDefault();
      choose(moved);
    },
    { signal },
  );
}

/**
 * Tells screen readers, to which the canvas is a slider, which cell is picked.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {{ first?: number, count: number, now: number, text: string }} picked
 */
export function sayPicked(canvas, { first = 0, count, now, text }) {
  writeAttribute(canvas, "aria-valuemin", String(first));
  writeAttribute(canvas, "aria-valuemax", String(count - 1 + first));
  writeAttribute(canvas, "aria-valuenow", String(now + first));
  writeAttribute(canvas, "aria-valuetext", text);
}
