import { formatCount, formatError } from "../format.js";
import { countWords } from "./changes.js";

/**
 * @typedef {import("../protocol/types.js").ApiError} ApiError
 * @typedef {import("../protocol/types.js").RunState} RunState
 */

/**
 * Why nothing arrives from the server.
 *
 * @param {ApiError | null} refusal the reason that the server has given
 */
export function awayWords(refusal) {
  return refusal
    ? `${formatError(refusal)} This page keeps trying.`
    : "Connection lost. Trying again; no part of the run is lost.";
}

/**
 * What happened to a restored run.
 *
 * @param {RunState} state
 * @returns {string} "" if it was not restored
 */
export function restoredWords({ restored, state }) {
  if (!restored) return "";
  const { batch, reason, set_aside } = restored;
  const place = `batch ${formatCount(batch)}`;
  const onward = state === "paused" ? "and is paused" : "and goes on";
  const files = set_aside.join(", ");
  const damaged = set_aside.length === 1 ? "A damaged checkpoint was" : "Damaged checkpoints were";
  const aside = set_aside.length === 0 ? "" : ` ${damaged} set aside: ${files}.`;
  switch (reason) {
    case "worker_lost":
      return `The process that trained this run stopped; the run has been restored at ${place} ${onward}.${aside}`;
    case "server_restarted":
      return `The server was restarted; this run has been restored at ${place} ${onward}.${aside}`;
    default:
      return `${aside.trim()} An earlier one was used instead; every number is the same.`;
  }
}

const LIST = new Intl.ListFormat("en-GB"); // "a, b and c"

/**
 * What a reset has discarded, while it can be undone, and what undoing takes.
 *
 * @param {Pick<RunState, "discarded">} state
 * @returns {string} "" if nothing can be undone
 */
export function discardedWords({ discarded }) {
  if (!discarded) return "";
  const { batches, changes, pending } = discarded;
  const parts = [];
  if (batches > 0) parts.push(batches === 1 ? "1 batch" : `${formatCount(batches)} batches`);
  if (changes > 0) parts.push(countWords(changes));
  if (pending !== null) parts.push(`the recipe up to batch ${formatCount(pending)}`);
  const takes = batches === 1 ? "it" : `all ${formatCount(batches)}`;
  const again = batches > 0 ? ` Undo trains ${takes} again.` : "";
  return `Reset: ${LIST.format(parts)} discarded.${again}`;
}

/**
 * Why a run would now be lost with the server.
 *
 * @param {RunState} state
 * @returns {string} "" if it is saved
 */
export function unsavedWords({ saved }) {
  return saved ? formatError(saved) : "";
}
