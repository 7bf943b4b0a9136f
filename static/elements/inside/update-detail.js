import { fieldPainter } from "../../draw/field.js";
import { drawHistogram } from "../../draw/histogram.js";
import { digitsBeside, formatValue } from "../../format.js";
import { captionParts } from "../../models/captions.js";
import { colourScale } from "../../models/explanations/stations.js";
import * as explanations from "../../models/explanations/update.js";
import { updateRule } from "../../models/update.js";
import { sayPicked } from "../cell-picker.js";
import { FigureText } from "../figure-text.js";
import { Picture } from "../picture.js";
import { pickPixels, placeText } from "../pixel-picker.js";
import { hide, write, writeAttribute } from "../run-element.js";

/**
 * @typedef {import("../inside-step.js").Now} Now
 * @typedef {import("../../models/inside.js").Inside} Inside
 * @typedef {import("../../models/update.js").Quantity} Quantity
 */

/** @typedef {"gradient" | "v" | "step"} Kind */

/** What the optimizer makes of one weight's gradient, of one unit's, and of all gradients. */
export class UpdateDetail {
  #host;
  #sizes;
  #texts;
  #quantities;
  #kinds;

  /**
   * @param {import("../run-element.js").RunElement} host
   * @param {import("../context.js").App} app
   * @param {AbortSignal} signal
   */
  constructor(host, { run, pick }, signal) {
    this.#host = host;
    this.#sizes = new Picture(host.piece("sizes", HTMLCanvasElement), drawHistogram);
    const text = (/** @type {string} */ part) => new FigureText(host.piece(part, HTMLElement));
    this.#texts = { turn: text("turn-line"), sizes: text("sizes-line") };
    this.#quantities = [...host.piece("quantities", HTMLElement).children].map((item) => {
      const [value, name] = item.querySelectorAll("span");
      return {
        item: /** @type {HTMLElement} */ (item),
        quantity: /** @type {Quantity} */ (item.getAttribute("data-quantity")),
        value: new FigureText(/** @type {HTMLElement} */ (value)),
        name: /** @type {HTMLElement} */ (name),
      };
    });
    this.#kinds = /** @type {Kind[]} */ (["gradient", "v", "step"]).map((kind) => {
      const figure = host.find(`[data-kind="${kind}"]`, HTMLElement);
      const canvas = /** @type {HTMLCanvasElement} */ (figure.querySelector("canvas"));
      pickPixels(canvas, { run, pick }, signal);
      return {
        kind,
        figure,
        picture: new Picture(canvas, fieldPainter()),
        scale: new FigureText(/** @type {HTMLElement} */ (figure.querySelector(".kind-scale"))),
      };
    });
  }

  invalidate() {
    this.#sizes.invalidate();
    for (const { picture } of this.#kinds) picture.invalidate();
  }

  /** @param {Now} now */
  paint({ state, pictures, inside, theme }) {
    const { update } = pictures;
    if (!update || !inside?.step) return null;
    const rule = updateRule(inside.weight);
    this.#showRule(state, inside, rule);
    this.#paintKinds(state, inside, theme);
    this.#sizes.paint(update, theme);
    this.#texts.sizes.show(captionParts("update", pictures, state) ?? []);
    this.#texts.turn.show(
      inside.angle === null
        ? []
        : [
            "Over all weights the step is turned ",
            {
              text: `${inside.angle.toFixed(1)}°`,
              explanation: () => explanations.angle(state, inside.angle ?? 0),
            },
            " away from −gradient",
            inside.weight.optimizer.name !== "sgd" ? ": every weight has a rate of its own." : ".",
          ],
    );
    return true;
  }

  /**
   * @param {Now["state"]} state
   * @param {Inside} inside
   * @param {ReturnType<typeof updateRule>} rule
   */
  #showRule(state, { unit, input, weight: { optimizer, step = 0 }, x }, rule) {
    const at = { unit, input };
    write(
      this.#host.piece("rule-title", HTMLElement),
      `W₁[${unit}, ${input}] (${placeText(input, x.length)})${rule ? `, moved by ${rule.title}` : ""}`,
    );
    write(this.#host.piece("rule", HTMLElement), rule?.formula ?? "");
    const numbers = new Map(rule?.numbers.map((number) => [number.quantity, number]));
    for (const { item, quantity, value, name } of this.#quantities) {
      const number = numbers.get(quantity);
      hide(item, number === undefined);
      if (!number) continue;
      // W0 is computed as W1 − step; after a large step, W1 holds few of its digits.
      const lost = Math.abs(step) * (state.config.dtype === "float64" ? 2 ** -53 : 2 ** -24);
      const isVague = quantity === "before" && lost > Math.abs(number.value) / 1000;
      write(name, isVague ? `${number.name}, to ±${formatValue(lost)}` : number.name);
      const explanation = () => explanationOf(state, at, { ...number, optimizer });
      // Enough digits of the weight to show what the step does to it.
      const digits = ["before", "after"].includes(quantity) ? digitsBeside(number.value, step) : 3;
      value.show([{ text: formatValue(number.value, digits), explanation }]);
    }
  }

  /**
   * Says the picked pixel in words, for readers who pick it with the keys.
   *
   * @param {Pick<Inside, "gradient" | "step" | "input">} of
   */
  #sayPixel({ gradient, step, input }) {
    const slider = this.#kinds[0]?.picture.canvas;
    if (!slider || !gradient) return;
    const numbers = [
      `gradient ${formatValue(gradient[input] ?? 0, 3)}`,
      `step ${formatValue(step?.[input] ?? 0, 3)}`,
    ];
    const text = [placeText(input, gradient.length), ...numbers].join(", ");
    sayPicked(slider, { count: gradient.length, now: input, text });
  }

  /**
   * @param {Now["state"]} state
   * @param {Inside} inside
   * @param {import("../../draw/colours.js").Theme} theme
   */
  #paintKinds(state, { gradient, v, step, unit, input }, theme) {
    const values = { gradient, v: v && rootOf(v), step };
    for (const { kind, figure, picture, scale } of this.#kinds) {
      const view = state.views.find((one) => one.layer === 1 && one.kind === kind);
      const of = values[kind];
      hide(figure, !of || !view);
      if (!of || !view) continue;
      const { scale: full, coding } = view;
      picture.paint({ values: of, scale: full, picked: input, coding }, theme);
      const ends =
        coding === "signed" ? ["", `±${formatValue(full)}`] : ["0 to ", formatValue(full)];
      const [before = "", end = ""] = ends;
      const explanation = () => colourScale(state, view.view, full, coding);
      scale.show([before, { text: end, explanation }]);
      // The gradient's canvas has its own name, as the reader picks a pixel in it.
      if (kind === "gradient") continue;
      const title = kind === "v" ? "√v" : kind;
      writeAttribute(picture.canvas, "aria-label", `${title} of unit ${unit}, ${ends.join("")}`);
    }
    this.#sayPixel({ gradient, step, input });
  }
}

/** @type {WeakMap<Float32Array, Float32Array>} */
const roots = new WeakMap();

/** @param {Float32Array} values */
function rootOf(values) {
  let found = roots.get(values);
  if (!found) {
    found = values.map(Math.sqrt);
    roots.set(values, found);
  }
  return found;
}

/**
 * @param {Now["state"]} state
 * @param {{ unit: number, input: number }} at
 * @param {import("../../models/update.js").Named & { optimizer: Now["state"]["optimizer"] }} number
 */
function explanationOf(state, at, { quantity, name, value, optimizer }) {
  switch (quantity) {
    case "before":
      return explanations.before(state, at, value);
    case "gradient":
      return explanations.gradient(state, at, value);
    case "root":
      return explanations.rootOfV(state, at, value);
    case "effective":
      return explanations.effectiveStep(state, at, {
        value,
        fromV: name.startsWith("lr"),
        optimizer,
      });
    case "step":
      return explanations.step(state, at, value, optimizer);
    case "after":
      return explanations.after(state, at, value);
    default:
      return explanations.kept(state, at, { slot: quantity, value, optimizer });
  }
}
