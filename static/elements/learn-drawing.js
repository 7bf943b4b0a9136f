import { formatError, formatLoss } from "../format.js";
import { editedLoss } from "../models/explanations/around.js";
import * as commands from "../protocol/commands.js";
import { FigureText } from "./figure-text.js";
import { follow, paintInSight, RunElement } from "./run-element.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../protocol/types.js").ApiError} ApiError
 * @typedef {import("../protocol/types.js").RunState} RunState
 */

const SIDE = 28;
const PROMISE = "Draw, say which digit it is, and take one step on it.";
const READY = "The optimizer can take a step on this drawing.";
const NOT_YOURS = "Only who has made this run can train it on a drawing.";

/** One step of the optimizer on the reader's own drawing, and back. */
export class LearnDrawing extends RunElement {
  /** @type {ApiError | null} */
  #refusal = null;
  #busy = false;
  /** @type {FigureText | null} */
  #result = null;

  /**
   * @override
   * @param {App} app
   * @param {AbortSignal} signal
   */
  connect(app, signal) {
    const { run, classifier, pick } = app;
    this.#result = new FigureText(this.piece("result", HTMLElement));
    const repaint = paintInSight(this, app, () => this.#paint(app), signal);
    const label = this.piece("label", HTMLSelectElement);
    follow(signal, () => {
      run.news.value;
      run.writable.value;
      classifier.reading.value;
      repaint();
    });
    label.addEventListener("change", repaint, { signal });
    const act = async (/** @type {import("../protocol/types.js").Command} */ command) => {
      if (this.#busy) return;
      this.#busy = true;
      repaint();
      this.#refusal = await run.act(command);
      this.#busy = false;
      repaint();
    };
    this.#button("learn").addEventListener(
      "click",
      () => {
        const pixels = this.#pixels(app);
        if (this.#refused() || pixels === null || label.value === "") return;
        // The bars that move are this run's.
        if (classifier.reader.peek() !== "run") this.#readByRun();
        act(commands.trainOn(pixels, Number(label.value)));
      },
      { signal },
    );
    this.#button("undo").addEventListener("click", () => act(commands.undo()), { signal });
    this.#button("moved").addEventListener(
      "click",
      () => {
        pick.kind.value = "step";
        document.querySelector("weights-region")?.scrollIntoView({ block: "nearest" });
      },
      { signal },
    );
  }

  /** @param {App} app */
  #paint({ run, ...app }) {
    const state = run.state.peek();
    if (!state) return;
    const pixels = this.#pixels({ run, ...app });
    const chosen = this.piece("label", HTMLSelectElement).value;
    const ready = pixels !== null && chosen !== "" && run.writable.peek() && !this.#busy;
    this.#button("learn").setAttribute("aria-disabled", String(!ready));
    const edit = state.edit?.kind === "drawing" ? state.edit : null;
    const undoable = edit !== null && state.can_undo && run.writable.peek();
    this.#button("undo").hidden = !undoable;
    this.#button("moved").hidden = edit === null;
    const result = this.piece("result", HTMLElement);
    result.classList.toggle("is-refused", this.#refusal !== null);
    if (this.#refusal) {
      this.#result?.show([formatError(this.#refusal)]);
    } else if (edit) {
      this.#result?.show(changeOf(state, edit));
    } else {
      this.#result?.show([wordsBefore(pixels !== null, chosen !== "", run.writable.peek())]);
    }
  }

  /**
   * The drawing as the network sees it, in rows.
   *
   * @param {App} app
   * @returns {number[][] | null}
   */
  #pixels({ classifier }) {
    const flat = classifier.reading.peek()?.pixels.flat();
    if (flat?.length !== SIDE * SIDE) return null;
    return Array.from({ length: SIDE }, (_, row) => flat.slice(row * SIDE, (row + 1) * SIDE));
  }

  #refused() {
    return this.#button("learn").getAttribute("aria-disabled") === "true";
  }

  #readByRun() {
    const reader = this.closest("draw-region")?.querySelector('[data-part="reader"]');
    if (!(reader instanceof HTMLSelectElement)) return;
    reader.value = "run";
    reader.dispatchEvent(new Event("change"));
  }

  /** @param {string} action */
  #button(action) {
    return this.find(`[data-action="${action}"]`, HTMLButtonElement);
  }
}

/**
 * @param {RunState} state
 * @param {import("../protocol/types.js").Edit} edit
 * @returns {import("../models/captions.js").Part[]}
 */
function changeOf(state, edit) {
  const loss = (/** @type {"loss_before" | "loss_after"} */ which) => ({
    text: formatLoss(edit[which]),
    explanation: () => editedLoss(state, which),
  });
  return ["One step on it: loss ", loss("loss_before"), " → ", loss("loss_after"), "."];
}

/**
 * @param {boolean} drawn
 * @param {boolean} named
 * @param {boolean} writable
 */
function wordsBefore(drawn, named, writable) {
  if (!writable) return NOT_YOURS;
  if (!drawn) return PROMISE;
  return named ? READY : "Which digit is it?";
}
