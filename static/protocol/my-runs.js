import { request } from "./api.js";

/**
 * @typedef {import("./types.js").RunEntry} RunEntry
 * @typedef {import("./types.js").RunList} RunList
 */

/**
 * The visitor's own runs, last used first.
 *
 * @returns {Promise<RunList>}
 */
export function listRuns() {
  return request("/api/runs");
}

/**
 * A new run that shares the past of another up to a batch.
 *
 * @param {string} id
 * @param {number} batch
 * @param {object} set what it goes on with
 * @returns {Promise<import("./types.js").NewRun>}
 */
export function branchRun(id, batch, set) {
  return request(`/api/runs/${encodeURIComponent(id)}/branch`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ batch, set }),
  });
}

/**
 * @param {string} id
 * @param {string} name
 * @returns {Promise<RunEntry>}
 */
export function renameRun(id, name) {
  return request(`/api/runs/${encodeURIComponent(id)}`, {
    method: "PATCH",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name }),
  });
}

/**
 * @param {string} id
 * @returns {Promise<null>}
 */
export function deleteRun(id) {
  return request(`/api/runs/${encodeURIComponent(id)}`, { method: "DELETE" });
}
