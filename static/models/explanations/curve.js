import { formatLoss, formatValue } from "../../format.js";
import { sourceNow } from "./source.js";

/** @typedef {import("../../protocol/types.js").RunState} RunState */

/**
 * A point on the curve of the loss along this step.
 *
 * @param {RunState} state
 * @param {{ tensor: string, index: number, distance: number }} point its tensor in the `curve` view
 * @param {number} value
 */
export function pointOfCurve(state, { tensor, index, distance }, value) {
  const moved = tensor.startsWith("step") ? "W0 + s · step / learning rate" : "W0 − s · gradient";
  return sourceNow(state).fromView(
    `L(${moved}) at s = ${formatValue(distance, 3)} = ${formatLoss(value)}`,
    "curve",
    `view("curve")["${tensor}"][${index}]`,
  );
}

/**
 * How far along its direction a point of the curve lies.
 *
 * @param {RunState} state
 * @param {{ direction: string, index: number }} at
 * @param {number} distance
 */
export function distanceOfPoint(state, { direction, index }, distance) {
  return sourceNow(state).fromView(
    `s of point ${index} of the curve = ${formatValue(distance, 3)}`,
    "curve",
    `view("curve")["${direction}.distances"][${index}]`,
  );
}

/**
 * The point of the curve at which this batch's loss is lowest.
 *
 * @param {RunState} state
 * @param {string} direction
 * @param {number} distance
 */
export function lowestPoint(state, direction, distance) {
  return sourceNow(state).fromView(
    `s at the point of the curve with the lowest loss of this batch = ${formatValue(distance)}`,
    "curve",
    `(c := view("curve"))["${direction}.distances"][np.nanargmin(c["${direction}.batch"])]`,
  );
}

/**
 * The number of unseen images behind the second curve.
 *
 * @param {RunState} state
 * @param {number} count
 */
export function heldOutCount(state, count) {
  return sourceNow(state).fromView(
    `test images, which the network does not learn from = ${count}`,
    "curve",
    'int(metadata("curve")["held_out"])',
  );
}
