import { digitPainter } from "../../draw/field.js";
import { drawLosses } from "../../draw/losses.js";
import { aDigit, formatLoss } from "../../format.js";
import { sampleLoss } from "../../models/explanations/forward.js";
import { meanLoss, probability } from "../../models/explanations/stations.js";
import { FigureText } from "../figure-text.js";
import { Picture } from "../picture.js";
import { write } from "../run-element.js";

/**
 * @typedef {import("../inside-step.js").Now} Now
 * @typedef {import("../../models/loop.js").DrawPicture} DrawPicture
 * @typedef {import("../../models/loop.js").LossPicture} LossPicture
 */

/** The loss of every digit, largest first, the worst of them, and that of the followed one. */
export class LossDetail {
  #bars;
  #mean;
  #followed;
  #drawDigit = digitPainter();
  #drawn = /** @type {readonly unknown[]} */ ([]);
  #items;
  /** The samples that are shown as the worst. @type {number[]} */
  #worst = [];

  /**
   * @param {import("../run-element.js").RunElement} host
   * @param {import("../context.js").App} app
   * @param {AbortSignal} signal
   */
  constructor(host, { run }, signal) {
    this.#bars = new Picture(host.piece("bars", HTMLCanvasElement), drawLosses);
    this.#mean = new FigureText(host.piece("mean-line", HTMLElement));
    this.#followed = new FigureText(host.piece("followed-line", HTMLElement));
    this.#items = [...host.piece("worst-of-batch", HTMLElement).children].map((item) => {
      const [verdict, loss] = item.querySelectorAll("span");
      return {
        item: /** @type {HTMLElement} */ (item),
        button: /** @type {HTMLButtonElement} */ (item.querySelector("button")),
        canvas: /** @type {HTMLCanvasElement} */ (item.querySelector("canvas")),
        verdict: /** @type {HTMLElement} */ (verdict),
        loss: new FigureText(/** @type {HTMLElement} */ (loss)),
      };
    });
    this.#items.forEach(({ button }, i) => {
      button.addEventListener(
        "click",
        () => {
          run.sample.value = this.#worst[i] ?? run.sample.peek();
        },
        { signal },
      );
    });
  }

  invalidate() {
    this.#bars.invalidate();
    this.#drawn = [];
  }

  /** @param {Now} now */
  paint({ state, pictures: { loss, draw, forward }, isFresh, theme }) {
    if (!loss || !draw) return null;
    const mse = state.config.loss === "mean_squared_error";
    const { mean, perSample, order } = loss;
    const marked = isFresh ? order.indexOf(draw.sample) : -1;
    this.#bars.paint({ perSample, mean, marked }, theme);
    const about = `Loss of each of ${perSample.length} digits, largest first: ${formatLoss(perSample[0])} to ${formatLoss(perSample.at(-1))}`;
    this.#bars.canvas.setAttribute("aria-label", about);
    this.#mean.show([
      mse
        ? `Each bar is a digit's mean of (p − y)²; the mean of all ${perSample.length} is the loss, `
        : `Each bar is a digit's −log p[true digit]; the mean of all ${perSample.length} is the loss, `,
      { text: formatLoss(mean), explanation: () => meanLoss(state, mean) },
    ]);
    this.#followed.show(isFresh ? this.#followedParts(state, loss, draw, forward) : []);
    // The digits of a batch before are no longer here, its bars are.
    if (isFresh) this.#showWorst(state, loss, draw, theme);
    return true;
  }

  /**
   * @param {Now["state"]} state
   * @param {LossPicture} loss
   * @param {DrawPicture} draw
   * @param {import("../../models/loop.js").ForwardPicture | null} forward
   */
  #followedParts(state, { perSample, order }, { sample, labels }, forward) {
    const label = labels[sample] ?? 0;
    const value = perSample[order.indexOf(sample)] ?? 0;
    const p = forward?.activations.at(-1)?.[label] ?? 0;
    const result = {
      text: formatLoss(value),
      explanation: () => sampleLoss(state, { sample, label }, value),
    };
    const name = `Followed: sample ${sample + 1}, ${aDigit(label)}: `;
    if (state.config.loss === "mean_squared_error") return [`${name}mean of (p − y)² = `, result];
    return [
      `${name}−log p[${label}] = −log `,
      { text: formatLoss(p), explanation: () => probability(state, sample, label, p) },
      " = ",
      result,
    ];
  }

  /**
   * @param {Now["state"]} state
   * @param {LossPicture} loss
   * @param {DrawPicture} draw
   * @param {import("../../draw/colours.js").Theme} theme
   */
  #showWorst(state, loss, draw, theme) {
    const now = [loss, theme];
    if (now.every((value, i) => value === this.#drawn[i])) return;
    this.#drawn = now;
    const features = draw.pixels.length / draw.count;
    const places = [...loss.order.keys()].filter((i) => (loss.order[i] ?? 0) < draw.count);
    this.#worst = places.slice(0, this.#items.length).map((i) => loss.order[i] ?? 0);
    this.#items.forEach(({ item, button, canvas, verdict, loss: text }, i) => {
      const sample = this.#worst[i];
      item.hidden = sample === undefined;
      const context = canvas.getContext("2d");
      if (sample === undefined || !context) return;
      const pixels = draw.pixels.subarray(sample * features, (sample + 1) * features);
      this.#drawDigit(context, pixels, theme);
      const [label, answer] = [draw.labels[sample] ?? 0, loss.answers[sample] ?? 0];
      const value = loss.perSample[places[i] ?? 0] ?? 0;
      write(verdict, `${label} → ${answer}`);
      button.setAttribute(
        "aria-label",
        `Follow sample ${sample + 1}, ${aDigit(label)} taken for ${aDigit(answer)}`,
      );
      text.show([
        {
          text: formatLoss(value),
          explanation: () => sampleLoss(state, { sample, label }, value),
        },
      ]);
    });
  }
}
