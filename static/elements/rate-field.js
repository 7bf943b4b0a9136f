import { formatError, formatSetting } from "../format.js";
import { Dragged } from "../models/dragged.js";
import { learningRate } from "../models/explanations/progress.js";
import { parseLearningRate, positionOfRate, rateOfPosition } from "../models/learning-rate.js";
import { discardWords } from "../models/rewind.js";
import * as commands from "../protocol/commands.js";
import { isUnconnected } from "../protocol/socket.js";
import { explain } from "./explain.js";
import { follow, RunElement, write, writeAttribute } from "./run-element.js";

/** @typedef {import("../models/run.js").RunModel} RunModel */

/** The learning rate: a slider on a logarithmic scale, and a field for any value. */
export class RateField extends RunElement {
  /** @type {"present" | "typed" | "refused"} what is in the field */
  #held = "present";
  /** Whether a rate could not be sent because there was no connection. */
  #unsent = false;

  /**
   * @override
   * @param {import("./context.js").App} app
   * @param {AbortSignal} signal
   */
  connect({ run }, signal) {
    const field = this.#field;
    const slider = this.piece("rate-slider", HTMLInputElement);
    const dragged = new Dragged(run, "learning_rate", (/** @type {number} */ rate) =>
      this.#send(run, rate),
    );
    follow(signal, () => this.#showPresent(run));
    const why = () => {
      const state = run.state.value;
      // No explanation here: it would cover the hint about what a change discards.
      return state && discardWords(state) === "" ? learningRate(state) : null;
    };
    explain(field, why, signal);
    field.addEventListener("input", () => (this.#held = "typed"), { signal });
    field.addEventListener("change", () => this.#commit(run, dragged), { signal });
    const giveUp = () => {
      this.#accept();
      this.#showPresent(run);
    };
    follow(signal, () => {
      if (run.connection.value !== "open" || !this.#unsent) return;
      // A rate that is being typed stays in the field.
      if (this.#held === "typed" && document.activeElement === field) this.#say("");
      else giveUp();
    });
    field.addEventListener(
      "blur",
      () => {
        // Typing the same rate again changes nothing and fires no "change" event.
        if (this.#held === "typed" && this.#message.textContent === "") giveUp();
      },
      { signal },
    );
    field.addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "Escape") return;
        event.preventDefault(); // drops only what was typed; an opened station stays open
        giveUp();
      },
      { signal },
    );
    slider.addEventListener(
      "input",
      () => {
        this.#accept();
        dragged.to(rateOfPosition(Number(slider.value)));
      },
      { signal },
    );
  }

  get #field() {
    return this.piece("rate", HTMLInputElement);
  }

  get #message() {
    return this.piece("rate-message", HTMLElement);
  }

  /** @param {string} text why the field's value is refused; "" if it is not */
  #say(text) {
    this.#unsent = false;
    write(this.#message, text);
    if (text === "") this.#field.removeAttribute("aria-invalid");
    else writeAttribute(this.#field, "aria-invalid", "true");
  }

  /**
   * @param {string} text why
   * @param {number | undefined} kept the rate that stays in force, if known
   */
  #refuse(text, kept) {
    this.#say(kept === undefined ? text : `${text} Kept at ${formatSetting(kept)}.`);
  }

  /** The field follows the rate again. */
  #accept() {
    this.#held = "present";
    this.#say("");
  }

  /** @param {number} rate */
  #show(rate) {
    const text = formatSetting(rate);
    if (this.#held === "present") this.#field.value = text;
    const slider = this.piece("rate-slider", HTMLInputElement);
    slider.value = String(positionOfRate(rate));
    writeAttribute(slider, "aria-valuetext", text);
  }

  /** @param {RunModel} run */
  #showPresent({ state: { value: state }, pending }) {
    if (state) this.#show(pending.shown("learning_rate", state.learning_rate));
  }

  /**
   * @param {RunModel} run
   * @param {Dragged<number>} dragged
   */
  #commit(run, dragged) {
    const parsed = parseLearningRate(this.#field.value);
    const kept = run.pending.shown("learning_rate", run.state.peek()?.learning_rate);
    if (!parsed.ok) {
      this.#refuse(parsed.message, kept);
      return;
    }
    this.#accept();
    if (parsed.value !== kept) dragged.to(parsed.value);
    else this.#show(parsed.value);
  }

  /**
   * @param {RunModel} run
   * @param {number} rate
   */
  async #send(run, rate) {
    const error = await run.act(commands.set({ learning_rate: rate }));
    if (error && this.#held === "present") {
      // The refused rate stays beside the reason until another is accepted.
      this.#held = "refused";
      this.#field.value = formatSetting(rate);
    }
    if (error) {
      this.#refuse(formatError(error), run.state.peek()?.learning_rate);
      this.#unsent = isUnconnected(error);
    } else if (this.#held === "refused") {
      this.#accept();
      this.#show(rate);
    }
  }
}
