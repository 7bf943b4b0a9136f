import { formatCount, formatLoss, formatPercent, formatRate, NONE } from "../format.js";
import * as explanations from "../models/explanations/progress.js";
import { batchOfLoss } from "../models/words.js";
import { explain } from "./explain.js";
import { follow, RunElement, write, writeAttribute } from "./run-element.js";

/** @typedef {import("../protocol/types.js").RunState} RunState */

/**
 * For each number of the state, its text on the page and its explanation. `hasNews` is false
 * without a connection, when numbers that are only true now are not shown.
 *
 * @type {{ [field: string]: [
 *   text: (state: RunState, hasNews: boolean) => string,
 *   why: (state: RunState) => import("./explain.js").Explanation | null,
 * ] }}
 */
const FIELDS = {
  epoch: [({ epoch }) => formatCount(epoch + 1), explanations.epoch],
  batch_in_epoch: [({ batch_in_epoch }) => formatCount(batch_in_epoch), explanations.batchInEpoch],
  batches_per_epoch: [
    ({ batches_per_epoch }) => formatCount(batches_per_epoch),
    explanations.batchesPerEpoch,
  ],
  loss: [({ loss }) => formatLoss(loss), explanations.loss],
  accuracy: [({ accuracy }) => formatPercent(accuracy), explanations.accuracy],
  loss_batch: [
    (state) => (state.loss === null ? NONE : formatCount(batchOfLoss(state))),
    explanations.lossBatch,
  ],
  test_accuracy: [
    ({ test_accuracy }) => formatPercent(test_accuracy, 2),
    explanations.testAccuracy,
  ],
  test_batch: [
    ({ test_batch }) => (test_batch === null ? NONE : formatCount(test_batch)),
    explanations.testBatch,
  ],
  batches_per_second: [
    ({ batches_per_second }, hasNews) => (hasNews ? formatRate(batches_per_second) : NONE),
    explanations.batchesPerSecond,
  ],
  batch: [({ batch }) => formatCount(batch), explanations.batch],
};

/** How far the training is: the bar of the epoch and the numbers of the present batch. */
export class RunProgress extends RunElement {
  /**
   * @override
   * @param {import("./context.js").App} app
   * @param {AbortSignal} signal
   */
  connect({ run, painter }, signal) {
    const fields = Object.entries(FIELDS).map(([name, [text, why]]) => {
      const element = this.find(`[data-field="${name}"]`, HTMLElement);
      explain(element, () => run.state.value && why(run.state.value), signal);
      return { element, text };
    });
    const bar = this.piece("bar", HTMLElement);
    const fill = this.piece("fill", HTMLElement);
    const paint = () => {
      const state = run.state.peek();
      if (!state) return;
      const hasNews = run.connection.peek() === "open";
      for (const { element, text } of fields) write(element, text(state, hasNews));
      const share = state.batch_in_epoch / Math.max(state.batches_per_epoch, 1);
      fill.style.transform = `scaleX(${share})`;
      writeAttribute(bar, "aria-valuenow", String(state.batch_in_epoch));
      writeAttribute(bar, "aria-valuemax", String(state.batches_per_epoch));
    };
    follow(signal, () => {
      run.news.value;
      run.connection.value;
      painter.request(paint);
    });
    signal.addEventListener("abort", () => painter.cancel(paint), { once: true });
  }
}
