import { sizeOf } from "../draw/canvas.js";
import { curveScales, drawCurve } from "../draw/curve.js";
import { formatCount } from "../format.js";
import { textOf } from "../models/captions.js";
import {
  curveOf,
  distancePart,
  heldOutPart,
  isLost,
  lossAt,
  lossPart,
  wordsOf,
} from "../models/curve.js";
import { batchAtHand } from "../models/loop.js";
import { OPTIMIZER_TITLES, sinceDrawing, whenStudied } from "../models/words.js";
import { movedBy } from "./arrow-keys.js";
import { FigureText } from "./figure-text.js";
import { Picture } from "./picture.js";
import {
  follow,
  hide,
  observe,
  paintInSight,
  RunElement,
  write,
  writeAttribute,
} from "./run-element.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../models/curve.js").Curve} Curve
 * @typedef {import("../models/curve.js").Direction} Direction
 * @typedef {import("../models/curve.js").Line} Line
 */

/** What the loss would be if the step were shorter or longer. */
export class AlongRegion extends RunElement {
  /** @type {Direction} */
  #wish = "step";
  /** Index of the point under the mouse or the keys. @type {number | null} */
  #pointed = null;
  /** Index of the point whose numbers are shown: the last one pointed at. */
  #read = 0;
  /** @type {FigureText | null} */
  #effect = null;
  /** @type {FigureText | null} */
  #lesson = null;
  /** @type {FigureText | null} */
  #heldOut = null;
  /** @type {FigureText | null} */
  #readout = null;
  /** @type {Curve | null} */
  #curve = null;

  /**
   * @override
   * @param {App} app
   * @param {AbortSignal} signal
   */
  connect(app, signal) {
    const { run, colours } = app;
    const canvas = this.piece("curve", HTMLCanvasElement);
    this.#effect = new FigureText(this.piece("effect", HTMLElement));
    this.#lesson = new FigureText(this.piece("lesson", HTMLElement));
    this.#heldOut = new FigureText(this.piece("held-out", HTMLElement));
    this.#readout = new FigureText(this.piece("readout", HTMLElement));
    const picture = new Picture(canvas, drawCurve);
    const repaint = paintInSight(this, app, () => this.#paint(app, picture), signal);
    const seen = run.view("curve");
    follow(signal, () => {
      this.#curve = curveOf(seen.value);
      repaint();
    });
    follow(signal, () => {
      run.news.value;
      run.pending.shown("learning_rate", 0);
      colours.value;
      repaint();
    });
    observe(this, signal, { sight: (visible) => run.want("along", visible ? ["curve"] : []) });
    observe(canvas, signal, {
      size: () => {
        picture.invalidate();
        repaint();
      },
    });
    for (const button of this.querySelectorAll("button[data-direction]")) {
      button.addEventListener(
        "click",
        () => {
          if (button.getAttribute("aria-disabled") === "true") return;
          this.#wish = /** @type {Direction} */ (button.getAttribute("data-direction"));
          this.#read = 0;
          repaint();
        },
        { signal },
      );
    }
    this.#pointing(canvas, repaint, signal);
  }

  /**
   * The line to show: the step's, if the reader wants it and there is one; else the gradient's.
   *
   * @returns {{ direction: Direction, line: Line } | null}
   */
  #shown() {
    const curve = this.#curve;
    if (!curve) return null;
    const direction = curve.step ? this.#wish : "gradient";
    return { direction, line: curve[direction] ?? curve.gradient };
  }

