import { request, runPath, sendJson } from "./api.js";

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
 * @param {string} id
 * @param {string} name
 * @returns {Promise<RunEntry>}
 */
export function renameRun(id, name) {
  return sendJson(runPath(id), { name }, "PATCH");
}

/**
 * @param {string} id
 * @returns {Promise<null>}
 */
export function deleteRun(id) {
  return request(runPath(id), { method: "DELETE" });
}
