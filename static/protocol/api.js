/**
 * @typedef {import("./types.js").ApiError} ApiError
 * @typedef {import("./types.js").NewRun} NewRun
 * @typedef {import("./types.js").Reading} Reading
 * @typedef {import("./types.js").TrainedNetwork} TrainedNetwork
 */

/** An answer in the one error shape, or none at all. */
export class RequestError extends Error {
  /** @override */
  name = "RequestError";

  /**
   * @param {ApiError} error
   * @param {number} status 0 when no answer came
   */
  constructor(error, status) {
    super(error.message);
    this.code = error.code;
    this.hint = error.hint ?? null;
    this.status = status;
  }
}

/**
 * An error in the shape in which the server sends errors.
 *
 * @param {unknown} error
 * @returns {ApiError}
 */
export function apiErrorOf(error) {
  const { code = "error", message, hint = null } = /** @type {Error & ApiError} */ (error);
  return { code, message, hint };
}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<any>}
 */
export async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new RequestError(
      {
        code: "no_answer",
        message: "The server does not answer.",
        hint: "Check that it is running, then try again.",
      },
      0,
    );
  }
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  const error = body?.error ?? {
    code: "unexpected_answer",
    message: `The server answered ${response.status}.`,
    hint: "Reload the page.",
  };
  throw new RequestError(error, response.status);
}

/**
 * The API's path of a run, or of a part of it such as "/recipe".
 *
 * @param {string} id
 * @param {string} [part]
 */
export function runPath(id, part = "") {
  return `/api/runs/${encodeURIComponent(id)}${part}`;
}

/**
 * @param {string} path
 * @param {unknown} body
 * @param {string} [method]
 */
export function sendJson(path, body, method = "POST") {
  return request(path, {
    method,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

/**
 * @param {object} [config] fields left out are as in the example
 * @returns {Promise<NewRun>}
 */
export function createRun(config = {}) {
  return sendJson("/api/runs", config);
}

/**
 * @param {object} recipe
 * @returns {Promise<NewRun>}
 */
export function createRunFromRecipe(recipe) {
  return sendJson("/api/runs", { recipe });
}

/**
 * @param {Blob} file a recipe in JSON, or a safetensors file with a recipe in it
 * @returns {Promise<NewRun>}
 */
export function createRunFromFile(file) {
  return request("/api/runs", {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream" },
    body: file,
  });
}

/**
 * @param {string} id
 * @param {number} batch
 * @param {{ [setting: string]: unknown }} set the branch's settings
 * @returns {Promise<NewRun>}
 */
export function branchRun(id, batch, set) {
  return sendJson(runPath(id, "/branch"), { batch, set });
}

/**
 * @param {string} id
 * @returns {Promise<import("./types.js").Recipe>}
 */
export function getRecipe(id) {
  return request(runPath(id, "/recipe"));
}

/**
 * Sends a command to one of this visitor's runs that the page does not show.
 *
 * @param {string} id
 * @param {import("./types.js").Command} command
 * @returns {Promise<import("./types.js").RunState>}
 */
export function sendCommand(id, command) {
  return sendJson(runPath(id, "/commands"), command);
}

/**
 * @param {string} id
 * @param {AbortSignal} [signal]
 */
export function getRun(id, signal) {
  return request(runPath(id), { signal: signal ?? null });
}

/**
 * The lines of code that run in each phase.
 *
 * @param {string} id
 * @returns {Promise<import("../models/program.js").Program>}
 */
export function getProgram(id) {
  return request(runPath(id, "/program"));
}

/**
 * Reads a digit with a run's present weights, or with the trained network if `run` is null.
 *
 * @param {Blob} png
 * @param {string | null} run
 * @param {AbortSignal} signal
 * @returns {Promise<Reading>}
 */
export function classify(png, run, signal) {
  const query = run === null ? "" : `?run=${encodeURIComponent(run)}`;
  return request(`/api/classify${query}`, {
    method: "POST",
    headers: { "Content-Type": "image/png" },
    body: png,
    signal,
  });
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<TrainedNetwork>}
 */
export function trainedNetwork(signal) {
  return request("/api/classify", { signal });
}

/**
 * Differentiates a textbook chain.
 *
 * @param {import("./types.js").ChainQuestion} question
 * @returns {Promise<import("./types.js").ChainAnswer>}
 */
export function differentiate(question) {
  return sendJson("/api/chain", question);
}
