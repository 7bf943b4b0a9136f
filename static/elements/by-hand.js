import { doubtAbout, formatError, formatLoss, formatValue, parseNumber } from "../format.js";
import { canUndo } from "../models/changes.js";
import { editedLoss, editedValue } from "../models/explanations/around.js";
import { Turns } from "../models/turns.js";
import * as commands from "../protocol/commands.js";
import { FigureText } from "./figure-text.js";
import { follow, hide, leave, writeAttribute } from "./run-element.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../protocol/types.js").RunState} RunState
 */

const SIDE = 28;
const TENSOR = "layer1.weights";

/** The form that sets one weight of the picked unit by hand, and undoes it. */
export class ByHand {
  #host;
  #app;
  #result;
  /** @type {string | null} */
  #refusal = null;
  /** The last command sent, as text, until it is answered. @type {{ text: string } | null} */
  #asked = null;
  /** Undo pressed again before the answer waits its turn, then takes back one more. */
  #undos = new Turns();
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
    this.#result = new FigureText(host.piece("result", HTMLElement));
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
    follow(signal, () => {
      run.connection.value;
      this.#refusal = null;
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
    const undo = async () => {
      if (!this.#isUndoable()) return;
      await this.#send(commands.undo());
      painter.request(paint);
      if (!this.#isUndoable())
        leave(this.#host.button("undo"), host.piece("value", HTMLInputElement));
    };
    this.#host.button("undo").addEventListener("click", () => this.#undos.add(undo), { signal });
  }

  async #set() {
    const { run, pick } = this.#app;
    const field = this.#host.piece("value", HTMLInputElement);
    const value = parseNumber(field.value);
    if (!run.writable.peek()) return;
    if (!Number.isFinite(value)) {
      this.#refusal = doubtAbout(field.value) || "Type a number, for example 0.1 or −0.05.";
      return;
    }
    const [unit, input] = [pick.unit.peek(), pick.input.peek()];
    const answered = await this.#send(commands.setWeight(TENSOR, [unit, input], value));
    const isPicked = pick.unit.peek() === unit && pick.input.peek() === input;
    if (answered) this.#made = isPicked && this.#refusal === null;
  }

  /**
   * @param {import("../protocol/types.js").Command} command
   * @returns {Promise<boolean>} false if another command was sent before the answer came
   */
  async #send(command) {
    const asked = { text: JSON.stringify(command) };
    if (asked.text === this.#asked?.text) return false; // pressed twice
    this.#asked = asked;
    const error = await this.#app.run.act(command);
    if (asked !== this.#asked) return false;
    this.#asked = null;
    this.#refusal = error && formatError(error);
    return true;
  }

  #isUndoable() {
    const { state, writable } = this.#app.run;
    const now = state.peek();
    return now !== null && writable.peek() && canUndo(now, "weight");
  }

  #paint() {
    const { run } = this.#app;
    const state = run.state.peek();
    if (!state) return;
    const writable = run.writable.peek();
    writeAttribute(this.#host.button("set"), "aria-disabled", String(!writable));
    const edit = state.edit?.kind === "weight" ? state.edit : null;
    if (!this.#asked) hide(this.#host.button("undo"), !this.#isUndoable());
    const result = this.#host.piece("result", HTMLElement);
    result.classList.toggle("is-refused", this.#refusal !== null);
    const watched = writable ? [] : ["Only the page that made this run can change it."];
    const made = edit ? this.#words(state, edit) : watched;
    this.#result.show(this.#refusal ? [this.#refusal] : made);
  }

  /**
   * @param {RunState} state
   * @param {import("../protocol/types.js").Edit} edit
   * @returns {import("../models/captions.js").Part[]}
   */
  #words(state, edit) {
    const value = (/** @type {"value_before" | "value_after"} */ which) => ({
      text: formatValue(edit[which] ?? 0, 4),
      explanation: () => editedValue(state, which),
    });
    const loss = (/** @type {"loss_before" | "loss_after"} */ which) => ({
      text: formatLoss(edit[which]),
      explanation: () => editedLoss(state, which),
    });
    return [
      this.#made ? "w " : "The last w set by hand: ",
      value("value_before"),
      " → ",
      value("value_after"),
      state.batch > 0
        ? ". The loss of this batch, with the weights after its step: "
        : ". The loss of the first batch: ",
      loss("loss_before"),
      " → ",
      loss("loss_after"),
      ".",
    ];
  }
}
