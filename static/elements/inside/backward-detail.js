import { cellsLayout, cellsPainter, tilesPainter } from "../../draw/cells.js";
import { fieldPainter } from "../../draw/field.js";
import { formatCount, formatValue } from "../../format.js";
import * as explanations from "../../models/explanations/backward.js";
import { digitsInGradient } from "../../models/explanations/counts.js";
import { outputDelta, probabilityMinusTarget } from "../../models/explanations/forward.js";
import { colourScale } from "../../models/explanations/stations.js";
import { chainOf, measuredOf, tellingWeight } from "../../models/inside.js";
import { subscript } from "../../models/words.js";
import { sayPicked } from "../cell-picker.js";
import { FigureText } from "../figure-text.js";
import { Picture } from "../picture.js";
import { pickPixels, placeText } from "../pixel-picker.js";
import { hide, write } from "../run-element.js";
import { Answers } from "./answers.js";
import { pickUnits } from "./forward-detail.js";

/**
 * @typedef {import("../inside-step.js").Now} Now
 * @typedef {import("../../models/inside.js").Inside} Inside
 * @typedef {import("../../models/inside.js").Chain} Chain
 */

const KNOWN_AT_REST = "known after the backward pass, once the run is paused";
const LOST =
  "no longer possible, as the step is so large that rounding has lost the weights before it";

/** The proportions of a tile of the last layer's gradient. */
const TILE = { width: 2, height: 1 };

/** The gradient on its way back, right to left, and the chain rule for one picked weight. */
export class BackwardDetail {
  #host;
  #errors;
  #output;
  #back;
  #image;
  #texts;
  #factors;
  /** @type {Inside | null} */
  #inside = null;
  #pick;
  #offered = false;

