import { sizeOf } from "../../draw/canvas.js";
import { digitPainter } from "../../draw/field.js";
import { drawLosses } from "../../draw/losses.js";
import { aDigit, formatCount, formatLoss } from "../../format.js";
import { digitsInLoss } from "../../models/explanations/counts.js";
import { sampleLoss } from "../../models/explanations/forward.js";
import { meanLoss, probability } from "../../models/explanations/stations.js";
import { pickCells, sayPicked } from "../cell-picker.js";
import { FigureText } from "../figure-text.js";
import { Picture } from "../picture.js";
import { areSame, hide, write, writeAttribute } from "../run-element.js";
import { digitText } from "./draw-detail.js";

/**
 * @typedef {import("../inside-step.js").Now} Now
 * @typedef {import("../../models/loop.js").DrawPicture} DrawPicture
 * @typedef {import("../../models/loop.js").LossPicture} LossPicture
 */

/** How many bars the up and down keys jump. */
const BARS_PER_JUMP = 8;

/** A float32 below this does not have all its digits. */
const LEAST_FLOAT = 2 ** -126;

/** The loss of every digit, largest first, with the worst digits and the followed one. */
export class LossDetail {
  #bars;
  #mean;
  #followed;
  #drawDigit = digitPainter();
  #drawn = /** @type {readonly unknown[]} */ ([]);
  #items;
  /** The digits whose losses the bars show. @type {DrawPicture | null} */
  #draw = null;
  /** The samples shown as the worst. @type {number[]} */
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
    const canvas = this.#bars.canvas;
    const cells = () => {
      const { loss, draw } = run.pictures.peek();
      const places = loss && draw ? placesOf(loss, draw) : [];
      if (!loss || !draw || places.length === 0) return null;
      const slot = sizeOf(canvas).width / loss.perSample.length;
      return {
        count: places.length,
        columns: BARS_PER_JUMP,
        now: places.findIndex((place) => loss.order[place] === draw.sample),
        at: (/** @type {number} */ x) => places.indexOf(Math.floor(x / slot)),
      };
    };
    pickCells(
      canvas,
      cells,
      (index) => {
        const { loss, draw } = run.pictures.peek();
        const place = loss && draw ? placesOf(loss, draw)[index] : undefined;
        if (loss && place !== undefined) run.sample.value = loss.order[place] ?? 0;
      },
      signal,
    );
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

  /**
   * Keeps the digits that the losses belong to: the next batch replaces them.
   *
   * @param {Now["pictures"]} pictures
   */
  remember({ loss, draw, fresh }) {
    if (loss === null) this.#draw = null;
    else if (fresh.has("loss")) this.#draw = draw;
  }

  /** @param {Now} now */
  paint({ state, pictures: { loss, draw, forward }, isFresh, theme }) {
    if (!loss || !draw) return null;
    const mse = state.config.loss === "mean_squared_error";
    const { mean, perSample, order } = loss;
    const place = order.indexOf(draw.sample);
    this.#bars.paint({ perSample, mean, marked: isFresh ? place : undefined }, theme);
    const about = `place ${place + 1} of ${perSample.length}: ${digitText(draw)}, ${mse ? "mean of (p − y)²" : "−log p"} ${formatLoss(perSample[place])}`;
    sayPicked(this.#bars.canvas, {
      first: 1,
      count: perSample.length,
      now: isFresh ? place : 0,
      text: isFresh ? about : "known after the phase has run",
    });
    this.#mean.show([
      mse
        ? "Each bar is one digit's mean of (p − y)²; the mean of all "
        : "Each bar is one digit's −log p[true digit]; the mean of all ",
      {
        text: formatCount(perSample.length),
        explanation: () => digitsInLoss(state, perSample.length),
      },
      " is the loss, ",
      { text: formatLoss(mean), explanation: () => meanLoss(state, mean) },
    ]);
    this.#followed.show(isFresh ? this.#followedParts(state, loss, draw, forward) : []);
    if (this.#draw) this.#showWorst(state, loss, this.#draw, theme);
    // A digit of an earlier batch can no longer be followed.
    for (const { button } of this.#items) button.toggleAttribute("disabled", !isFresh);
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
    if (p < LEAST_FLOAT) {
      return [`${name}−log p[${label}] = `, result, ", as p is too small for a float"];
    }
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
    const isDrawn = areSame(now, this.#drawn);
    this.#drawn = now;
    const features = draw.pixels.length / draw.count;
    const places = placesOf(loss, draw);
    this.#worst = places.slice(0, this.#items.length).map((i) => loss.order[i] ?? 0);
    this.#items.forEach(({ item, button, canvas, verdict, loss: text }, i) => {
      const sample = this.#worst[i];
      hide(item, sample === undefined);
      const context = canvas.getContext("2d");
      if (sample === undefined || !context) return;
      const pixels = draw.pixels.subarray(sample * features, (sample + 1) * features);
      if (!isDrawn) this.#drawDigit(context, pixels, theme);
      const [label, answer] = [draw.labels[sample] ?? 0, loss.answers[sample] ?? 0];
      const value = loss.perSample[places[i] ?? 0] ?? 0;
      write(verdict, `${label} → ${answer}`);
      writeAttribute(
        button,
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

/**
 * The places in the order, largest loss first, whose digits the page has; of a large batch it lacks
 * some.
 *
 * @param {LossPicture} loss
 * @param {DrawPicture} draw
 */
function placesOf({ order }, { count }) {
  return [...order.keys()].filter((place) => (order[place] ?? 0) < count);
}
