import { formatCount, formatError, formatSetting } from "../format.js";
import { runAddress } from "../models/addresses.js";
import { settingsAt } from "../models/changes.js";
import { parseLearningRate } from "../models/learning-rate.js";
import { branchRun } from "../protocol/api.js";
import { closeByHand, RunElement, write } from "./run-element.js";
import { chooseSize } from "./size-select.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../models/changes.js").Settings} Settings
 */

/** Asks for a branch's settings, makes the branch and opens it. */
export class BranchDialog extends RunElement {
  #batch = 0;
  /** @type {Settings | null} the settings of the run at that batch */
  #before = null;
  #busy = false;
  /** Counts the branches asked for or given up: only the answer to the latest counts. */
  #asked = 0;

  /**
   * @override
   * @param {App} app
   * @param {AbortSignal} signal
   */
  connect({ run, dialogs }, signal) {
    const dialog = this.find("dialog", HTMLDialogElement);
    const template = this.find("template", HTMLTemplateElement);
    const fields = this.piece("fields", HTMLElement);
    dialogs.openBranch = (batch) => {
      const state = run.state.peek();
      if (!state) return;
      fields.replaceChildren(template.content.cloneNode(true));
      this.#fill(batch, settingsAt(state.config, state.actions, batch));
      dialog.showModal();
    };
    fields.addEventListener(
      "input",
      () => {
        if (parseLearningRate(this.piece("rate", HTMLInputElement).value).ok) this.#refuse("");
      },
      { signal },
    );
    // While the dialog is closed, only the bar has controls of these names.
    const clear = () => {
      fields.replaceChildren();
      this.#asked += 1;
    };
    const close = () => {
      clear(); // at once: the dialog's own close event comes a little late
      dialog.close();
    };
    dialog.addEventListener("cancel", clear, { signal });
    const cancel = this.button("cancel");
    cancel.addEventListener("click", close, { signal });
    closeByHand(dialog, signal, close);
    this.find("form", HTMLFormElement).addEventListener(
      "submit",
      (event) => {
        event.preventDefault();
        const id = run.state.peek()?.id;
        if (id !== undefined) this.#make(id);
      },
      { signal },
    );
  }

  /**
   * @param {number} batch
   * @param {Settings} settings
   */
  #fill(batch, settings) {
    this.#busy = false;
    this.#batch = batch;
    this.#before = settings;
    for (const place of this.querySelectorAll('[data-part="batch"]')) {
      write(place, formatCount(batch));
    }
    this.piece("rule", HTMLSelectElement).value = settings.name;
    this.piece("rate", HTMLInputElement).value = formatSetting(settings.learning_rate);
    chooseSize(this.piece("size", HTMLSelectElement), settings.batch_size);
    this.#refuse("");
  }

  /** @param {string} id the run to branch */
  async #make(id) {
    const set = this.#set();
    if (set === null || this.#busy) return;
    this.#busy = true;
    this.#refuse("");
    const asked = ++this.#asked;
    try {
      const made = await branchRun(id, this.#batch, set);
      if (asked === this.#asked) location.assign(runAddress(made.id));
    } catch (error) {
      if (asked !== this.#asked) return;
      this.#refuse(formatError(/** @type {Error & { hint?: string }} */ (error)));
      this.#busy = false;
    }
  }

  /** The settings that differ from the run's; null if a field cannot be read. */
  #set() {
    const before = this.#before;
    const field = this.piece("rate", HTMLInputElement);
    const rate = parseLearningRate(field.value);
    if (!before || !rate.ok) {
      this.#refuse(rate.ok ? "" : rate.message);
      field.focus();
      return null;
    }
    const optimizer = this.piece("rule", HTMLSelectElement).value;
    const batch_size = Number(this.piece("size", HTMLSelectElement).value);
    return {
      ...(optimizer === before.name ? {} : { optimizer }),
      ...(rate.value === before.learning_rate ? {} : { learning_rate: rate.value }),
      ...(batch_size === before.batch_size ? {} : { batch_size }),
    };
  }

  /** @param {string} text */
  #refuse(text) {
    write(this.piece("refusal", HTMLElement), text);
  }
}
