/** @typedef {import("./types.js").Command} Command */

/** The speed of a new run, in phases a second: slow enough to follow. */
export const FIRST_SPEED = 2;

/** @returns {Command} */
export const play = () => ({ type: "play" });

/** @returns {Command} */
export const pause = () => ({ type: "pause" });

/** @returns {Command} */
export const reset = () => ({ type: "reset" });

/**
 * @param {"phase" | "batch" | "epoch"} unit
 * @param {number} [count]
 * @returns {Command}
 */
export const step = (unit, count = 1) => ({ type: "step", unit, count });

/**
 * @param {number} batch
 * @returns {Command}
 */
export const seek = (batch) => ({ type: "seek", batch });

/**
 * @param {{ [setting: string]: unknown }} settings
 * @returns {Command}
 */
export const set = (settings) => ({ type: "set", ...settings });

/**
 * @param {string} tensor
 * @param {number[]} index
 * @param {number} value
 * @returns {Command}
 */
export const setWeight = (tensor, index, value) => ({ type: "set_weight", tensor, index, value });

/**
 * @param {number[][]} pixels 28 rows of 28, as prepared by the server
 * @param {number} label
 * @returns {Command}
 */
export const trainOn = (pixels, label) => ({ type: "train_on", pixels, label });

/** @returns {Command} */
export const undo = () => ({ type: "undo" });
