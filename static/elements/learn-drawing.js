import { computed } from "@preact/signals-core";
import { formatError, formatLoss } from "../format.js";
import { canUndo } from "../models/changes.js";
import { editedLoss } from "../models/explanations/around.js";
import * as commands from "../protocol/commands.js";
import { FigureText } from "./figure-text.js";
import { follow, hide, leave, paintInSight, RunElement, writeAttribute } from "./run-element.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../protocol/types.js").ApiError} ApiError
 * @typedef {import("../protocol/types.js").RunState} RunState
 */

const SIDE = 28;
const PROMISE = "Draw a digit, say which it is, take one step on it.";
const READY = "You can take one step on it.";
const ANOTHER = "Undo takes back one more.";
const NOT_YOURS = "Only the page that made this run can train it.";

/** Takes one optimizer step on the reader's own drawing, and undoes it. */
export class LearnDrawing extends RunElement {
  /** @type {ApiError | null} */
  #refusal = null;
  #busy = false;
  /** Whether the last request was an Undo. */
  #undone = false;
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
    // A refusal or an undo is out of date once the drawing, its label, the batch or the connection
    // changes.
    const forgive = () => {
      this.#refusal = null;
      this.#undone &&= this.#busy;
      repaint();
    };
    const reached = computed(() => {
      const { state, timeline, batch } = run.state.value ?? {};
      return state === "playing" ? state : `${timeline}/${batch}`;
    });
    follow(signal, () => {
      reached.value;
      classifier.isCurrent.value;
      run.connection.value;
      forgive();
    });
    label.addEventListener("change", forgive, { signal });
    const act = async (/** @type {import("../protocol/types.js").Command} */ command) => {
      if (this.#busy) return;
      this.#busy = true;
      this.#undone = command.type === "undo";
      repaint();
      this.#refusal = await run.act(command);
      this.#busy = false;
      repaint();
    };
    this.button("learn").addEventListener(
      "click",
      () => {
        const pixels = this.#pixels(app);
        if (this.#refused() || pixels === null || label.value === "") return;
        // The step moves this run's bars, so this run reads the drawing.
        if (classifier.reader.peek() !== "run") classifier.choose("run");
        act(commands.trainOn(pixels, Number(label.value)));
      },
      { signal },
    );
    const undo = async () => {
      await act(commands.undo());
      if (!isUndoable(run)) leave(this.button("undo"), this.button("learn"));
    };
    this.button("undo").addEventListener("click", undo, { signal });
    this.button("moved").addEventListener(
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
    writeAttribute(this.button("learn"), "aria-disabled", String(!ready));
    const edit = state.edit?.kind === "drawing" ? state.edit : null;
    const undo = this.button("undo");
    if (!this.#busy) hide(undo, !isUndoable(run));
    writeAttribute(undo, "aria-disabled", String(this.#busy));
    hide(this.button("moved"), edit === null);
    const result = this.piece("result", HTMLElement);
    result.classList.toggle("is-refused", this.#refusal !== null);
    if (this.#refusal) {
      this.#result?.show([formatError(this.#refusal)]);
    } else if (edit && !this.#undone) {
      this.#result?.show(changeOf(state, edit));
    } else {
      const isRead = app.classifier.reading.peek() !== null;
      const words = isUndoable(run)
        ? ANOTHER // short, so that the button stays in place
        : wordsBefore(isRead, chosen !== "", run.writable.peek());
      const back = this.#busy ? "Taking it back." : `Taken back. ${words}`;
      this.#result?.show([this.#undone ? back : words]);
    }
  }

  /**
   * The drawing as the network sees it, in rows; null until the present drawing has been read.
   *
   * @param {App} app
   * @returns {number[][] | null}
   */
  #pixels({ classifier }) {
    const flat = classifier.reading.peek()?.pixels.flat();
    if (!classifier.isCurrent.peek() || flat?.length !== SIDE * SIDE) return null;
    return Array.from({ length: SIDE }, (_, row) => flat.slice(row * SIDE, (row + 1) * SIDE));
  }

  #refused() {
    return this.button("learn").getAttribute("aria-disabled") === "true";
  }
}

/** @param {import("../models/run.js").RunModel} run */
function isUndoable({ state, writable }) {
  const now = state.peek();
  return now !== null && writable.peek() && canUndo(now, "drawing");
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
