import { sizeOf } from "../draw/canvas.js";
import { formatLoss, formatPercent } from "../format.js";
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

  /**
   * @override
   * @param {App} app
   * @param {AbortSignal} signal
   */
  connect({ run, painter, colours }, signal) {
    const holder = this.piece("chart", HTMLElement);
    const paint = () => this.#paint(run, holder);
    const log = this.piece("log", HTMLInputElement);
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
    write(this.piece("readout", HTMLElement), this.#readOut(run));
    const changes = state.actions
      .map((action) => ({ batch: action.batch, text: markText(action) }))
      .filter(({ text }) => text !== "")
      .map(({ batch, text }) => `from batch ${batch} on: ${text}`);
    write(
      this.piece("changes", HTMLElement),
      changes.length > 0 ? `Changes: ${changes.join("; ")}.` : "",
    );
  }

  /** @param {RunModel} run */
  #readOut({ series, state }) {
    const batch = this.#pointed ?? state.peek()?.batch ?? 0;
    if (batch < 1 || batch > series.length) return "";
    const loss = formatLoss(series.loss[batch - 1]);
    const accuracy = formatPercent(series.accuracy[batch - 1]);
    return `batch ${batch}: loss ${loss}, accuracy ${accuracy}`;
  }
}
