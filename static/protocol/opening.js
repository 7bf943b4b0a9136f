import { createRunFromFile, createRunFromRecipe, RequestError, sendCommand } from "./api.js";
import { FIRST_SPEED, seek, set } from "./commands.js";

/** @typedef {import("./types.js").NewRun} NewRun */

/** The longest body that the server takes, in bytes. */
const LARGEST_FILE = 40 * 1024 * 1024;

/**
 * Makes a run that follows a recipe, and starts it towards the recipe's end.
 *
 * @param {object} recipe
 * @returns {Promise<string>} the id of the run
 */
export async function openRecipe(recipe) {
  return followed(await createRunFromRecipe(recipe));
}

/**
 * Does the same with a file: a recipe in JSON, or a network that holds its recipe.
 *
 * @param {Blob} file
 * @returns {Promise<string>} the id of the run
 */
export async function openFile(file) {
  if (file.size > LARGEST_FILE) {
    const message = `A file may have at most 40 MB; this one has ${Math.ceil(file.size / 2 ** 20)} MB.`;
    const hint = "Open a recipe or a network that was saved from this page.";
    throw new RequestError({ code: "too_large", message, hint }, 0);
  }
  return followed(await createRunFromFile(file), set({ speed: FIRST_SPEED }));
}

/**
 * @param {NewRun} made
 * @param {import("./types.js").Command[]} first commands to send before
 */
async function followed({ id, pending }, ...first) {
  // A long seek is answered before it ends; the page that opens shows its progress.
  const commands = pending ? [...first, seek(pending)] : first;
  for (const command of commands) {
    // The run exists even if this fails, and its page says how far its recipe goes.
    await sendCommand(id, command).catch(() => {});
  }
  return id;
}
