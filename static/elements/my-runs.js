import { drawSparkline } from "../draw/sparkline.js";
import { formatCount, formatError, formatLoss } from "../format.js";
import { runAddress } from "../models/addresses.js";
import { runTitle } from "../models/compared-words.js";
import { keptText, reachedParts, settingsText, summaryText, whenText } from "../models/my-runs.js";
import { Turns } from "../models/turns.js";
import { deleteRun, listRuns, renameRun } from "../protocol/my-runs.js";
import { FigureText } from "./figure-text.js";
import { Picture } from "./picture.js";
import { revealComparison } from "./race-dialog.js";
import { cell, closeByHand, follow, RunElement, write } from "./run-element.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../protocol/types.js").RunEntry} RunEntry
 * @typedef {Picture<{ curve: RunEntry["curve"] }>} Curve
 * @typedef {{ item: HTMLElement, run: RunEntry, picture: Curve, reached: FigureText, drawn: string }} Shown
 */

const REFRESH_MS = 2000;

/** The visitor's runs: how far each has got, with ways to rename, open, compare or delete it. */
export class MyRuns extends RunElement {
  /** @type {Map<string, Shown>} */
  #items = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #round = 0;
  /** Renames go out one after another; otherwise an earlier name might arrive last. */
  #renames = new Turns();

