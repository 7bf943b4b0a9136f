import { formatCount } from "../format.js";
import { runAddress } from "../models/addresses.js";
import { changesOf, countWords } from "../models/changes.js";
import { follow, hide, paintInSight, RunElement, write } from "./run-element.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../models/changes.js").Change} Change
 * @typedef {import("../protocol/types.js").RunState} RunState
 */

/** All changes of the run, in words; each leads to its batch and can start a branch. */
export class RunHistory extends RunElement {
  /** What the list shows: it is rebuilt only when this differs, so that buttons keep the focus. */
  #shown = "";

  /**
   * @override
   * @param {App} app
   * @param {AbortSignal} signal
   */
  connect(app, signal) {
    const { run, rewind, dialogs } = app;
    const paint = () => this.#paint(run.state.peek(), run.writable.peek(), rewind.batch);
    const repaint = paintInSight(this, app, paint, signal);
    follow(signal, () => {
      run.news.value;
      run.writable.value;
      rewind.sought.value;
      repaint();
    });
    this.addEventListener(
      "click",
      ({ target }) => {
        const button = target instanceof Element ? target.closest("button") : null;
        if (!button) return;
        const batch = Number(button.dataset.batch);
        if (button.dataset.action === "go") rewind.to(batch);
        else dialogs.openBranch(batch);
      },
      { signal },
    );
  }

  /**
   * @param {RunState | null} state
   * @param {boolean} writable
   * @param {number} batch the run's present batch
   */
  #paint(state, writable, batch) {
    if (!state) return;
    const changes = changesOf(state.config, state.actions);
    const count = changes.length;
    write(this.piece("count", HTMLElement), count === 0 ? "" : countWords(count));
    const key = JSON.stringify([changes, writable, state.branched_from]);
    if (key !== this.#shown) {
      this.#shown = key;
      this.#branchedFrom(state.branched_from ?? null);
      const entries = changes.map((change) => this.#entry(change, writable));
      this.piece("list", HTMLOListElement).replaceChildren(...entries);
      hide(this.piece("none", HTMLElement), count > 0 || Boolean(state.branched_from));
    }
    for (const entry of this.querySelectorAll("li")) {
      entry.classList.toggle("is-ahead", Number(entry.dataset.batch) > batch);
    }
  }

  /** @param {RunState["branched_from"]} from */
  #branchedFrom(from) {
    const line = this.piece("branched", HTMLElement);
    hide(line, from === null);
    if (!from) return;
    const link = this.find("a", HTMLAnchorElement);
    link.href = runAddress(from.id);
    write(this.piece("branched-at", HTMLElement), ` at batch ${formatCount(from.batch)}.`);
  }

  /**
   * @param {Change} change
   * @param {boolean} writable
   */
  #entry({ batch, words }, writable) {
    const entry = document.createElement("li");
    entry.dataset.batch = String(batch);
    const number = `batch ${formatCount(batch)}`;
    const go = button("go", batch, number, `Go to ${number}`);
    go.disabled = !writable;
    const text = document.createElement("span");
    text.textContent = words;
    entry.append(go, text, button("branch", batch, "branch", `Make a branch from ${number}`));
    return entry;
  }
}

/**
 * @param {string} action
 * @param {number} batch
 * @param {string} text
 * @param {string} name
 */
function button(action, batch, text, name) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "quiet";
  made.dataset.action = action;
  made.dataset.batch = String(batch);
  made.textContent = text;
  made.setAttribute("aria-label", name);
  return made;
}
