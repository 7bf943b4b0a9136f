import { readSafetensors } from "./safetensors.js";

/**
 * @typedef {import("./safetensors.js").SafetensorsFile} SafetensorsFile
 * @typedef {import("./types.js").RunState} RunState
 */

/**
 * One moment of the run: the views asked for, and the series and the state.
 *
 * @typedef {object} Frame
 * @property {number} frame
 * @property {RunState} state
 * @property {SafetensorsFile} series
 * @property {Map<string, SafetensorsFile>} views by name, without the series
 */

/**
 * Assembles frames from messages. A frame ends with its `series` message. Messages of a frame that
 * never ended, because the connection was lost, are dropped.
 */
export class FrameAssembler {
  /** @type {Map<string, SafetensorsFile>} */
  #views = new Map();
  #frame = -1;

  /**
   * @param {ArrayBuffer} message
   * @returns {Frame | null} the frame that this message completes; null if it completes none
   */
  add(message) {
    const file = readSafetensors(message);
    const frame = Number(file.metadata.frame);
    if (frame !== this.#frame) {
      this.#views = new Map();
      this.#frame = frame;
    }
    const view = file.metadata.view ?? "";
    if (view !== "series") {
      this.#views.set(view, file);
      return null;
    }
    const views = this.#views;
    this.#views = new Map();
    return { frame, state: JSON.parse(file.metadata.state ?? "null"), series: file, views };
  }
}
