import { signal as state } from "@preact/signals-core";
import { fieldPainter } from "../draw/field.js";
import { formatCount, formatError, formatValue } from "../format.js";
import { biasNow, exciter, outgoing, sumAndGradient } from "../models/explanations/around.js";
import { delta } from "../models/explanations/backward.js";
import { unitsOf } from "../models/explanations/counts.js";
import { after, gradient, step } from "../models/explanations/update.js";
import { unitOf } from "../models/unit.js";
import { sinceDrawing } from "../models/words.js";
import { ByHand } from "./by-hand.js";
import { sayPicked } from "./cell-picker.js";
import { explain } from "./explain.js";
import { FigureText } from "./figure-text.js";
import { Legend } from "./legend.js";
import { Picture } from "./picture.js";
import { pickPixels, placeText } from "./pixel-picker.js";
import { closeByHand, follow, hide, observe, RunElement, write } from "./run-element.js";
import { UnitExciters } from "./unit-exciters.js";
import { UnitSum } from "./unit-sum.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../models/unit.js").Unit} Unit
 * @typedef {import("../models/explanations/source.js").Explanation} Explanation
 * @typedef {import("../protocol/types.js").RunState} RunState
 * @typedef {import("../draw/colours.js").Theme} Theme
 */

/** @typedef {"weights" | "gradient" | "step"} Kind */

/** @typedef {Parameters<ReturnType<typeof fieldPainter>>[1]} Field */

/** @typedef {{ kind: Kind, picture: Picture<Field>, legend: Legend }} Image */

/** The tensors of a unit with one value per pixel. @type {readonly Kind[]} */
const KINDS = ["weights", "gradient", "step"];

