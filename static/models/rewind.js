import { signal } from "@preact/signals-core";
import { formatCount } from "../format.js";
import * as commands from "../protocol/commands.js";
import { until } from "./turns.js";

/**
 * @typedef {import("./run.js").RunModel} RunModel
 * @typedef {import("../protocol/types.js").RunState} RunState
 */

/**
 * Goes back to an earlier batch, and forward again as far as the run has been. While a marker is
 * dragged, seeks go out one at a time, the newest next and the last one always.
 */
export class Rewind {
  /** The batch asked for but not yet reached, where markers stand meanwhile. */
  /** @type {import("@preact/signals-core").Signal<number | null>} */
  sought = signal(null);
  #run;
  #seeks;

  /** @param {RunModel} run */
  constructor(run) {
    this.#run = run;
    this.#seeks = run.latest((/** @type {number} */ batch) => this.#seek(batch), 0);
  }

  /** The batch that markers stand at: the one asked for, else the present one. */
  get batch() {
    return this.sought.value ?? this.#run.state.value?.batch ?? 0;
  }

  /** How far a seek can go. */
  get reach() {
    const state = this.#run.state.value;
    return state ? reachOf(state) : 0;
  }

  /** @param {number} batch */
  to(batch) {
    if (!this.#run.writable.peek()) return;
    const nearest = Math.min(Math.max(Math.round(batch), 0), this.reach);
    if (nearest === this.sought.peek()) return;
    this.sought.value = nearest;
    this.#seeks.push(nearest);
  }

  /** @param {number} batch */
  async #seek(batch) {
    const { state = "paused", furthest = 0 } = this.#run.state.peek() ?? {};
    // Not awaited, so that whatever is asked for next comes after the seek.
    if (state === "playing" || state === "stepping") this.#run.pause();
    await this.#run.do(commands.seek(batch));
    // Beyond the furthest batch, a seek takes as long as training, and the page shows its progress.
    if (batch <= furthest) await until(() => isThere(this.#run));
    if (this.sought.peek() === batch) this.sought.value = null;
  }
}

/**
 * Whether a seek is over: a long one is answered before it is done.
 *
 * @param {import("./run.js").RunModel} run
 */
function isThere({ state, connection }) {
  return connection.value !== "open" || state.value?.state !== "stepping";
}

/** @param {RunState} state */
function reachOf({ furthest, pending }) {
  return Math.max(furthest, pending ?? 0);
}

/**
 * What lies ahead of the present batch after a step back, and how long it is kept.
 *
 * @param {RunState} state
 * @param {number} batch the run's present batch
 * @returns {string} "" if nothing lies ahead
 */
export function aheadWords(state, batch) {
  if (batch < state.furthest) {
    return `${batchesAhead(state, batch)} the same, bit for bit.`;
  }
  if (state.pending && batch < state.pending) {
    return `This run follows a recipe that goes on to batch ${formatCount(state.pending)}.`;
  }
  return "";
}

/**
 * What changing a setting now would discard.
 *
 * @param {RunState} state
 * @returns {string} "" if it discards nothing
 */
export function discardWords(state) {
  const reach = reachOf(state);
  if (state.batch >= reach) return "";
  const which =
    reach === state.batch + 1
      ? `batch ${formatCount(reach)}`
      : `batches ${formatCount(state.batch + 1)} to ${formatCount(reach)}`;
  return `Changing a setting now discards ${which}; branch instead to keep them.`;
}

/**
 * @param {RunState} state
 * @param {number} batch
 */
function batchesAhead({ furthest }, batch) {
  const kept = "kept until you change something. Trained again,";
  return furthest === batch + 1
    ? `Batch ${formatCount(furthest)} is ${kept} it comes out`
    : `Batches ${formatCount(batch + 1)} to ${formatCount(furthest)} are ${kept} they come out`;
}
