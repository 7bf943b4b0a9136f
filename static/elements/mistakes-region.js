import { digitPainter } from "../draw/field.js";
import { formatPercent } from "../format.js";
import { wrongConfidence } from "../models/explanations/mistakes.js";
import {
  cellParts,
  explainedAccuracy,
  measuredParts,
  mistakesOf,
  shareOf,
} from "../models/mistakes.js";
import { outputText } from "../models/words.js";
import { explain } from "./explain.js";
import { FigureText } from "./figure-text.js";
import {
  areSame,
  follow,
  hide,
  observe,
  paintInSight,
  RunElement,
  write,
  writeAttribute,
} from "./run-element.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../models/mistakes.js").Mistakes} Mistakes
 * @typedef {import("../models/mistakes.js").Wrong} Wrong
 * @typedef {import("../draw/colours.js").Theme} Theme
 */

/** Which test digits the network takes for which, and the worst of them. */
export class MistakesRegion extends RunElement {
  #drawDigit = digitPainter();
  /** @type {Mistakes | null} */
  #mistakes = null;
  /** What is drawn already. @type {readonly unknown[]} */
  #painted = [];
  #measured = "";
  /** @type {FigureText | null} */
  #of = null;
  /** @type {FigureText | null} */
  #readout = null;
  /** The cell that is read out: true class, answer. @type {[number, number] | null} */
  #pointed = null;

  /**
   * @override
   * @param {App} app
   * @param {AbortSignal} signal
   */
  connect(app, signal) {
    const { run, colours } = app;
    const repaint = paintInSight(this, app, () => this.#paint(app), signal);
    const seen = run.view("mistakes");
    this.#of = new FigureText(this.piece("of", HTMLElement));
    this.#readout = new FigureText(this.piece("readout", HTMLElement));
    follow(signal, () => {
      // The view comes with every frame and seldom changes.
      const { metadata, tensors } = seen.value ?? {};
      const figures = [tensors?.get("confusion"), tensors?.get("indices")].map((t) => t?.data);
      const measured = `${metadata?.["measured.batch"]}: ${figures.join("; ")}`;
      if (measured === this.#measured) return;
      this.#measured = measured;
      this.#mistakes = mistakesOf(seen.value);
      repaint();
    });
    follow(signal, () => {
      colours.value;
      repaint();
    });
    observe(this, signal, {
      sight: (visible) => run.want("mistakes", visible ? ["mistakes"] : []),
    });
    this.#pointing(app, signal);
    this.#explain(app, signal);
  }

  /** @param {App} app */
  #paint({ run, colours }) {
    const theme = colours.peek();
    const mistakes = this.#mistakes;
    const now = [mistakes, theme];
    if (areSame(now, this.#painted)) return;
    this.#painted = now;
    this.piece("body", HTMLElement).classList.toggle("is-empty", mistakes === null);
    hide(this.piece("empty", HTMLElement), mistakes !== null);
    const state = run.state.peek();
    if (!mistakes || !state) return;
    this.#of?.show(measuredParts(() => run.state.value, mistakes));
    this.#paintTable(mistakes);
    this.#readOut(state);
    this.#paintWorst(state, mistakes.worst, theme);
  }

  /** @param {Mistakes} mistakes */
  #paintTable(mistakes) {
    for (const cell of this.#cells()) {
      const [label, answer] = placeOf(cell);
      write(cell, String(mistakes.confusion[label * mistakes.classes + answer] ?? 0));
      // The square root, as in every picture of the page: small shares are what matters here.
      const depth = Math.sqrt(shareOf(mistakes, label, answer));
      cell.style.setProperty("--depth", `${(100 * depth).toFixed(1)}%`);
    }
    for (const cell of this.querySelectorAll("[data-class]")) {
      const label = Number(cell.getAttribute("data-class"));
      write(cell, formatPercent(shareOf(mistakes, label, label)));
    }
  }

  /**
   * @param {import("../protocol/types.js").RunState} state
   * @param {Wrong[]} worst
   * @param {Theme} theme
   */
  #paintWorst(state, worst, theme) {
    const items = [...this.piece("worst", HTMLElement).children];
    items.forEach((item, i) => {
      const wrong = worst[i];
      if (item instanceof HTMLElement) hide(item, wrong === undefined);
      const canvas = item.querySelector("canvas");
      const context = canvas?.getContext("2d");
      if (!wrong || !canvas || !context) return;
      this.#drawDigit(context, wrong.pixels, theme);
      const share = outputText(state, wrong.confidence);
      writeAttribute(
        canvas,
        "aria-label",
        `Test image ${wrong.index}: a ${wrong.label}, taken for a ${wrong.answer} at ${share}`,
      );
      const [verdict, confidence] = item.querySelectorAll("span");
      if (verdict) write(verdict, `${wrong.label} → ${wrong.answer}`);
      if (confidence) write(confidence, share);
    });
    write(
      this.piece("worst-title", HTMLElement),
      worst.length > 0 ? "Most confidently wrong" : "None is wrong",
    );
  }

  /**
   * A cell is read out with the mouse, by a tap or with the arrow keys.
   *
   * @param {App} app
   * @param {AbortSignal} signal
   */
  #pointing({ run }, signal) {
    const table = this.piece("table", HTMLTableElement);
    const read = (/** @type {EventTarget | null} */ target) => {
      const cell = target instanceof Element ? target.closest("td[data-row]") : null;
      const state = run.state.peek();
      if (!(cell instanceof HTMLElement) || !state) return;
      this.#pointed = placeOf(cell);
      this.#readOut(state);
    };
    table.addEventListener("pointerover", ({ target }) => read(target), { signal });
    table.addEventListener("focusin", ({ target }) => read(target), { signal });
    table.addEventListener(
      "keydown",
      (event) => {
        const { target, key } = event;
        if (!(target instanceof HTMLElement) || !target.matches("td[data-row]")) return;
        if (event.ctrlKey || event.altKey || event.metaKey) return;
        const [row, column] = placeOf(target);
        const moved = {
          ArrowRight: [row, column + 1],
          ArrowLeft: [row, column - 1],
          ArrowDown: [row + 1, column],
          ArrowUp: [row - 1, column],
          Home: [row, 0],
          End: [row, 9],
        }[key];
        if (!moved) return;
        event.preventDefault();
        const next = this.querySelector(`td[data-row="${moved[0]}"][data-column="${moved[1]}"]`);
        if (!(next instanceof HTMLElement)) return;
        target.tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
      },
      { signal },
    );
  }