/** One unit of the first layer: its weights, what excites it, and where its gradient comes from. */
export class UnitDialog extends RunElement {
  #open = state(false);
  /** @type {Unit | null} */
  #unit = null;
  /** The last view of this unit that had each kind. @type {Map<Kind, Unit>} */
  #last = new Map();
  /** @type {readonly Image[]} */
  #images = KINDS.map((kind) => ({
    kind,
    picture: new Picture(this.piece(`${kind}-field`, HTMLCanvasElement), fieldPainter()),
    legend: new Legend(this.piece(`${kind}-legend`, HTMLCanvasElement)),
  }));
  #exciters = new UnitExciters(this);
  #sum = new UnitSum(this);
  #oneOf = new FigureText(this.piece("one-of", HTMLElement));
  #life = new FigureText(this.piece("life", HTMLElement));

  /**
   * @override
   * @param {App} app
   * @param {AbortSignal} signal
   */
  connect(app, signal) {
    const { run, painter, colours, pick } = app;
    const paint = () => this.#paint(app);
    const repaint = () => painter.request(paint);
    follow(signal, () => {
      // The opened station follows this view too; while the dialog is closed it is not read here.
      const seen = this.#open.value ? run.view(pick.insideView(run.sample.value)).value : null;
      this.#take(unitOf(seen), app);
      repaint();
    });
    follow(signal, () => {
      run.state.value;
      run.view(`exciters/${pick.unit.value}`).value;
      colours.value;
      repaint();
    });
    follow(signal, () => {
      // The page's notices lie below this dialog, in which shortcuts still step.
      const trouble = this.#open.value ? (run.gone.value ?? run.trouble.value) : null;
      write(this.piece("trouble", HTMLElement), trouble ? formatError(trouble) : "");
    });
    signal.addEventListener("abort", () => painter.cancel(paint), { once: true });
    this.#opening(app, repaint, signal);
    for (const { picture } of this.#images) pickPixels(picture.canvas, app, signal);
    this.#explain(app, signal);
    new ByHand(this, app, signal);
  }

  /**
   * @param {App} app
   * @param {() => void} repaint
   * @param {AbortSignal} signal
   */
  #opening(app, repaint, signal) {
    const { run, pick, dialogs } = app;
    const dialog = this.find("dialog", HTMLDialogElement);
    dialogs.openUnit = (unit) => {
      pick.unit.value = unit;
      dialog.showModal();
      this.button("close").focus(); // not the first number, whose explanation would cover the dialog
    };
    let visible = false;
    const want = () => {
      const views = ["loop", pick.insideView(run.sample.value), `exciters/${pick.unit.value}`];
      run.want("unit", visible ? views : []);
    };
    follow(signal, want);
    observe(dialog, signal, {
      sight: (now) => {
        visible = now && dialog.open;
        this.#open.value = visible;
        want();
        repaint();
      },
      size: () => {
        for (const { picture, legend } of this.#images) {
          picture.invalidate();
          legend.invalidate();
        }
        repaint();
      },
    });
    closeByHand(dialog, signal);
    for (const [action, by] of /** @type {const} */ ([
      ["previous", -1],
      ["next", 1],
    ])) {
      const button = this.button(action);
      button.addEventListener(
        "click",
        () => {
          const units = run.state.peek()?.config.layers[0]?.units ?? 1;
          pick.unit.value = (pick.unit.peek() + by + units) % units;
        },
        { signal },
      );
    }
  }

  /**
   * @param {Unit | null} unit
   * @param {App} app
   */
  #take(unit, { run }) {
    if (unit?.unit !== this.#unit?.unit || unit === null) {
      this.#last.clear();
      this.#sum.clear();
    }
    this.#unit = unit;
    if (!unit) return;
    for (const kind of KINDS) if (unit[kind]) this.#last.set(kind, unit);
    this.#sum.take(unit, run.pictures.peek().draw);
  }

  /** @param {App} app */
  #paint({ run, colours, pick }) {
    const state = run.state.peek();
    if (!this.#open.peek() || !state) return;
    const theme = colours.peek();
    write(this.piece("title", HTMLElement), `Inside unit ${pick.unit.peek()}`);
    const since = sinceDrawing(state);
    for (const image of this.#images) {
      const view = state.views.find((one) => one.layer === 1 && one.kind === image.kind);
      if (!view) continue;
      const { scale, shape } = view;
      this.#paintImage(image, { scale, count: shape[1], picked: pick.input.peek(), since }, theme);
    }
    const next = state.views.find((one) => one.layer === 2 && one.kind === "weights");
    this.#paintOutgoing(next?.scale ?? null);
    const toLast = state.config.layers.length === 2;
    const to = toLast ? "to the ten digits" : "to the first units of layer 2";
    write(this.piece("outgoing-to", HTMLElement), to);
    const exciters = run.view(`exciters/${pick.unit.peek()}`).peek();
    this.#exciters.paint(exciters, theme);
    const gradient = state.views.find((one) => one.layer === 1 && one.kind === "gradient");
    const now = () => run.state.value;
    this.#sum.paint(gradient?.scale ?? 1, theme, now);
    const dead = this.#exciters.life(exciters, state.config.layers[0]?.activation);
    this.#life.show(dead === null ? (this.#sum.life(now) ?? []) : [dead]);
    const units = state.config.layers[0]?.units ?? 0;
    this.#oneOf.show([
      "one of ",
      {
        text: formatCount(units),
        explanation: () => unitsOf(state, 1, units),
      },
      " in layer 1",
    ]);
    write(this.piece("bias", HTMLElement), this.#unit ? formatValue(this.#unit.bias, 4) : "–");
  }

  /**
   * @param {Image} image
   * @param {{ scale: number, count: number, picked: number, since: string }} how `count` is the number of pixels
   * @param {Theme} theme
   */
  #paintImage({ kind, picture, legend }, { scale, count, picked, since }, theme) {
    const { canvas } = picture;
    const shown = this.#last.get(kind) ?? null;
    const values = shown?.[kind] ?? null;
    const empty = this.piece(`${kind}-empty`, HTMLElement);
    hide(empty, values !== null);
    if (values === null) write(empty, promiseOf(kind, since));
    const past = shown !== null && shown !== this.#unit;
    canvas.classList.toggle("is-past", past);
    write(
      this.piece(`${kind}-of`, HTMLElement),
      shown && past ? `from batch ${formatCount(shown.batch)}` : "",
    );
    const value = values?.[picked];
    const text = value === undefined ? "–" : formatValue(value, 4);
    write(this.piece(`${kind}-value`, HTMLElement), text);
    if (kind === "weights") {
      sayPicked(canvas, { count, now: picked, text: `${placeText(picked, count)}: w ${text}` });
    }
    legend.paint({ scale, coding: "signed" }, theme);
    if (values) picture.paint({ values, scale, picked }, theme);
  }

  /** @param {number | null} scale null if there is no next layer */
  #paintOutgoing(scale) {
    const list = this.piece("outgoing", HTMLElement);
    const values = this.#unit?.outgoing ?? null;
    list.closest("figure")?.toggleAttribute("hidden", scale === null);
    if (scale === null) return;
    [...list.children].forEach((item, digit) => {
      const length = item.querySelector(".signed-length");
      const number = item.querySelector(".outgoing-value");
      const value = values?.[digit];
      hide(item, values !== null && value === undefined);
      if (!(length instanceof HTMLElement) || !number) return;
      const share = Math.min(Math.max((value ?? 0) / scale, -1), 1);
      length.style.transform = `scaleX(${share})`;
      length.classList.toggle("is-negative", share < 0);
      write(number, value === undefined ? "" : formatValue(value, 4));
    });
  }

  /**
   * @param {App} app
   * @param {AbortSignal} signal
   */
  #explain({ run, pick }, signal) {
    const number = (
      /** @type {HTMLElement} */ element,
      /** @type {(state: RunState, unit: Unit) => Explanation | null} */ give,
    ) => {
      const now = () => {
        const state = run.state.value;
        return state && this.#unit ? give(state, this.#unit) : null;
      };
      explain(element, now, signal);
    };
    const values = { weights: after, gradient, step };
    for (const kind of KINDS) {
      number(this.piece(`${kind}-value`, HTMLElement), (state, { unit }) => {
        const at = { unit, input: pick.input.value };
        const value = this.#last.get(kind)?.[kind]?.[at.input];
        return value === undefined ? null : values[kind](state, at, value);
      });
    }
    number(this.piece("bias", HTMLElement), (state, { unit, bias }) => biasNow(state, unit, bias));
    /** @type {NodeListOf<HTMLElement>} */
    const bars = this.querySelectorAll(".outgoing-value");
    bars.forEach((element, to) => {
      number(element, (state, { unit, outgoing: all }) =>
        all ? outgoing(state, { unit, to }, all[to] ?? 0) : null,
      );
    });
    /** @type {NodeListOf<HTMLElement>} */
    const exciters = this.querySelectorAll(".exciter-value");
    exciters.forEach((element, position) => {
      number(element, (state, { unit }) => {
        const value = run.view(`exciters/${unit}`).value?.tensors.get("values")?.data[position];
        return value === undefined ? null : exciter(state, { unit, position }, Number(value));
      });
    });
    /** @type {NodeListOf<HTMLElement>} */
    const deltas = this.querySelectorAll(".term-delta");
    deltas.forEach((element, position) => {
      number(element, (state, { unit, input }) => {
        const term = this.#sum.term(position);
        return term && delta(state, { unit, input, sample: term.sample }, term.delta);
      });
    });
    number(this.piece("difference", HTMLElement), (state, { unit }) =>
      this.#sum.difference === null ? null : sumAndGradient(state, unit, this.#sum.difference),
    );
  }
}

/**
 * @param {Kind} kind
 * @param {string} since says that the last step was on a drawing, if so; that step is not known by unit
 */
function promiseOf(kind, since) {
  const phase = kind === "gradient" ? "backward pass" : "update";
  return kind === "weights" ? "" : `${since}Known after the ${since && "next "}${phase}.`;
}
