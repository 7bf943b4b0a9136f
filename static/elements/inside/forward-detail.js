import { sizeOf } from "../../draw/canvas.js";
import { cellsLayout, cellsPainter } from "../../draw/cells.js";
import { digitPainter, fieldPainter } from "../../draw/field.js";
import { activationScale } from "../../draw/forward.js";
import { aDigit, formatCount, formatValue } from "../../format.js";
import { unitsOf, weightsOfUnit } from "../../models/explanations/counts.js";
import * as explanations from "../../models/explanations/forward.js";
import { probability } from "../../models/explanations/stations.js";
import { outputText, unitFormula } from "../../models/words.js";
import { pickCells, sayPicked } from "../cell-picker.js";
import { FigureText } from "../figure-text.js";
import { Picture } from "../picture.js";
import { areSame, write, writeAttribute } from "../run-element.js";
import { Answers } from "./answers.js";

/**
 * @typedef {import("../inside-step.js").Now} Now
 * @typedef {import("../../models/inside.js").Inside} Inside
 */

/** The followed digit through the layers, and the sum of a picked unit with its numbers. */
export class ForwardDetail {
  #host;
  #answers;
  #drawDigit = digitPainter();
  #digitDrawn = /** @type {readonly unknown[]} */ ([]);
  #hidden;
  #weights;
  #product;
  #formula;
  #title;
  #words;
  #numbers;

