import { formatLoss, formatValue } from "../format.js";
import { parseWeight } from "../models/unit.js";
import * as commands from "../protocol/commands.js";
import { follow, write } from "./run-element.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../protocol/types.js").RunState} RunState
 */

const SIDE = 28;
const TENSOR = "layer1.weights";

/** The form that sets one w of the picked unit by hand, and takes it back. */
export class ByHand {
  #host;
  #app;
  /** @type {string | null} */
  #refusal = null;
  #busy = false;
  /** Whether the last change by hand was made here. */
  #made = false;

  /**
   * @param {import("./run-element.js").RunElement} host
   * @param {App} app
   * @param {AbortSignal} signal
   */
  constructor(host, app, signal) {
    this.#host = host;
    this.#app = app;
    const { run, pick, painter } = app;
    const paint = () => this.#paint();
    const row = host.piece("row", HTMLInputElement);
    const column = host.piece("column", HTMLInputElement);
    follow(signal, () => {
      row.value = String(Math.floor(pick.input.value / SIDE));
      column.value = String(pick.input.value % SIDE);
    });
    const place = () => {
      const [y, x] = [row.valueAsNumber, column.valueAsNumber];
      if (![y, x].every((at) => Number.isInteger(at) && at >= 0 && at < SIDE)) return;
      pick.input.value = y * SIDE + x;
    };
    row.addEventListener("input", place, { signal });
    column.addEventListener("input", place, { signal });
    follow(signal, () => {
      run.state.value;
      run.writable.value;
      painter.request(paint);
    });
    follow(signal, () => {
      pick.unit.value;
      pick.input.value;
      this.#refusal = null;
      this.#made = false;
      painter.request(paint);
    });
    signal.addEventListener("abort", () => painter.cancel(paint), { once: true });
    host.piece("hand", HTMLFormElement).addEventListener(
      "submit",
      (event) => {
        event.preventDefault();
        this.#set().then(() => painter.request(paint));
      },
      { signal },
    );
    this.#button("undo").addEventListener(
      "click",
      () => this.#send(commands.undo()).then(() => painter.request(paint)),
      { signal },
    );
  }

  async #set() {
    const { run, pick } = this.#app;
    const field = this.#host.piece("value", HTMLInputElement);
    const value = parseWeight(field.value);
    if (!run.writable.peek()) return;
    if (value === null) {
      this.#refusal = "Type a number, for example 0.1 or −0.05.";
      return;
    }
    await this.#send(commands.setWeight(TENSOR, [pick.unit.peek(), pick.input.peek()], value));
    this.#made = this.#refusal === null;
  }

  /** @param {import("../protocol/types.js").Command} command */
  async #send(command) {
    if (this.#busy) return;
    this.#busy = true;
    const error = await this.#app.run.act(command);
    this.#busy = false;
    this.#refusal = error && [error.message, error.hint].filter(Boolean).join(" ");
  }

  #paint() {
    const { run } = this.#app;
    const state = run.state.peek();
    if (!state) return;
    const writable = run.writable.peek();
    this.#button("set").setAttribute("aria-disabled", String(!writable));
    const edit = state.edit?.kind === "weight" ? state.edit : null;
    this.#button("undo").hidden = !(edit && state.can_undo && writable);
    const result = this.#host.piece("result", HTMLElement);
    result.classList.toggle("is-refused", this.#refusal !== null);
    write(result, this.#refusal ?? (edit ? this.#words(edit) : ""));
  }

  /** @param {import("../protocol/types.js").Edit} edit */
  #words({ value_before, value_after, loss_before, loss_after }) {
    const which = this.#made ? "w" : "The last w set";
    const values = `${formatValue(value_before ?? 0, 4)} → ${formatValue(value_after ?? 0, 4)}`;
    const losses = `${formatLoss(loss_before)} → ${formatLoss(loss_after)}`;
    return `${which} ${values}: the loss of this batch ${losses}.`;
  }

  /** @param {string} action */
  #button(action) {
    return this.#host.find(`[data-action="${action}"]`, HTMLButtonElement);
  }
}
