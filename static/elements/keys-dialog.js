import { actionOf, SHORTCUTS } from "../keys.js";
import { storage } from "../storage.js";
import { closeByHand, RunElement } from "./run-element.js";

const STORAGE_KEY = "descent.keys";

/** The list of shortcuts, the switch that turns them off, and the shortcuts themselves. */
export class KeysDialog extends RunElement {
  /**
   * @override
   * @param {import("./context.js").App} app
   * @param {AbortSignal} signal
   */
  connect({ run, dialogs }, signal) {
    const dialog = this.find("dialog", HTMLDialogElement);
    const enabled = this.piece("enabled", HTMLInputElement);
    this.#list();
    enabled.checked = storage.getItem(STORAGE_KEY) !== "off";
    enabled.addEventListener(
      "change",
      () => storage.setItem(STORAGE_KEY, enabled.checked ? "on" : "off"),
      { signal },
    );
    dialogs.openKeys = () => dialog.showModal();
    closeByHand(dialog, signal);
    document.addEventListener(
      "keydown",
      (event) => {
        if (event.defaultPrevented) return; // the focused control has used the key
        const action = actionOf(event, targetOf(event.target));
        if (!action || !enabled.checked) return;
        // Nothing moves behind a dialog, except the unit's, which shows what each step does to the
        // unit.
        if (document.querySelector("dialog:modal:not(.unit)") && action !== "keys") return;
        event.preventDefault();
        if (action === "keys") dialog.open ? dialog.close() : dialog.showModal();
        else if (run.writable.peek() && !(event.repeat && run.isStepping)) carryOut(action, run);
      },
      { signal },
    );
  }

  #list() {
    const list = this.piece("list", HTMLDListElement);
    list.replaceChildren(
      ...SHORTCUTS.flatMap(({ label, does }) => {
        const term = document.createElement("dt");
        const key = document.createElement("kbd");
        key.textContent = label;
        term.append(key);
        const description = document.createElement("dd");
        description.textContent = does;
        return [term, description];
      }),
    );
  }
}

/**
 * @param {EventTarget | null} target
 * @returns {import("../keys.js").KeyTarget}
 */
function targetOf(target) {
  if (!(target instanceof HTMLElement)) return { tag: "", role: null, editable: false };
  const isBox = target instanceof HTMLInputElement && target.type === "checkbox";
  return {
    tag: isBox ? "button" : target.localName, // it responds to Space alone
    role: target.getAttribute("role"),
    editable: target.isContentEditable,
  };
}

/**
 * @param {Exclude<import("../keys.js").KeyAction, "keys">} action
 * @param {import("../models/run.js").RunModel} run
 */
function carryOut(action, run) {
  const actions = {
    play: () => (run.running.peek() ? run.pause() : run.play()),
    step_phase: () => run.step("phase"),
    step_batch: () => run.step("batch"),
    step_epoch: () => run.step("epoch"),
    back: () => run.back(),
    reset: () => run.reset(),
  };
  actions[action]();
}
