import { createRunFromFile, createRunFromRecipe, RequestError, sendCommand } from "./api.js";
import { FIRST_SPEED, seek, set } from "./commands.js";

/** @typedef {import("./types.js").NewRun} NewRun */

/** The longest body that the server takes, in bytes. */
const LARGEST_FILE = 40 * 1024 * 1024;

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
 * @param {Blob} file
 * @returns {Promise<string>} the id of the run
 */
export async function openFile(file) {
  if (file.size > LARGEST_FILE) {
    const message = `Expected a file of at most 40 MB, this one has ${Math.ceil(file.size / 2 ** 20)}.`;
    const hint = "Open a recipe or a network that was saved from this page.";
    throw new RequestError({ code: "too_large", message, hint }, 0);
  }
  const made = await createRunFromFile(file);
  await sendCommand(made.id, set({ speed: FIRST_SPEED }));
  return followed(made);
}

/** @param {NewRun} made */
async function followed({ id, pending }) {
  // Answered before the end of a long way; the page that opens shows how far it is.
  if (pending) await sendCommand(id, seek(pending));
  return id;
}
