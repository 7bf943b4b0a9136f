import { signal as state } from "@preact/signals-core";
import { digitPainter } from "../draw/field.js";
import { formatPercent } from "../format.js";
import { listedConfidence } from "../models/explanations/mistakes.js";
import {
  ALL,
  cellParts,
  explainedAccuracy,
  listedText,
  listTitle,
  measuredParts,
  mistakesOf,
  shareOf,
  viewOfCell,
} from "../models/mistakes.js";
import { outputText } from "../models/words.js";
import { explain } from "./explain.js";
import { FigureText } from "./figure-text.js";
import {
  areSame,
  follow,
  hide,
  leave,
  observe,
  paintInSight,
  RunElement,
  write,
  writeAttribute,
} from "./run-element.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../models/mistakes.js").Mistakes} Mistakes
 * @typedef {import("../draw/colours.js").Theme} Theme
 */

/**
 * Which test digits the network mistakes for which, with the worst mistakes or one cell's digits.
 */
export class MistakesRegion extends RunElement {
  /** The view whose digits to list: the picked cell's, if a cell is picked. */
  #wish = state(ALL);
  #drawDigit = digitPainter();
  /** @type {Mistakes | null} */
  #mistakes = null;
  /** What was last drawn. @type {readonly unknown[]} */
  #painted = [];
  #measured = "";
  /** @type {FigureText | null} */
  #of = null;
  /** @type {FigureText | null} */
  #readout = null;
  /** The cell whose numbers are shown: true class, answer. @type {[number, number] | null} */
  #pointed = null;

