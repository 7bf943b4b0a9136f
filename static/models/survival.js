import { formatCount, formatError } from "../format.js";

/** @typedef {import("../protocol/types.js").RunState} RunState */

/**
 * What happened to a run that has been brought back.
 *
 * @param {RunState} state
 * @returns {string} "" where nothing did
 */
export function restoredWords({ restored, state }) {
  if (!restored) return "";
  const { batch, reason, set_aside } = restored;
  const place = `batch ${formatCount(batch)}`;
  const onward = state === "playing" ? "and goes on" : "and rests there";
  const what =
    reason === "worker_lost"
      ? `The process that trained this run was lost; it has been brought back to ${place} ${onward}.`
      : `The server was started again; this run has been brought back to ${place} ${onward}.`;
  if (set_aside.length === 0) return what;
  const damaged = set_aside.length === 1 ? "A damaged checkpoint was" : "Damaged checkpoints were";
  return `${what} ${damaged} set aside: ${set_aside.join(", ")}.`;
}

/**
 * Why a run would not outlive the server now.
 *
 * @param {RunState} state
 * @returns {string} "" where it would
 */
export function unsavedWords({ saved }) {
  return saved ? `This run cannot be kept at the moment. ${formatError(saved)}` : "";
}