  /**
   * @param {App} app
   * @param {Picture<Parameters<typeof drawCurve>[1]>} picture
   */
  #paint({ run, colours }, picture) {
    const state = run.state.peek();
    const curve = this.#curve;
    const shown = this.#shown();
    const seen = run.view("curve").peek();
    const lost = isLost(seen);
    hide(this.piece("empty", HTMLElement), shown !== null || lost);
    hide(this.piece("lost", HTMLElement), !lost);
    this.piece("curve", HTMLElement).classList.toggle("is-empty", shown === null);
    if (!state) return;
    write(this.piece("since", HTMLElement), sinceDrawing(state));
    write(this.piece("when", HTMLElement), whenStudied(state, run.hurrying.peek()));
    this.#paintChoice(shown?.direction ?? this.#wish, curve, state.step_optimizer.name);
    if (!shown || !curve) {
      write(this.piece("of", HTMLElement), "");
      for (const text of [this.#effect, this.#lesson, this.#readout]) text?.show([]);
      this.#heldOut?.withoutExplanations();
      return;
    }
    const { line, direction } = shown;
    const rate = run.pending.shown("learning_rate", state.learning_rate);
    const fresh = seen?.fresh === true;
    const present = fresh && curve.batch === state.batch && curve.phase === state.phase;
    // With another rate the study is made again, over other distances.
    const explained = present && line.rate === state.learning_rate ? state : null;
    const { effect, lesson } = wordsOf(explained, line, direction, rate);
    this.#effect?.show(effect);
    this.#lesson?.show(lesson);
    const training = state.state === "playing" && state.speed === null;
    this.classList.toggle("is-past", !present && !training);
    const batch = batchAtHand(curve.batch, curve.phase);
    write(this.piece("of", HTMLElement), `batch ${formatCount(batch)}`);
    this.#heldOut?.show([heldOutPart(explained, curve), " unseen"]);
    this.#readOut(picture.canvas, shown, explained);
    const curveNow = { line, rate, loss: lossAt(line, rate), pointed: this.#pointed };
    picture.paint(curveNow, colours.peek());
  }

  /**
   * @param {Direction} direction
   * @param {Curve | null} curve
   * @param {string} optimizer
   */
  #paintChoice(direction, curve, optimizer) {
    for (const button of this.querySelectorAll("button[data-direction]")) {
      const own = button.getAttribute("data-direction");
      writeAttribute(button, "aria-pressed", String(own === direction));
      if (own !== "step") continue;
      write(button, `${OPTIMIZER_TITLES[optimizer] ?? optimizer}'s step`);
      const missing = curve !== null && curve.step === null;
      writeAttribute(button, "aria-disabled", String(missing));
      writeAttribute(button, "title", missing ? "Known after the update" : "");
    }
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{ line: Line, direction: Direction }} shown
   * @param {import("../protocol/types.js").RunState | null} explained
   */
  #readOut(canvas, { line, direction }, explained) {
    const { distances } = line;
    const index = Math.min(this.#read, distances.length - 1);
    const parts = [
      "at ",
      distancePart(explained, line, { direction, index }),
      ": ",
      lossPart(explained, line, { tensor: `${direction}.batch`, index }),
      ", unseen ",
      lossPart(explained, line, { tensor: `${direction}.held_out`, index }),
    ];
    this.#readout?.show(parts);
    writeAttribute(canvas, "aria-valuemax", String(distances.length - 1));
    writeAttribute(canvas, "aria-valuenow", String(index));
    writeAttribute(canvas, "aria-valuetext", textOf(parts));
  }

  /**
   * Shows the numbers of the point that the mouse or the arrow keys choose.
   *
   * @param {HTMLCanvasElement} canvas
   * @param {() => void} repaint
   * @param {AbortSignal} signal
   */
  #pointing(canvas, repaint, signal) {
    const pointAt = (/** @type {number | null} */ index) => {
      if (index === this.#pointed) return;
      this.#pointed = index;
      this.#read = index ?? this.#read;
      repaint();
    };
    const under = (/** @type {PointerEvent} */ { offsetX }) => {
      const shown = this.#shown();
      if (!shown) return;
      const rate = curveScales(shown.line, sizeOf(canvas)).rateAt(offsetX);
      pointAt(nearest(shown.line.distances, rate));
    };
    canvas.addEventListener("pointermove", under, { signal });
    canvas.addEventListener("pointerdown", under, { signal });
    canvas.addEventListener("pointerleave", () => pointAt(null), { signal });
    canvas.addEventListener("focus", () => pointAt(this.#read), { signal });
    canvas.addEventListener("blur", () => pointAt(null), { signal });
    canvas.addEventListener(
      "keydown",
      (event) => {
        const count = this.#shown()?.line.distances.length ?? 0;
        const moved = movedBy(event, { now: this.#read, count, columns: -1 });
        if (moved === null) return;
        event.preventDefault();
        pointAt(moved);
      },
      { signal },
    );
  }
}

/**
 * @param {Float64Array} distances
 * @param {number} rate
 */
function nearest(distances, rate) {
  return distances.reduce(
    (best, distance, i) =>
      Math.abs(distance - rate) < Math.abs((distances[best] ?? 0) - rate) ? i : best,
    0,
  );
}