  /**
   * @override
   * @param {App} app
   * @param {AbortSignal} signal
   */
  connect(app, signal) {
    const dialog = this.find("dialog", HTMLDialogElement);
    app.dialogs.openRuns = () => {
      write(this.piece("trouble", HTMLElement), "");
      dialog.showModal();
      this.#refresh(app, dialog);
    };
    closeByHand(dialog, signal);
    dialog.addEventListener("close", () => clearTimeout(this.#timer), { signal });
    follow(signal, () => {
      app.colours.value;
      for (const shown of this.#items.values()) this.#draw(shown, app);
    });
    signal.addEventListener("abort", () => clearTimeout(this.#timer), { once: true });
  }

  /**
   * Asks the server now, and repeatedly while the dialog is open.
   *
   * @param {App} app
   * @param {HTMLDialogElement} dialog
   */
  async #refresh(app, dialog) {
    clearTimeout(this.#timer);
    const round = ++this.#round;
    const trouble = this.piece("trouble", HTMLElement);
    if (!document.hidden) {
      try {
        const { runs, expires_after_s } = await listRuns();
        if (round !== this.#round) return;
        this.#show(app, runs);
        write(this.piece("kept", HTMLElement), keptText(expires_after_s));
        if (trouble.dataset.of === "list") write(trouble, "");
      } catch (error) {
        if (round !== this.#round) return;
        this.#say(error, "list");
      }
    }
    if (dialog.open && this.isConnected) {
      this.#timer = setTimeout(() => this.#refresh(app, dialog), REFRESH_MS);
    }
  }

  /**
   * @param {unknown} error
   * @param {"list" | "act"} of what went wrong: fetching the list, or an action
   */
  #say(error, of) {
    const trouble = this.piece("trouble", HTMLElement);
    trouble.dataset.of = of;
    write(trouble, formatError(/** @type {Error} */ (error)));
  }

  /**
   * @param {App} app
   * @param {readonly RunEntry[]} runs
   */
  #show(app, runs) {
    const list = this.piece("list", HTMLElement);
    for (const [id, { item }] of this.#items) {
      if (runs.some((run) => run.id === id)) continue;
      item.remove();
      this.#items.delete(id);
    }
    runs.forEach((run, i) => {
      const shown = this.#items.get(run.id) ?? this.#make(app, run);
      shown.run = run;
      // Not while the list has the focus, which moving an item would lose.
      const busy = list.contains(document.activeElement);
      if (shown.item.parentNode !== list || (!busy && list.children[i] !== shown.item)) {
        list.insertBefore(shown.item, list.children[i] ?? null);
      }
      this.#fill(app, shown);
    });
    this.piece("empty", HTMLElement).hidden = runs.length > 0;
    write(this.piece("summary", HTMLElement), summaryText(runs));
  }

  /**
   * @param {App} app
   * @param {RunEntry} run
   */
  #make(app, run) {
    const template = this.piece("run", HTMLTemplateElement);
    const fragment = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    const item = /** @type {HTMLElement} */ (fragment.firstElementChild);
    item.dataset.run = run.id;
    const canvas = /** @type {HTMLCanvasElement} */ (cell(item, "curve"));
    const picture = new Picture(canvas, drawSparkline);
    const reached = new FigureText(cell(item, "reached"));
    const shown = { item, run, picture, reached, drawn: "" };
    this.#items.set(run.id, shown);
    this.#acts(app, shown);
    return shown;
  }

  /**
   * @param {App} app
   * @param {{ item: HTMLElement, run: RunEntry }} shown
   */
  #acts(app, shown) {
    const { item } = shown;
    const dialog = this.find("dialog", HTMLDialogElement);
    const name = /** @type {HTMLInputElement} */ (cell(item, "name"));
    const rename = () => {
      const to = name.value.trim();
      name.value = to;
      this.#renames.add(() => this.#rename(app, shown, name, to));
    };
    name.addEventListener("change", rename);
    name.addEventListener("keydown", (event) => {
      if (event.key === "Enter") name.blur();
      if (event.key !== "Escape" || name.value === shown.run.name) return;
      event.preventDefault(); // Escape restores the name instead of closing the dialog
      name.value = shown.run.name;
    });
    cell(item, "compare").addEventListener("click", () => {
      const error = app.comparison.add(shown.run.id);
      if (error) {
        this.#say(error, "act");
        return;
      }
      dialog.close();
      revealComparison();
    });
    const ask = (/** @type {boolean} */ asked) => {
      cell(item, "asked").hidden = !asked;
      cell(item, asked ? "keep" : "delete").focus();
    };
    cell(item, "delete").addEventListener("click", () => ask(true));
    cell(item, "keep").addEventListener("click", () => ask(false));
    let isUnderWay = false;
    cell(item, "delete-now").addEventListener("click", async () => {
      if (isUnderWay) return; // deleting twice would fail: the run would be gone
      isUnderWay = true;
      try {
        await deleteRun(shown.run.id);
        app.comparison.remove(shown.run.id);
        write(this.piece("trouble", HTMLElement), "");
        this.button("close").focus();
      } catch (error) {
        this.#say(error, "act");
      }
      isUnderWay = false;
      this.#refresh(app, dialog);
    });
  }

  /**
   * @param {App} app
   * @param {{ run: RunEntry }} shown
   * @param {HTMLInputElement} field
   * @param {string} name
   */
  async #rename(app, shown, field, name) {
    const { run } = shown;
    if (name === run.name) return;
    // A list asked for earlier would still have the old name.
    clearTimeout(this.#timer);
    this.#round += 1;
    try {
      shown.run = await renameRun(run.id, name);
      const compared = app.comparison.all.peek().find(({ id }) => id === run.id);
      compared?.run.rename(name);
      write(this.piece("trouble", HTMLElement), "");
    } catch (error) {
      field.value = run.name;
      this.#say(error, "act");
    }
    this.#refresh(app, this.find("dialog", HTMLDialogElement));
  }

  /**
   * @param {App} app
   * @param {Shown} shown
   */
  #fill(app, shown) {
    const { item, run } = shown;
    const title = runTitle(run);
    const name = /** @type {HTMLInputElement} */ (cell(item, "name"));
    if (document.activeElement !== name && name.value !== run.name) name.value = run.name;
    name.placeholder = title;
    name.setAttribute("aria-label", `Name of the run ${title}`);
    const isThis = app.run.state.peek()?.id === run.id;
    item.classList.toggle("is-current", isThis);
    item.classList.toggle("is-running", run.state === "playing" || run.state === "stepping");
    const own = isThis ? "on this page · " : "";
    write(cell(item, "settings"), settingsText(run));
    shown.reached.show([own, ...reachedParts(run)]);
    write(cell(item, "when"), whenText(run, Date.now() / 1000));
    const open = cell(item, "open");
    open.hidden = isThis;
    open.setAttribute("href", runAddress(run.id));
    open.setAttribute("aria-label", `Open ${title}`);
    const compare = /** @type {HTMLButtonElement} */ (cell(item, "compare"));
    compare.hidden = app.comparison.has(run.id);
    compare.setAttribute("aria-label", `Compare ${title} with this page's run`);
    cell(item, "delete").setAttribute("aria-label", `Delete ${title}`);
    write(cell(item, "question"), `Delete ${title} for good?`);
    this.#draw(shown, app);
  }

  /**
   * @param {{ run: RunEntry, picture: Curve, drawn: string }} shown
   * @param {App} app
   */
  #draw(shown, app) {
    const { curve } = shown.run;
    const drawn = JSON.stringify(curve);
    if (drawn !== shown.drawn) shown.picture.invalidate();
    shown.drawn = drawn;
    shown.picture.paint({ curve }, app.colours.peek());
    const [first, last] = [curve[0], curve.at(-1)];
    shown.picture.canvas.setAttribute(
      "aria-label",
      first && last
        ? `From ${formatLoss(first[1])} at the start to ${formatLoss(last[1])} at batch ${formatCount(last[0])}`
        : "No curve yet",
    );
  }
}
