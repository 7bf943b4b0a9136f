import { sizeOf } from "../../draw/canvas.js";
import { digitsLayout } from "../../draw/digits.js";
import { labelledDigitsPainter } from "../../draw/labelled-digits.js";
import { aDigit, formatCount } from "../../format.js";
import { pixelsOfImage } from "../../models/explanations/counts.js";
import { batchSize, followedLabel } from "../../models/explanations/stations.js";
import { pickCells, sayPicked } from "../cell-picker.js";
import { FigureText } from "../figure-text.js";
import { Picture } from "../picture.js";
import { hide } from "../run-element.js";

/** @typedef {import("../inside-step.js").Now} Now */

/** The digits of the batch, large, with their labels; one of them is followed. */
export class DrawDetail {
  #picture;
  #line;
  #another;

  /**
   * @param {import("../run-element.js").RunElement} host
   * @param {import("../context.js").App} app
   * @param {AbortSignal} signal
   */
  constructor(host, { run }, signal) {
    const canvas = host.piece("batch", HTMLCanvasElement);
    this.#picture = new Picture(canvas, labelledDigitsPainter());
    this.#line = new FigureText(host.piece("batch-line", HTMLElement));
    this.#another = host.piece("pick-another", HTMLElement);
    const cells = () => {
      const draw = run.pictures.peek().draw;
      return draw && digitCells(draw, sizeOf(canvas));
    };
    pickCells(
      canvas,
      cells,
      (sample) => {
        run.sample.value = sample;
      },
      signal,
    );
  }

  invalidate() {
    this.#picture.invalidate();
  }

  /** @param {Now} now */
  paint({ state, pictures: { draw }, theme }) {
    if (!draw) return null;
    const { sample, count, size } = draw;
    const label = draw.labels[sample] ?? 0;
    const pixels = draw.pixels.length / count;
    this.#picture.paint(draw, theme);
    sayPicked(this.#picture.canvas, { first: 1, count, now: sample, text: digitText(draw) });
    this.#line.show([
      "x: ",
      { text: formatCount(size), explanation: () => batchSize(state, size) },
      size === 1 ? " image of " : " images of ",
      {
        text: formatCount(pixels),
        explanation: () => pixelsOfImage(state, pixels),
      },
      " pixels; y: ",
      size === 1 ? "its true digit. " : "their true digits. ",
      `Followed: sample ${sample + 1}, ${aDigit(label).slice(0, -1)}`,
      { text: String(label), explanation: () => followedLabel(state, sample, label) },
      ".",
    ]);
    hide(this.#another, count === 1);
    return true;
  }
}

/** @param {import("../../models/loop.js").DrawPicture} draw */
export function digitText({ sample, count, labels }) {
  return `sample ${sample + 1} of ${count}, true digit ${labels[sample]}`;
}

/**
 * The digits of a batch as pickable cells of a canvas.
 *
 * @param {import("../../models/loop.js").DrawPicture} draw
 * @param {{ width: number, height: number }} size
 * @returns {import("../cell-picker.js").Cells}
 */
export function digitCells({ count, sample }, size) {
  const { columns, cell } = digitsLayout(count, size);
  return {
    count,
    columns,
    now: sample,
    at: (x, y) => {
      const column = Math.floor(x / cell);
      return column < columns ? Math.floor(y / cell) * columns + column : null;
    },
  };
}
