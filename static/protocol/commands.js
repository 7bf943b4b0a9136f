/** @typedef {import("./types.js").Command} Command */

/** @returns {Command} */
export const play = () => ({ type: "play" });

/** @returns {Command} */
export const pause = () => ({ type: "pause" });

/** @returns {Command} */
export const reset = () => ({ type: "reset" });

/**
 * @param {"phase" | "batch" | "epoch"} unit
 * @returns {Command}
 */
export const step = (unit) => ({ type: "step", unit, count: 1 });

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