  /**
   * @override
   * @param {App} app
   * @param {AbortSignal} signal
   */
  connect(app, signal) {
    const { run, colours } = app;
    const repaint = paintInSight(this, app, () => this.#paint(app), signal);
    this.#of = new FigureText(this.piece("of", HTMLElement));
    this.#readout = new FigureText(this.piece("readout", HTMLElement));
    follow(signal, () => {
      const all = run.view(ALL).value;
      const seen = run.view(this.#wish.value).value;
      // The list stays until the picked cell's digits arrive, so that heading and digits change
      // together.
      if (all && !seen) return;
      // The view arrives with every frame but seldom changes.
      const { metadata, tensors } = seen ?? {};
      const parts = ["confusion", "indices", "confidence"];
      const figures = parts.map((name) => tensors?.get(name)?.data);
      const measured = `${metadata?.view} ${metadata?.["measured.batch"]}: ${figures.join("; ")}`;
      if (measured === this.#measured) return;
      this.#measured = measured;
      this.#mistakes = mistakesOf(seen);
      repaint();
    });
    follow(signal, () => {
      colours.value;
      repaint();
    });
    let inSight = false;
    // The overall list is always asked for, so that it is there as soon as the reader returns to
    // it.
    const want = () => {
      const views = [ALL, this.#wish.value];
      run.want("mistakes", inSight ? views : []);
    };
    follow(signal, want);
    observe(this, signal, {
      sight: (visible) => {
        inSight = visible;
        want();
      },
    });
    this.#pointing(app, signal);
    this.#picking(signal);
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
    this.#paintListed(state, mistakes, theme);
  }

  /** @param {Mistakes} mistakes */
  #paintTable(mistakes) {
    for (const cell of this.#cells()) {
      const [label, answer] = placeOf(cell);
      write(cell, String(mistakes.confusion[label * mistakes.classes + answer] ?? 0));
      // The square root, as in every picture on the page: here the small shares matter.
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
   * @param {Mistakes} mistakes
   * @param {Theme} theme
   */
  #paintListed(state, mistakes, theme) {
    const items = [...this.piece("worst", HTMLElement).children];
    items.forEach((item, i) => {
      const listed = mistakes.listed[i];
      item.classList.toggle("is-empty", listed === undefined);
      const share = listed ? outputText(state, listed.confidence) : "";
      const [verdict, confidence] = item.querySelectorAll("span");
      if (verdict) write(verdict, listed ? `${listed.label} → ${listed.answer}` : "");
      if (confidence) write(confidence, share);
      const canvas = item.querySelector("canvas");
      const context = canvas?.getContext("2d");
      if (!listed || !canvas || !context) return;
      this.#drawDigit(context, listed.pixels, theme);
      writeAttribute(canvas, "aria-label", listedText(listed, share));
    });
    write(this.piece("worst-title", HTMLElement), listTitle(mistakes));
  }

  /**
   * Shows a cell's numbers when it is pointed at, tapped or reached with the arrow keys.
   *
   * @param {App} app
   * @param {AbortSignal} signal
   */
  #pointing({ run }, signal) {
    const table = this.piece("table", HTMLTableElement);
    const read = (/** @type {HTMLElement | null} */ cell) => {
      const state = run.state.peek();
      if (!cell || !state) return;
      this.#pointed = placeOf(cell);
      this.#readOut(state);
    };
    table.addEventListener("pointerover", ({ target }) => read(cellAt(target)), { signal });
    table.addEventListener(
      "focusin",
      ({ target }) => {
        read(cellAt(target));
        // The Tab key returns to the cell that was focused last, also by a click.
        for (const cell of this.#cells()) cell.tabIndex = cell === target ? 0 : -1;
      },
      { signal },
    );
    table.addEventListener(
      "keydown",
      (event) => {
        const cell = cellAt(event.target);
        if (!cell || event.ctrlKey || event.altKey || event.metaKey) return;
        const [row, column] = placeOf(cell);
        const moved = {
          ArrowRight: [row, column + 1],
          ArrowLeft: [row, column - 1],
          ArrowDown: [row + 1, column],
          ArrowUp: [row - 1, column],
          Home: [row, 0],
          End: [row, 9],
        }[event.key];
        if (!moved) return;
        event.preventDefault();
        const next = this.querySelector(`td[data-row="${moved[0]}"][data-column="${moved[1]}"]`);
        if (next instanceof HTMLElement) next.focus();
      },
      { signal },
    );
  }

  /**
   * A press picks a cell; another press, Escape or the button unpicks it.
   *
   * @param {AbortSignal} signal
   */
  #picking(signal) {
    const button = this.button("all");
    const press = (/** @type {HTMLElement | null} */ cell) => {
      if (!cell) return;
      const view = viewOf(cell);
      this.#wish.value = view === this.#wish.peek() ? ALL : view;
    };
    const giveUp = () => {
      this.#wish.value = ALL;
      leave(button, this.find('td[tabindex="0"]', HTMLElement));
    };
    this.addEventListener("click", ({ target }) => press(cellAt(target)), { signal });
    button.addEventListener("click", giveUp, { signal });
    this.addEventListener(
      "keydown",
      (event) => {
        const { target, key, repeat, ctrlKey, altKey, metaKey } = event;
        if (ctrlKey || altKey || metaKey) return;
        const cell = key === "Enter" || key === " " ? cellAt(target) : null;
        const isGivenUp = key === "Escape" && this.#wish.peek() !== ALL;
        if (cell && !repeat) press(cell);
        if (isGivenUp) giveUp();
        if (cell || isGivenUp) event.preventDefault(); // keeps the page's own keys out of it
      },
      { signal },
    );
    follow(signal, () => {
      const wish = this.#wish.value;
      hide(button, wish === ALL);
      for (const cell of this.#cells()) {
        writeAttribute(cell, "aria-selected", String(viewOf(cell) === wish));
      }
    });
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
        const { view = ALL, listed: { [position]: listed } = [] } = this.#mistakes ?? {};
        return state && listed
          ? listedConfidence(state, view, { position, ...listed }, listed.confidence)
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
 * The cell in which an event happened.
 *
 * @param {EventTarget | null} target
 */
function cellAt(target) {
  const cell = target instanceof Element ? target.closest("td[data-row]") : null;
  return cell instanceof HTMLElement ? cell : null;
}

/** @param {HTMLElement} cell */
function viewOf(cell) {
  return viewOfCell(...placeOf(cell));
}

/**
 * @param {HTMLElement} cell
 * @returns {[number, number]} true class, answer
 */
function placeOf(cell) {
  return [Number(cell.dataset.row), Number(cell.dataset.column)];
}
