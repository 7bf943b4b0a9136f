/** @typedef {import("./types.js").Recipe} Recipe */

/** Some programs that pass links on cut fragments longer than this, in characters. */
export const LONGEST_FRAGMENT = 30_000;

/** The largest recipe in bytes: the server takes no longer body. */
const LARGEST_RECIPE = 5 * 1024 * 1024;

const START = "#recipe=";

/** A link whose recipe cannot be read. */
export class RecipeLinkError extends Error {
  /** @override */
  name = "RecipeLinkError";
  code = "invalid_link";
  hint = "Part of the link may be missing: ask for it again, or for the recipe as a file.";

  constructor() {
    super("The recipe in this link cannot be read.");
  }
}

/**
 * The fragment that holds a recipe: its JSON without the name, deflated, in URL-safe base64.
 *
 * @param {Recipe} recipe
 */
export async function recipeFragment({ name: _name, ...recipe }) {
  const json = new TextEncoder().encode(JSON.stringify(recipe));
  const deflated = await through(json, new CompressionStream("deflate-raw"), Infinity);
  let binary = "";
  for (const byte of deflated) binary += String.fromCharCode(byte);
  return START + btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @param {string} fragment location.hash */
export function holdsRecipe(fragment) {
  return fragment.startsWith(START);
}

/**
 * The recipe in a fragment. The server will judge whether it makes sense.
 *
 * @param {string} fragment
 * @returns {Promise<object>}
 * @throws {RecipeLinkError}
 */
export async function recipeOf(fragment) {
  try {
    const text = fragment.slice(START.length).replaceAll("-", "+").replaceAll("_", "/");
    const deflated = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    const inflating = new DecompressionStream("deflate-raw");
    const json = await through(deflated, inflating, LARGEST_RECIPE);
    const recipe = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
    if (typeof recipe === "object" && recipe !== null) return recipe;
  } catch {
    // Whatever is wrong with the link, the reader can only ask for another.
  }
  throw new RecipeLinkError();
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {CompressionStream | DecompressionStream} stream
 * @param {number} most the largest result in bytes, so that a small link cannot fill the memory
 */
async function through(bytes, stream, most) {
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  const parts = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > most) {
      await reader.cancel();
      throw new RangeError(`expected at most ${most} bytes`);
    }
    parts.push(value);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
