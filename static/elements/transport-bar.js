import { Dragged } from "../models/dragged.js";
import { discardWords } from "../models/rewind.js";
import { notchOfSpeed, speedOfNotch, speedText } from "../models/speed.js";
import * as commands from "../protocol/commands.js";
import { follow, hide, RunElement, write, writeAttribute, writeChoice } from "./run-element.js";
import { chooseSize } from "./size-select.js";

/**
 * @typedef {import("../models/run.js").RunModel} RunModel
 * @typedef {import("../protocol/types.js").RunState} RunState
 */

/**
 * The training controls. Each acts at once, and shows the value asked for until the answer comes.
 */
export class TransportBar extends RunElement {
  /**
   * @override
   * @param {import("./context.js").App} app
   * @param {AbortSignal} signal
   */
  connect({ run, dialogs }, signal) {
    this.#buttons(run, signal);
    this.#speed(run, signal);
    this.#optimizer(run, signal);
    this.#batchSize(run, signal);
    this.#discards(run, dialogs, signal);
    follow(signal, () => {
      const disabled = !run.writable.value || run.connection.value === "gone";
      for (const control of this.querySelectorAll("button, input, select")) {
        control.toggleAttribute("disabled", disabled);
      }
    });
  }

  /**
   * @param {RunModel} run
   * @param {AbortSignal} signal
   */
  #buttons(run, signal) {
    const play = this.button("play");
    const back = this.button("back");
    follow(signal, () => {
      const running = run.running.value;
      writeAttribute(play, "aria-label", running ? "Pause" : "Play");
      play.classList.toggle("is-running", running);
    });
    follow(signal, () => {
      const state = run.state.value;
      const atStart = !state || (state.batch === 0 && state.phase === null);
      writeAttribute(back, "aria-disabled", String(atStart));
    });
    this.addEventListener(
      "click",
      ({ target }) => {
        const button = target instanceof Element ? target.closest("button") : null;
        if (!button) return;
        const { action, unit } = button.dataset;
        if (action === "play") run.running.peek() ? run.pause() : run.play();
        if (action === "reset") run.reset();
        if (action === "back" && back.getAttribute("aria-disabled") !== "true") run.back();
        if (action === "step") run.step(/** @type {"phase" | "batch" | "epoch"} */ (unit));
      },
      { signal },
    );
  }

  /**
   * @param {RunModel} run
   * @param {AbortSignal} signal
   */
  #speed(run, signal) {
    const slider = this.piece("speed", HTMLInputElement);
    const text = this.piece("speed-text", HTMLOutputElement);
    const dragged = new Dragged(run, "speed", (/** @type {number | null} */ speed) =>
      run.do(commands.set({ speed })),
    );
    const show = (/** @type {number | null} */ speed) => {
      slider.value = String(notchOfSpeed(speed));
      writeAttribute(slider, "aria-valuetext", speedText(speed));
      write(text, speedText(speed));
    };
    follow(signal, () => {
      const state = run.state.value;
      if (state) show(run.pending.shown("speed", state.speed));
    });
    slider.addEventListener(
      "input",
      () => {
        dragged.to(speedOfNotch(Number(slider.value)));
      },
      { signal },
    );
  }

  /**
   * @param {RunModel} run
   * @param {AbortSignal} signal
   */
  #optimizer(run, signal) {
    const select = this.piece("optimizer", HTMLSelectElement);
    const momentum = this.piece("momentum", HTMLInputElement);
    const momentumControl = this.piece("momentum-control", HTMLElement);
    const shownMomentum = () =>
      run.pending.shown("momentum", run.state.value?.optimizer.momentum ?? 0);
    follow(signal, () => {
      const state = run.state.value;
      if (!state) return;
      const name = run.pending.shown("optimizer", state.optimizer.name);
      writeChoice(select, name);
      writeAttribute(momentumControl, "data-shown", String(name === "sgd"));
      if (document.activeElement !== momentum) {
        momentum.value = String(shownMomentum());
      }
    });
    select.addEventListener(
      "change",
      () => {
        const optimizer = select.value;
        run.do(commands.set({ optimizer }), { optimizer });
      },
      { signal },
    );
    momentum.addEventListener(
      "change",
      async () => {
        const value = momentum.valueAsNumber;
        if (!(value >= 0 && value < 1)) {
          run.notice.value = {
            code: "momentum",
            message: "Momentum must be at least 0 and less than 1.",
            hint: "0.9 is a usual choice.",
          };
          momentum.value = String(shownMomentum());
          return;
        }
        await run.do(commands.set({ momentum: value }), { momentum: value });
        // The reader may have typed another by now.
        if (momentum.valueAsNumber === value) momentum.value = String(shownMomentum());
      },
      { signal },
    );
  }

  /**
   * Warns, beside the settings, what a change would discard.
   *
   * @param {RunModel} run
   * @param {import("./context.js").Dialogs} dialogs
   * @param {AbortSignal} signal
   */
  #discards(run, dialogs, signal) {
    const hint = this.piece("discards", HTMLElement);
    follow(signal, () => {
      const state = run.state.value;
      const words = state && run.writable.value ? discardWords(state) : "";
      hide(hint, words === "");
      write(this.piece("discards-text", HTMLElement), words);
    });
    const branch = this.button("branch");
    branch.addEventListener("click", () => dialogs.openBranch(run.state.peek()?.batch ?? 0), {
      signal,
    });
  }

  /**
   * @param {RunModel} run
   * @param {AbortSignal} signal
   */
  #batchSize(run, signal) {
    const select = this.piece("batch-size", HTMLSelectElement);
    follow(signal, () => {
      const state = run.state.value;
      if (state) chooseSize(select, run.pending.shown("batch_size", state.batch_size));
    });
    select.addEventListener(
      "change",
      () => {
        const batch_size = Number(select.value);
        run.do(commands.set({ batch_size }), { batch_size });
      },
      { signal },
    );
  }
}
