import { formatCount, formatError } from "../format.js";
import { isOfThisComputer, runAddress } from "../models/addresses.js";
import { countWords } from "../models/changes.js";
import { getRecipe, runPath } from "../protocol/api.js";
import { openFile } from "../protocol/opening.js";
import { LONGEST_FRAGMENT, recipeFragment } from "../protocol/recipe-link.js";
import { dropFiles } from "./file-drop.js";
import { closeByHand, follow, RunElement, write } from "./run-element.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../protocol/types.js").Recipe} Recipe
 */

/** Links to the run and files of it, and the way to open a file again. */
export class ShareDialog extends RunElement {
  /** Counts the requests for the recipe: only the answer to the latest counts. */
  #asked = 0;

  /**
   * @override
   * @param {App} app
   * @param {AbortSignal} signal
   */
  connect({ run, dialogs }, signal) {
    const dialog = this.find("dialog", HTMLDialogElement);
    dialogs.openShare = () => {
      const id = run.state.peek()?.id;
      if (id === undefined) return;
      run.opening.value = "";
      this.#fill(id);
      dialog.showModal();
    };
    closeByHand(dialog, signal);
    dialog.addEventListener(
      "click",
      ({ target }) => {
        const button = target instanceof Element ? target.closest("button") : null;
        if (button?.dataset.copies) this.#copy(button.dataset.copies);
        if (button?.dataset.action === "open") this.piece("file", HTMLInputElement).click();
      },
      { signal },
    );
    const refuse = (/** @type {string} */ text) => {
      if (dialog.open) write(this.piece("refusal", HTMLElement), text);
      else run.notice.value = text === "" ? null : { code: "file", message: text };
    };
    follow(signal, () => this.#say(run.opening.value));
    const open = (/** @type {File} */ file) => openInstead(run, file, refuse);
    const picker = this.piece("file", HTMLInputElement);
    picker.addEventListener(
      "change",
      () => {
        const [file] = picker.files ?? [];
        if (file) open(file);
        picker.value = "";
      },
      { signal },
    );
    dropFiles(this.piece("drop", HTMLElement), open, signal);
  }

  /** @param {string} id */
  #fill(id) {
    this.#say("");
    write(this.piece("refusal", HTMLElement), "");
    this.piece("watch", HTMLInputElement).value = location.origin + runAddress(id);
    this.piece("here", HTMLElement).hidden = !isOfThisComputer(location.hostname);
    this.piece("recipe-file", HTMLAnchorElement).href = runPath(id, "/recipe");
    this.piece("network-file", HTMLAnchorElement).href = runPath(id, "/weights");
    this.#fillRecipe(id);
  }

  /** @param {string} id */
  async #fillRecipe(id) {
    const field = this.piece("recipe", HTMLInputElement);
    const words = this.piece("recipe-words", HTMLElement);
    const line = this.piece("recipe-line", HTMLElement);
    const copy = this.find('[data-copies="recipe"]', HTMLButtonElement);
    const asked = ++this.#asked;
    field.value = "";
    line.hidden = false;
    copy.disabled = true;
    write(words, "Asking the server …");
    try {
      const recipe = await getRecipe(id);
      const fragment = await recipeFragment(recipe);
      if (asked !== this.#asked) return;
      const fits = fragment.length <= LONGEST_FRAGMENT;
      line.hidden = !fits;
      if (fits) field.value = `${location.origin}/${fragment}`;
      copy.disabled = !fits;
      write(words, fits ? recipeWords(recipe) : tooLongWords(fragment.length));
    } catch (error) {
      if (asked !== this.#asked) return;
      line.hidden = true;
      write(words, formatError(/** @type {Error & { hint?: string }} */ (error)));
    }
  }

  /** @param {string} part */
  async #copy(part) {
    const field = this.piece(part, HTMLInputElement);
    try {
      await navigator.clipboard.writeText(field.value);
      this.#say("Link copied.");
    } catch {
      // Without a secure context or permission, the reader has to copy by hand.
      field.select();
      this.#say("The link is selected: copy it from the field.");
    }
  }

  /** @param {string} text */
  #say(text) {
    write(this.piece("said", HTMLElement), text);
  }
}

/**
 * Opens a file as a new run, which replaces this one on the page.
 *
 * @param {App["run"]} run
 * @param {File} file
 * @param {(text: string) => void} refuse
 */
async function openInstead({ opening }, file, refuse) {
  if (opening.peek() !== "") return;
  refuse("");
  opening.value = `Opening ${file.name} …`;
  try {
    location.assign(runAddress(await openFile(file)));
  } catch (error) {
    refuse(formatError(/** @type {Error & { hint?: string }} */ (error)));
    opening.value = "";
  }
}

/** @param {Recipe} recipe */
function recipeWords({ actions, batches }) {
  return `Holds the configuration and ${countWords(actions.length)}, up to batch ${formatCount(batches)}. Any Descent server can repeat the run from it, bit for bit.`;
}

/** @param {number} length characters */
function tooLongWords(length) {
  return `This recipe is too long for a link: ${formatCount(length)} characters, and many programs cut links above ${formatCount(LONGEST_FRAGMENT)}. Drawings make a recipe long. Save it as a file instead.`;
}
