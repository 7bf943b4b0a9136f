import { prepareCanvas } from "../draw/canvas.js";
import { drawGauge } from "../draw/gauge.js";
import { formatCount } from "../format.js";
import { healthFigure, healthSample } from "../models/explanations/around.js";
import { unitsOf } from "../models/explanations/counts.js";
import { calmWords, FIGURES, healthOf, hintsOf } from "../models/health.js";
import { batchAtHand } from "../models/loop.js";
import { whenStudied } from "../models/words.js";
import { explain } from "./explain.js";
import { FigureText } from "./figure-text.js";
import { areSame, follow, observe, paintInSight, RunElement, write } from "./run-element.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../models/health.js").Health} Health
 * @typedef {import("../models/health.js").Figure} Figure
 * @typedef {import("../draw/colours.js").Theme} Theme
 */

/** How well the layers learn: five figures per layer, what they mean, and what would help. */
export class HealthRegion extends RunElement {
  /** @type {Health | null} */
  #health = null;
  /** @type {readonly unknown[]} */
  #painted = [];
  /** The numbers that already explain themselves. @type {WeakSet<Element>} */
  #explained = new WeakSet();
  /** @type {FigureText | null} */
  #sample = null;
  /** @type {AbortSignal | undefined} */
  #signal;

  /**
   * @override
   * @param {App} app
   * @param {AbortSignal} signal
   */
  connect(app, signal) {
    const { run, colours } = app;
    this.#signal = signal;
    this.#explained = new WeakSet();
    this.#sample = new FigureText(this.piece("sample", HTMLElement));
    const repaint = paintInSight(this, app, () => this.#paint(app), signal);
    const seen = run.view("health");
    follow(signal, () => {
      this.#health = healthOf(seen.value);
      repaint();
    });
    follow(signal, () => {
      run.news.value;
      colours.value;
      repaint();
    });
    observe(this, signal, {
      sight: (visible) => run.want("health", visible ? ["health"] : []),
      size: () => {
        this.#painted = [];
        repaint();
      },
    });
  }

  /** @param {App} app */
  #paint({ run, colours }) {
    const state = run.state.peek();
    if (!state) return;
    this.#paintHints(hintsOf(this.#health, state.error), calmWords(this.#health));
    this.#makeRows(state.config.layers.length, run);
    // A number from a past moment cannot be reproduced from the present state.
    const present =
      run.view("health").peek()?.fresh === true &&
      this.#health?.batch === state.batch &&
      this.#health.phase === state.phase;
    const { batch, phase } = this.#health ?? {};
    write(
      this.piece("of", HTMLElement),
      batch === undefined
        ? whenStudied(state, run.hurrying.peek())
        : `batch ${formatCount(batchAtHand(batch, phase))}`,
    );
    const now = [this.#health, colours.peek(), present];
    if (areSame(now, this.#painted)) return;
    this.#painted = now;
    this.#paintSample(present ? state : null);
    for (const figure of FIGURES) this.#paintFigure(figure, present, colours.peek());
  }

  /** @param {import("../protocol/types.js").RunState | null} state null if the figures are from a past moment */
  #paintSample(state) {
    if (!this.#health) {
      this.#sample?.withoutExplanations();
      return;
    }
    const { sample } = this.#health;
    const text = formatCount(sample);
    this.#sample?.show([
      state === null ? text : { text, explanation: () => healthSample(state, sample) },
    ]);
  }

  /**
   * @param {Figure} figure
   * @param {boolean} present whether the figures are of the present moment
   * @param {Theme} theme
   */
  #paintFigure(figure, present, theme) {
    this.#rows(figure.name).forEach((row, i) => {
      const layer = this.#health?.layers[i];
      const value = layer ? figure.value(layer) : null;
      const canvas = /** @type {HTMLCanvasElement} */ (row.querySelector("canvas"));
      const known = value !== null && layer !== undefined;
      const text = known ? figure.text(value).replaceAll(" %", "\u00a0%") : "";
      const part = (/** @type {string} */ name) =>
        /** @type {Element} */ (row.querySelector(`.vital-${name}`));
      write(part("value"), present ? text : "");
      write(part("past"), present ? "" : text);
      const all = known ? figure.all?.(layer) : undefined;
      write(part("of"), all === undefined ? "" : " of ");
      write(part("all"), all === undefined ? "" : formatCount(all));
      write(part("missing"), known ? "" : (layer && figure.missing?.(layer)) || "–");
      row.classList.toggle("is-missing", !known);
      const prepared = prepareCanvas(canvas);
      if (!prepared) return;
      const share = value === null || !layer ? null : (figure.share?.(value, layer) ?? value);
      const at = share === null ? null : figure.axis.at(share);
      drawGauge(prepared.context, { axis: figure.axis, at }, prepared.size, theme);
    });
  }

  /**
   * Announces hints, once each. The calm words change from batch to batch and are only shown.
   *
   * @param {{ what: string, help: string }[]} hints
   * @param {string} calm shown if there are no hints
   */
  #paintHints(hints, calm) {
    const said = hints.map(({ what, help }) => `${what} ${help}`);
    write(this.piece("announcer", HTMLElement), said.join(" "));
    const list = this.piece("hints", HTMLElement);
    const texts = hints.length > 0 ? hints : [{ what: calm, help: "" }];
    list.classList.toggle("is-wrong", hints.length > 0);
    const items = [...list.children];
    for (const item of items.splice(texts.length)) item.remove();
    texts.forEach(({ what, help }, i) => {
      const item = items[i] ?? list.appendChild(document.createElement("li"));
      if (item.children.length === 0) {
        item.append(document.createElement("strong"), " ", document.createElement("span"));
      }
      const [problem, remedy] = item.children;
      if (problem) write(problem, what);
      if (remedy) write(remedy, help);
    });
  }

  /**
   * Gives each figure one row per layer of the network.
   *
   * @param {number} layers
   * @param {App["run"]} run
   */
  #makeRows(layers, run) {
    for (const { name } of FIGURES) {
      const rows = this.#rows(name);
      for (const row of rows.splice(layers)) row.remove();
      while (rows.length < layers) {
        const row = /** @type {HTMLElement} */ (rows[0]?.cloneNode(true));
        write(/** @type {Element} */ (row.querySelector(".vital-layer")), `${rows.length + 1}`);
        rows.at(-1)?.after(row);
        rows.push(row);
      }
      rows.forEach((row, position) => {
        this.#explain(row, { name, position }, run);
      });
    }
  }

  /**
   * @param {HTMLElement} row
   * @param {{ name: string, position: number }} figure
   * @param {App["run"]} run
   */
  #explain(row, { name, position }, run) {
    const number = row.querySelector(".vital-value");
    if (!(number instanceof HTMLElement) || this.#explained.has(number)) return;
    this.#explained.add(number);
    const give = () => {
      const state = run.state.value;
      const layer = this.#health?.layers[position];
      if (!state || !this.#health || !layer) return null;
      return healthFigure(state, { layer, position, sample: this.#health.sample }, name);
    };
    explain(number, give, this.#signal);
    const all = row.querySelector(".vital-all");
    if (!(all instanceof HTMLElement)) return;
    const count = () => {
      const state = run.state.value;
      const layer = this.#health?.layers[position];
      return state && layer ? unitsOf(state, position + 1, layer.units) : null;
    };
    explain(all, count, this.#signal);
  }

  /** @param {string} name */
  #rows(name) {
    return /** @type {HTMLElement[]} */ ([
      ...this.querySelectorAll(`[data-figure="${name}"] .vital-row`),
    ]);
  }
}
