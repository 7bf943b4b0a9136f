import { sizeOf } from "../draw/canvas.js";
import { formatCount, formatLoss, formatPercent } from "../format.js";
import { aboveParts } from "../models/above.js";
import * as explanations from "../models/explanations/progress.js";
import { aheadWords } from "../models/rewind.js";
import { FigureText } from "./figure-text.js";
import { LossChart } from "./loss-chart.js";
import { scrub } from "./loss-scrub.js";
import { alignSlider, rewindSlider, showPlace } from "./rewind-slider.js";
import { follow, hide, observe, paintInSight, RunElement, write } from "./run-element.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../models/run.js").RunModel} RunModel
 */

const PROMISE = "Drag across the chart to go back; the whole page shows that moment.";

const LOG_SHOWS_ALL = "A log scale shows them all. ";

/** The loss of every batch, the numbers of the batch pointed at, and the way back to any batch. */
export class LossRegion extends RunElement {
  /** @type {LossChart | null} */
  #chart = null;
  /** @type {number | null} */
  #pointed = null;
  /** @type {FigureText | null} */
  #readout = null;
  /** @type {FigureText | null} */
  #above = null;

  /**
   * @override
   * @param {App} app
   * @param {AbortSignal} signal
   */
  connect(app, signal) {
    const { run, rewind, colours, dialogs } = app;
    const holder = this.piece("chart", HTMLElement);
    const repaint = paintInSight(this, app, () => this.#paint(app, holder), signal);
    const log = this.piece("log", HTMLInputElement);
    this.#readout = new FigureText(this.piece("readout", HTMLElement));
    this.#above = new FigureText(this.piece("above", HTMLElement));
    const build = () => {
      this.#chart?.destroy();
      this.#chart = new LossChart(holder, colours.peek(), log.checked, (batch) => {
        this.#pointed = batch;
        repaint();
      });
      repaint();
    };
    build();
    log.addEventListener("change", build, { signal });
    follow(signal, () => {
      if (this.#chart) this.#chart.theme = colours.value;
    });
    scrub(holder, (clientX) => this.#chart?.batchAt(clientX) ?? null, rewind, signal);
    rewindSlider(this.piece("slider", HTMLInputElement), app, signal);
    const branch = this.button("branch");
    branch.addEventListener("click", () => dialogs.openBranch(rewind.batch), { signal });
    follow(signal, () => branch.toggleAttribute("disabled", run.gone.value !== null));
    follow(signal, () => {
      run.news.value;
      run.writable.value;
      rewind.sought.value;
      repaint();
    });
    observe(holder, signal, { size: repaint });
    signal.addEventListener(
      "abort",
      () => {
        this.#chart?.destroy();
        this.#chart = null;
      },
      { once: true },
    );
  }

  /**
   * @param {App} app
   * @param {HTMLElement} holder
   */
  #paint({ run, rewind }, holder) {
    const state = run.state.peek();
    if (!state || !this.#chart) return;
    const { series } = run;
    const { batch, reach } = rewind;
    const { width, height } = sizeOf(holder);
    this.#chart.resize(width, height);
    const above = this.#chart.show({
      series,
      actions: state.actions,
      batch,
      reach,
      epochLength: state.batches_per_epoch,
    });
    const slider = this.piece("slider", HTMLInputElement);
    showPlace(slider, { batch, reach, isSaid: !run.hurrying.peek() });
    alignSlider(slider, this.#chart.span);
    hide(this.piece("empty", HTMLElement), series.length > 0);
    this.#readout?.show(this.#readOut(run, rewind.sought.peek() ?? this.#pointed ?? batch));
    const writable = run.writable.peek();
    holder.classList.toggle("is-scrubbable", writable && reach > 0);
    const promise = writable && reach > 0 ? PROMISE : "";
    this.#above?.show(above ? aboveParts(state, above, series.length) : []);
    const words = aheadWords(state, batch) || `${above ? LOG_SHOWS_ALL : ""}${promise}`;
    write(this.piece("ahead", HTMLElement), words);
  }

  /**
   * @param {RunModel} run
   * @param {number} batch
   * @returns {import("../models/captions.js").Part[]}
   */
  #readOut({ series, state }, batch) {
    const now = state.peek();
    if (!now || batch < 1 || batch > series.length) return [];
    const loss = series.loss[batch - 1];
    const accuracy = series.accuracy[batch - 1];
    return [
      `batch ${formatCount(batch)}: loss `,
      {
        text: formatLoss(loss),
        explanation: () => explanations.lossOfBatch(now, batch, loss),
      },
      ", ",
      {
        text: formatPercent(accuracy),
        explanation: () => explanations.accuracyOfBatch(now, batch, accuracy),
      },
      " right",
    ];
  }
}
