import { createRunFromFile, createRunFromRecipe, RequestError, sendCommand } from "./api.js";
import { seek } from "./commands.js";

/** @typedef {import("./types.js").NewRun} NewRun */

/** The longest body that the server takes, in bytes. */
const LARGEST_FILE = 5 * 1024 * 1024;

const OPENING_BRACE = 0x7b;

/**
 * Makes a run that follows a recipe, and sends it to the recipe's end.
 *
 * @param {object} recipe
 * @returns {Promise<string>} the id of the run
 */
export async function openRecipe(recipe) {
  return followed(await createRunFromRecipe(recipe));
}

/**
 * The same with a file: a recipe in JSON, or a network with its recipe in it.
 *
 * @param {Blob & { name?: string }} file
 * @returns {Promise<string>} the id of the run
 */
export async function openFile(file) {
  if (file.size > LARGEST_FILE) {
    throw foreign(`Expected a file of at most 5 MB, this one has ${Math.ceil(file.size / 1e6)}.`);
  }
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (file.name?.endsWith(".safetensors") || looksLikeTensors(bytes)) {
    return followed(await createRunFromFile(bytes));
  }
  let recipe;
  try {
    recipe = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw foreign("Expected a recipe in JSON or a network in .safetensors, this file is neither.");
  }
  return openRecipe(recipe);
}

/** @param {NewRun} made */
async function followed({ id, state }) {
  // Answered before the end of a long way; the page that opens shows how far it is.
  if (state.pending) await sendCommand(id, seek(state.pending));
  return id;
}

/**
 * A safetensors file begins with the length of its header, in eight bytes, and the header.
 *
 * @param {Uint8Array} bytes
 */
function looksLikeTensors(bytes) {
  return bytes[7] === 0 && bytes[8] === OPENING_BRACE;
}

/** @param {string} message */
function foreign(message) {
  const hint = "Open a file that was saved from this page.";
  return new RequestError({ code: "invalid_file", message, hint }, 0);
}
