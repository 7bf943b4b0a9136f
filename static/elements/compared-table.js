import { DASHES } from "../draw/run-lines.js";
import { formatCount, formatLoss, formatPercent, formatSetting, NONE } from "../format.js";
import { optimizerTitle, outNote, standing } from "../models/compared-words.js";
import { LETTERS } from "../models/comparison.js";
import { addressOf } from "../models/comparison-address.js";
import * as explanations from "../models/explanations/progress.js";
import { explain } from "./explain.js";
import { cell, hide, write, writeAttribute } from "./run-element.js";

/**
 * @typedef {import("../models/comparison.js").Compared} Compared
 * @typedef {import("../protocol/types.js").RunState} RunState
 */

/**
 * @typedef {object} Cell a number of a run, as the table shows it
 * @property {string} name
 * @property {(state: RunState) => string} text
 * @property {(state: RunState) => import("./explain.js").Explanation | null} why
 */

/** @type {readonly Cell[]} */
const CELLS = [
  {
    name: "learning_rate",
    text: ({ learning_rate }) => formatSetting(learning_rate),
    why: explanations.learningRate,
  },
  {
    name: "batch_size",
    text: (state) => formatCount(state.batch_size),
    why: explanations.batchSizeSet,
  },
  { name: "batch", text: (state) => formatCount(state.batch), why: explanations.batch },
  { name: "loss", text: (state) => formatLoss(state.loss), why: explanations.loss },
  { name: "accuracy", text: (s) => formatPercent(s.accuracy), why: explanations.accuracy },
  {
    name: "test_accuracy",
    text: (state) => formatPercent(state.test_accuracy, 2),
    why: explanations.testAccuracy,
  },
];

const SVG = "http://www.w3.org/2000/svg";

/** The settings and numbers of the compared runs, a row each. */
export class ComparedTable {
  #body;
  #template;
  #remove;
  /** @type {Map<string, { row: HTMLElement, compared: Compared, lifetime: AbortController }>} */
  #rows = new Map();

  /**
   * @param {HTMLTableSectionElement} body
   * @param {HTMLTemplateElement} template of a row
   * @param {(id: string) => void} remove
   */
  constructor(body, template, remove) {
    this.#body = body;
    this.#template = template;
    this.#remove = remove;
  }

  /**
   * @param {readonly Compared[]} all
   * @param {boolean} inStep whether the runs go in step, which their links record
   */
  show(all, inStep) {
    for (const [id, { row, lifetime }] of this.#rows) {
      if (all.some((compared) => compared.id === id)) continue;
      lifetime.abort();
      row.remove();
      this.#rows.delete(id);
    }
    all.forEach((compared, i) => {
      const { row } = this.#rows.get(compared.id) ?? this.#make(compared);
      if (this.#body.children[i] !== row) {
        this.#body.insertBefore(row, this.#body.children[i] ?? null);
      }
      this.#fill(row, compared, { all, inStep });
    });
  }

  clear() {
    this.show([], false);
  }

  /** @param {Compared} compared */
  #make(compared) {
    const row = /** @type {HTMLElement} */ (
      /** @type {DocumentFragment} */ (this.#template.content.cloneNode(true)).firstElementChild
    );
    const lifetime = new AbortController();
    row.dataset.run = compared.id;
    cell(row, "swatch").replaceChildren(swatch(compared.slot));
    write(cell(row, "letter"), LETTERS[compared.slot] ?? "");
    const { run } = compared;
    for (const { name, why } of CELLS) {
      // Of a run that is gone the API has nothing any more.
      const give = () => (run.gone.value ? null : run.shown.value && why(run.shown.value));
      explain(cell(row, name), give, lifetime.signal);
    }
    const remove = cell(row, "remove");
    remove.hidden = compared.slot === 0;
    remove.addEventListener("click", () => this.#remove(compared.id), { signal: lifetime.signal });
    const made = { row, compared, lifetime };
    this.#rows.set(compared.id, made);
    return made;
  }

  /**
   * @param {HTMLElement} row
   * @param {Compared} compared
   * @param {{ all: readonly Compared[], inStep: boolean }} beside
   */
  #fill(row, { id, slot, run }, { all, inStep }) {
    const state = run.shown.peek();
    const letter = LETTERS[slot] ?? "";
    write(cell(row, "name"), state?.name ?? "");
    write(cell(row, "standing"), standing(run, slot));
    writeAttribute(cell(row, "standing"), "title", outNote(run, slot));
    const unknown = run.gone.peek() ? NONE : "";
    write(cell(row, "optimizer"), state ? optimizerTitle(state.optimizer) : unknown);
    for (const { name, text } of CELLS) {
      write(cell(row, name), state ? text(state).replaceAll(" %", "\u00a0%") : unknown);
    }
    const address = addressOf(
      id,
      all.map((compared) => compared.id),
      inStep,
    );
    const open = cell(row, "open");
    hide(open, slot === 0 || run.gone.peek() !== null);
    writeAttribute(open, "href", address);
    writeAttribute(open, "aria-label", `Open run ${letter} as this page's own`);
    writeAttribute(cell(row, "remove"), "aria-label", `Take out run ${letter}`);
  }
}

/**
 * A short sample of a run's line, with its hue and dashes.
 *
 * @param {number} slot
 */
export function swatch(slot) {
  const image = document.createElementNS(SVG, "svg");
  image.setAttribute("viewBox", "0 0 28 8");
  image.setAttribute("width", "28");
  image.setAttribute("height", "8");
  image.setAttribute("aria-hidden", "true");
  image.setAttribute("class", `run-line run-line-${slot + 1}`);
  const line = document.createElementNS(SVG, "line");
  const ends = { x1: "0", y1: "4", x2: "28", y2: "4" };
  for (const [name, value] of Object.entries(ends)) line.setAttribute(name, value);
  const dash = DASHES[slot] ?? [];
  if (dash.length > 0) line.setAttribute("stroke-dasharray", dash.join(" "));
  image.append(line);
  return image;
}
