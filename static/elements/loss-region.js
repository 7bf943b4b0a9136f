import { sizeOf } from "../draw/canvas.js";
import { formatLoss, formatPercent } from "../format.js";
import * as explanations from "../models/explanations/progress.js";
import { FigureText } from "./figure-text.js";
import { LossChart, markText } from "./loss-chart.js";
import { follow, observe, RunElement, write } from "./run-element.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../models/run.js").RunModel} RunModel
 */

/** The loss of every batch, and the numbers of the batch pointed at. */
export class LossRegion extends RunElement {
  /** @type {LossChart | null} */
  #chart = null;
  /** @type {number | null} */
  #pointed = null;
  #visible = true;
  /** @type {FigureText | null} */
  #readout = null;

  /**
   * @override
   * @param {App} app
   * @param {AbortSignal} signal
   */
  connect({ run, painter, colours }, signal) {
    const holder = this.piece("chart", HTMLElement);
    const paint = () => this.#paint(run, holder);
    const log = this.piece("log", HTMLInputElement);
    this.#readout = new FigureText(this.piece("readout", HTMLElement));
    const build = () => {
      this.#chart?.destroy();
      this.#chart = new LossChart(holder, colours.peek(), log.checked, (batch) => {
        this.#pointed = batch;
        painter.request(paint);
      });
      painter.request(paint);
    };
    build();
    log.addEventListener("change", build, { signal });
    follow(signal, () => {
      if (this.#chart) this.#chart.theme = colours.value;
    });
    follow(signal, () => {
      run.seriesVersion.value;
      run.state.value;
      painter.request(paint);
    });
    observe(this, signal, {
      sight: (visible) => {
        this.#visible = visible;
        if (visible) painter.request(paint);
      },
    });
    observe(holder, signal, { size: () => painter.request(paint) });
    signal.addEventListener(
      "abort",
      () => {
        painter.cancel(paint);
        this.#chart?.destroy();
        this.#chart = null;
      },
      { once: true },
    );
  }

  /**
   * @param {RunModel} run
   * @param {HTMLElement} holder
   */
  #paint(run, holder) {
    const state = run.state.peek();
    if (!state || !this.#visible || !this.#chart) return;
    const { series } = run;
    const { width, height } = sizeOf(holder);
    this.#chart.resize(width, height);
    this.#chart.show({
      series,
      actions: state.actions,
      batch: state.batch,
      epochLength: state.batches_per_epoch,
    });
    this.piece("empty", HTMLElement).hidden = series.length > 0;
    this.#readout?.show(this.#readOut(run));
    const changes = state.actions
      .map((action) => ({ batch: action.batch, text: markText(action) }))
      .filter(({ text }) => text !== "")
      .map(({ batch, text }) => `from batch ${batch} on: ${text}`);
    write(
      this.piece("changes", HTMLElement),
      changes.length > 0 ? `Changes: ${changes.join("; ")}.` : "",
    );
  }

  /**
   * @param {RunModel} run
   * @returns {import("../models/captions.js").Part[]}
   */
  #readOut({ series, state }) {
    const now = state.peek();
    const batch = this.#pointed ?? now?.batch ?? 0;
    if (!now || batch < 1 || batch > series.length) return [];
    const loss = series.loss[batch - 1];
    const accuracy = series.accuracy[batch - 1];
    return [
      `batch ${batch}: loss `,
      {
        text: formatLoss(loss),
        explanation: () => explanations.lossOfBatch(now, batch, loss),
      },
      ", accuracy ",
      {
        text: formatPercent(accuracy),
        explanation: () => explanations.accuracyOfBatch(now, batch, accuracy),
      },
    ];
  }
}