  /**
   * @param {import("../run-element.js").RunElement} host
   * @param {import("../context.js").App} app
   * @param {AbortSignal} signal
   */
  constructor(host, { run, pick }, signal) {
    this.#host = host;
    this.#pick = pick;
    this.#errors = new Answers(host.piece("errors", HTMLElement));
    this.#output = new Picture(host.piece("output", HTMLCanvasElement), tilesPainter());
    this.#back = new Picture(host.piece("back", HTMLCanvasElement), cellsPainter());
    this.#image = new Picture(host.piece("image", HTMLCanvasElement), fieldPainter());
    const text = (/** @type {string} */ part) => new FigureText(host.piece(part, HTMLElement));
    this.#texts = {
      output: text("output-scale"),
      back: text("back-scale"),
      image: text("image-title"),
      sum: text("sum-line"),
      measured: text("measured-line"),
    };
    this.#factors = [...host.piece("factors", HTMLElement).children].map((item) => {
      const [value, name] = item.querySelectorAll("span");
      return {
        item: /** @type {HTMLElement} */ (item),
        value: new FigureText(/** @type {HTMLElement} */ (value)),
        name: /** @type {HTMLElement} */ (name),
      };
    });
    pickUnits(this.#back.canvas, { run, pick }, signal);
    pickPixels(this.#image.canvas, { run, pick }, signal);
    const telling = host.button("telling");
    telling.addEventListener(
      "click",
      () => {
        if (this.#inside) this.#pickTelling(this.#inside);
      },
      { signal },
    );
  }

  /** @param {Inside} inside */
  #pickTelling(inside) {
    const { unit, input } = tellingWeight(inside);
    this.#pick.unit.value = unit;
    this.#pick.input.value = input;
  }

  /**
   * Picks a clear example, if the reader has picked nothing yet and the default shows only zeros.
   *
   * @param {Inside} inside
   * @param {Chain} chain
   */
  #offer(inside, { share }) {
    if (this.#offered) return;
    this.#offered = true;
    if (share === 0 && this.#pick.untouched) this.#pickTelling(inside);
  }

  invalidate() {
    for (const picture of [this.#output, this.#back, this.#image]) picture.invalidate();
  }

  /** @param {Now} now */
  paint({ state, pictures: { backward }, inside, derivative, isFresh, theme }) {
    this.#inside = inside;
    const activation = state.config.layers[0]?.activation ?? "linear";
    const chain = inside && chainOf(inside, activation);
    if (!inside || !chain || !inside.gradient) return null;
    if (isFresh && state.state !== "playing") this.#offer(inside, chain);
    this.#showErrors(state, inside, chain.digits);
    this.#paintFlow(state, { inside, backward }, theme);
    this.#showChain(state, inside, chain, activation);
    this.#showMeasured(state, inside, measuredOf(derivative, inside));
    return true;
  }

  /**
   * @param {Now["state"]} state
   * @param {Inside} inside
   * @param {number} digits
   */
  #showErrors(state, { activations, preactivationGradients, sample, label }, digits) {
    const softmax = state.config.loss !== "mean_squared_error";
    const last = preactivationGradients.length;
    write(
      this.#host.piece("error-title", HTMLElement),
      softmax ? "p − y" : `∂loss/∂z${subscript(last)} · n`,
    );
    const alsoCalled = softmax ? `= ∂loss/∂z${subscript(last)} · n` : "";
    write(this.#host.piece("error-sub", HTMLElement), alsoCalled);
    const gradients = preactivationGradients.at(-1) ?? new Float32Array();
    const answers = [...(activations.at(-1) ?? [])].map((p, digit) => {
      const value = softmax ? p - (digit === label ? 1 : 0) : (gradients[digit] ?? 0) * digits;
      const at = { sample, digit, label };
      const explanation = () => (softmax ? probabilityMinusTarget : outputDelta)(state, at, value);
      const figure = { text: formatValue(value, 3), explanation };
      return { share: value, isTrue: digit === label, p: [figure] };
    });
    this.#errors.show(answers);
  }

  /**
   * @param {Now["state"]} state
   * @param {{ inside: Inside, backward: Now["pictures"]["backward"] }} of
   * @param {import("../../draw/colours.js").Theme} theme
   */
  #paintFlow(state, { inside, backward }, theme) {
    const { hiddenGradient, gradient, unit, input, deltas } = inside;
    const last = state.config.layers.length;
    const hidden = state.config.layers[0]?.units ?? 1;
    write(this.#host.piece("output-title", HTMLElement), `∂loss/∂W${subscript(last)}`);
    if (backward) {
      const [units, inputs] = backward.outputShape;
      const { columns } = cellsLayout(inputs, TILE);
      this.#output.paint({ codes: backward.output, units, inputs, columns }, theme);
      this.#texts.output.show([scaleFigure(state, last, backward.outputScale)]);
    }
    write(this.#host.piece("back-title", HTMLElement), `∂loss/∂${last > 1 ? "hidden" : "output"}`);
    hide(this.#host.piece("of-back", HTMLElement), hiddenGradient === null);
    if (hiddenGradient) {
      // About the largest gradient that a mean over n digits gives here: fixed by n alone.
      const digits = deltas?.length ?? 1;
      const scale = 1 / digits;
      this.#back.paint({ values: hiddenGradient, scale, coding: "signed", picked: unit }, theme);
      this.#texts.back.show([
        {
          text: `±${formatValue(scale)}`,
          explanation: () => explanations.comingBackScale(state, { digits, scale }),
        },
      ]);
      const value = formatValue(hiddenGradient[unit] ?? 0, 3);
      sayPicked(this.#back.canvas, {
        count: hidden,
        now: unit,
        text: `unit ${unit}, derivative with respect to its output ${value}`,
      });
    }
    const view = state.views.find((one) => one.layer === 1 && one.kind === "gradient");
    if (!gradient || !view) return;
    this.#image.paint({ values: gradient, scale: view.scale, picked: input }, theme);
    this.#texts.image.show([`unit ${unit}, `, scaleFigure(state, 1, view.scale)]);
    sayPicked(this.#image.canvas, {
      count: gradient.length,
      now: input,
      text: `${placeText(input, gradient.length)}, gradient ${formatValue(gradient[input] ?? 0, 3)}`,
    });
  }

  /**
   * @param {Now["state"]} state
   * @param {Inside} inside
   * @param {Chain} chain
   * @param {string} activation
   */
  #showChain(state, inside, { x, slope, back, delta, share, sum, digits }, activation) {
    const { unit, input, sample, preactivations } = inside;
    const at = { unit, input, sample };
    write(
      this.#host.piece("chain-title", HTMLElement),
      `One weight: W₁[${unit}, ${input}], ${placeText(input, inside.x.length)}`,
    );
    const z = preactivations[0]?.[unit] ?? 0;
    const figure = (
      /** @type {number} */ value,
      /** @type {() => import("../../models/explanations/source.js").Explanation | null} */ explanation,
    ) => [{ text: formatValue(value, 3), explanation }];
    const [first, second, third, product] = this.#factors;
    first?.value.show(figure(x, () => explanations.input(state, at, x)));
    if (first) write(first.name, `x[${input}]`);
    if (second) {
      hide(second.item, slope === null);
      write(second.name, `${activation}′(z)`);
      second.value.show(
        slope === null ? [] : figure(slope, () => explanations.slope(state, at, { z, slope })),
      );
    }
    if (third) {
      write(third.name, back === null ? "∂loss/∂z" : explanations.backName(state));
      third.value.show(
        back === null
          ? figure(delta, () => explanations.delta(state, at, delta))
          : figure(back, () => explanations.comingBack(state, at, back)),
      );
    }
    product?.value.show(figure(share, () => explanations.share(state, at, { delta, x })));
    this.#texts.sum.show([
      "Summed over the whole batch, ",
      {
        text: formatCount(digits),
        explanation: () => digitsInGradient(state, digits),
      },
      digits === 1 ? " digit: ∂loss/∂w = " : " digits: ∂loss/∂w = ",
      {
        text: formatValue(sum, 4),
        explanation: () => explanations.derived(state, at, sum),
      },
    ]);
  }

  /**
   * @param {Now["state"]} state
   * @param {Inside} inside
   * @param {ReturnType<typeof measuredOf>} measured
   */
  #showMeasured(state, { unit, input, sample }, measured) {
    const at = { unit, input, sample };
    if (measured === null || measured === "lost") {
      const why = measured === null ? KNOWN_AT_REST : LOST;
      this.#texts.measured.show([`Measured, (loss(w + h) − loss(w − h)) / 2h: ${why}`]);
      return;
    }
    this.#texts.measured.show([
      "Measured, (loss(w + h) − loss(w − h)) / 2h = ",
      {
        text: formatValue(measured.measured, 4),
        explanation: () => explanations.measured(state, at, measured),
      },
      "; relative difference ",
      {
        text: formatValue(measured.relative_difference),
        explanation: () => explanations.relativeDifference(state, at, measured.relative_difference),
      },
    ]);
  }
}

/**
 * @param {Now["state"]} state
 * @param {number} layer
 * @param {number} scale
 */
function scaleFigure(state, layer, scale) {
  return {
    text: `±${formatValue(scale)}`,
    explanation: () => colourScale(state, `layer${layer}.weights.gradient`, scale),
  };
}