  /** @param {import("../protocol/types.js").RunState} state */
  #readOut(state) {
    if (!this.#pointed || !this.#mistakes) return;
    this.#readout?.show(cellParts(state, this.#mistakes, ...this.#pointed));
  }

  /**
   * @param {App} app
   * @param {AbortSignal} signal
   */
  #explain({ run }, signal) {
    /** @type {NodeListOf<HTMLElement>} */
    const shares = this.querySelectorAll("[data-class]");
    shares.forEach((number, label) => {
      const give = () => {
        const state = run.state.value;
        return state && this.#mistakes && explainedAccuracy(state, this.#mistakes, label);
      };
      explain(number, give, signal);
    });
    /** @type {NodeListOf<HTMLElement>} */
    const confidences = this.querySelectorAll(".worst span + span");
    confidences.forEach((number, position) => {
      const give = () => {
        const state = run.state.value;
        const wrong = this.#mistakes?.worst[position];
        return state && wrong
          ? wrongConfidence(state, { position, ...wrong }, wrong.confidence)
          : null;
      };
      explain(number, give, signal);
    });
  }

  #cells() {
    return /** @type {NodeListOf<HTMLElement>} */ (this.querySelectorAll("td[data-row]"));
  }
}

/**
 * @param {HTMLElement} cell
 * @returns {[number, number]} true class, answer
 */
function placeOf(cell) {
  return [Number(cell.dataset.row), Number(cell.dataset.column)];
}
