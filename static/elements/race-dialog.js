import { formatCount, formatError } from "../format.js";
import { idIn } from "../models/comparison-address.js";
import { RACES } from "../models/races.js";
import { prepareRace } from "../models/racing.js";
import { exists, NO_SUCH_RUN } from "../open-run.js";
import { branchRun, createRun } from "../protocol/api.js";
import { deleteRun } from "../protocol/my-runs.js";
import { closeByHand, follow, RunElement, write } from "./run-element.js";

/** Offers ready-made races, and other runs to put beside this one. */
export class RaceDialog extends RunElement {
  /**
   * @override
   * @param {import("./context.js").App} app
   * @param {AbortSignal} signal
   */
  connect(app, signal) {
    const { run, dialogs } = app;
    const dialog = this.find("dialog", HTMLDialogElement);
    this.#list(app, dialog, signal);
    dialogs.openRace = () => {
      write(this.piece("trouble", HTMLElement), "");
      dialog.showModal();
    };
    closeByHand(dialog, signal);
    const mine = this.button("mine");
    mine.addEventListener(
      "click",
      () => {
        dialog.close();
        dialogs.openRuns();
      },
      { signal },
    );
    follow(signal, () => {
      const batch = run.state.value?.batch ?? 0;
      write(this.piece("now", HTMLElement), formatCount(batch));
      this.piece("from-now", HTMLInputElement).disabled = batch === 0;
    });
    this.#addByLink(app, dialog, signal);
  }

  /**
   * @param {import("./context.js").App} app
   * @param {HTMLDialogElement} dialog
   * @param {AbortSignal} signal
   */
  #list({ comparison, together }, dialog, signal) {
    const list = this.piece("races", HTMLElement);
    const trouble = this.piece("trouble", HTMLElement);
    /** @type {HTMLButtonElement[]} */
    const buttons = [];
    const start = async (/** @type {import("../models/races.js").Race} */ race) => {
      const now = this.piece("from-now", HTMLInputElement);
      const from = now.checked && !now.disabled ? "now" : "start";
      const closed = new AbortController();
      dialog.addEventListener("close", () => closed.abort(), { once: true, signal });
      write(trouble, "");
      for (const button of buttons) button.disabled = true;
      try {
        const makers = { create: createRun, branch: branchRun, remove: deleteRun };
        if (together.running.peek()) await together.hold(); // ends whatever ran before
        const runs = await prepareRace(race, from, { comparison, makers, signal: closed.signal });
        dialog.close();
        revealComparison();
        together.race(runs);
      } catch (error) {
        if (!closed.signal.aborted) write(trouble, formatError(/** @type {Error} */ (error)));
      } finally {
        for (const button of buttons) button.disabled = false;
      }
    };
    const items = RACES.map((race, i) => {
      const item = document.createElement("li");
      item.className = "race";
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = race.title;
      const about = document.createElement("p");
      about.id = `race-about-${i}`;
      about.textContent = race.about;
      button.setAttribute("aria-describedby", about.id);
      button.addEventListener("click", () => start(race), { signal });
      buttons.push(button);
      item.append(button, about);
      return item;
    });
    list.replaceChildren(...items);
  }

  /**
   * @param {import("./context.js").App} app
   * @param {HTMLDialogElement} dialog
   * @param {AbortSignal} signal
   */
  #addByLink({ comparison }, dialog, signal) {
    const field = this.piece("link", HTMLInputElement);
    const trouble = this.piece("trouble", HTMLElement);
    const form = this.find("form", HTMLFormElement);
    form.addEventListener(
      "submit",
      async (event) => {
        event.preventDefault();
        const id = idIn(field.value);
        const error =
          id === null
            ? {
                message: "Enter the link to a run, or its id of 32 digits and letters.",
                hint: "The id follows ?run= in the address of the run's page.",
              }
            : (await exists(id))
              ? comparison.add(id)
              : NO_SUCH_RUN;
        write(trouble, error ? formatError(error) : "");
        if (error) return;
        field.value = "";
        dialog.close();
        revealComparison();
      },
      { signal },
    );
  }
}

/** Brings the comparison into sight. */
export function revealComparison() {
  document.querySelector("compare-region")?.scrollIntoView({ block: "start" });
}