  /**
   * @param {import("../run-element.js").RunElement} host
   * @param {import("../context.js").App} app
   * @param {AbortSignal} signal
   */
  constructor(host, { run, pick }, signal) {
    this.#host = host;
    this.#answers = new Answers(host.piece("answers", HTMLElement));
    this.#hidden = new Picture(host.piece("hidden", HTMLCanvasElement), cellsPainter());
    this.#weights = new Picture(host.piece("unit-w", HTMLCanvasElement), fieldPainter());
    this.#product = new Picture(host.piece("unit-product", HTMLCanvasElement), fieldPainter());
    this.#formula = new FigureText(host.piece("unit-formula", HTMLElement));
    this.#title = new FigureText(host.piece("hidden-title", HTMLElement));
    this.#words = new FigureText(host.piece("unit-words", HTMLElement));
    this.#numbers = new FigureText(host.piece("unit-numbers", HTMLElement));
    pickUnits(this.#hidden.canvas, { run, pick }, signal);
  }

  invalidate() {
    for (const picture of [this.#hidden, this.#weights, this.#product]) picture.invalidate();
    this.#digitDrawn = [];
  }

  /** @param {Now} now */
  paint({ state, pictures: { draw }, inside, theme }) {
    if (!inside) return null;
    const { layers } = state.config;
    const activation = layers[0]?.activation ?? "linear";
    this.#paintDigit(inside, draw, theme);
    const outputs = inside.activations[0] ?? new Float32Array();
    const { scale, coding } = activationScale(activation);
    this.#hidden.paint({ values: outputs, scale, coding, picked: inside.unit }, theme);
    this.#title.show([
      {
        text: formatCount(outputs.length),
        explanation: () => unitsOf(state, 1, outputs.length),
      },
      ` ${activation}, ${coding === "signed" ? "±" : "0 to "}${scale}`,
    ]);
    const output = outputs[inside.unit] ?? 0;
    const text = `unit ${inside.unit}, output ${formatValue(output, 3)}`;
    sayPicked(this.#hidden.canvas, { count: outputs.length, now: inside.unit, text });
    const view = state.views.find((one) => one.layer === 1 && one.kind === "weights");
    const field = { scale: view?.scale ?? 1, picked: inside.input };
    this.#weights.paint({ values: inside.weights, ...field }, theme);
    const product = productOf(inside);
    this.#product.paint({ values: product, ...field }, theme);
    write(this.#host.piece("unit-title", HTMLElement), `W of unit ${inside.unit}`);
    this.#showAnswers(state, inside);
    this.#showSum(state, inside, activation);
    return true;
  }

  /**
   * @param {Inside} inside
   * @param {import("../../models/loop.js").DrawPicture | null} draw
   * @param {import("../../draw/colours.js").Theme} theme
   */
  #paintDigit({ x, label, sample }, draw, theme) {
    write(
      this.#host.piece("forward-label", HTMLElement),
      `, sample ${sample + 1}: ${aDigit(label)}`,
    );
    const now = [x, theme, draw?.count];
    if (areSame(now, this.#digitDrawn)) return;
    const canvas = this.#host.piece("forward-x", HTMLCanvasElement);
    const context = canvas.getContext("2d");
    if (!context) return;
    this.#digitDrawn = now;
    this.#drawDigit(
      context,
      Uint8Array.from(x, (value) => Math.round(value * 255)),
      theme,
    );
    writeAttribute(canvas, "aria-label", `The followed digit, ${aDigit(label)}`);
  }

  /**
   * @param {Now["state"]} state
   * @param {Inside} inside
   */
  #showAnswers(state, { activations, preactivations, sample, label }) {
    const layer = activations.length;
    const last = preactivations.at(-1) ?? new Float32Array();
    const answers = [...(activations.at(-1) ?? [])].map((p, unit) => {
      const z = last[unit] ?? 0;
      return {
        share: p,
        isTrue: unit === label,
        z: [
          {
            text: formatValue(z, 3),
            explanation: () => explanations.preactivation(state, { layer, unit, sample }, { z }),
          },
        ],
        p: [{ text: outputText(state, p), explanation: () => probability(state, sample, unit, p) }],
      };
    });
    this.#answers.show(answers);
  }

  /**
   * @param {Now["state"]} state
   * @param {Inside} inside
   * @param {string} activation
   */
  #showSum(state, { unit, sample, preactivations, activations, bias, x }, activation) {
    const at = { layer: 1, unit, sample };
    const z = preactivations[0]?.[unit] ?? 0;
    const output = activations[0]?.[unit] ?? 0;
    const dot = z - bias;
    const written = unitFormula(activation, unit);
    this.#formula.show([`unit ${unit}: ${written.formula}`]);
    const figure = (
      /** @type {number} */ value,
      /** @type {() => import("../../models/explanations/source.js").Explanation | null} */ explanation,
    ) => ({ text: formatValue(value, 3), explanation });
    this.#numbers.show([
      written.sum,
      figure(dot, () => explanations.dot(state, at, dot)),
      bias < 0 ? " + (" : " + ",
      figure(bias, () => explanations.bias(state, at, bias)),
      bias < 0 ? `)${written.z}` : written.z,
      figure(z, () => explanations.preactivation(state, at, { z, dot, bias })),
      written.output,
      figure(output, () => explanations.activation(state, at, { z, output })),
    ]);
    const words = activation === "relu" && z <= 0 ? "Below 0: relu lets nothing through." : "";
    this.#words.show([
      "dot(W, x) adds up the ",
      {
        text: formatCount(x.length),
        explanation: () => weightsOfUnit(state, 1, x.length),
      },
      ` products in W\u00a0·\u00a0x. ${words}`,
    ]);
  }
}

/**
 * W · x, pixel by pixel.
 *
 * @param {Inside} inside
 */
function productOf(inside) {
  let found = products.get(inside);
  if (!found) {
    found = inside.weights.map((weight, i) => weight * (inside.x[i] ?? 0));
    products.set(inside, found);
  }
  return found;
}

/** @type {WeakMap<Inside, Float32Array>} */
const products = new WeakMap();

/**
 * Lets the reader pick a unit of the first layer among its cells.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Pick<import("../context.js").App, "run" | "pick">} app
 * @param {AbortSignal} signal
 */
export function pickUnits(canvas, { run, pick }, signal) {
  const cells = () => {
    const count = run.state.peek()?.config.layers[0]?.units ?? 0;
    if (count === 0) return null;
    const { columns, width, height } = cellsLayout(count, sizeOf(canvas));
    return {
      count,
      columns,
      now: Math.min(pick.unit.peek(), count - 1),
      at: (/** @type {number} */ x, /** @type {number} */ y) =>
        Math.floor(y / height) * columns + Math.min(Math.floor(x / width), columns - 1),
    };
  };
  pickCells(
    canvas,
    cells,
    (unit) => {
      pick.unit.value = unit;
    },
    signal,
  );
}
