import { formatCount } from "../format.js";
import { insideOf } from "../models/inside.js";
import { PHASES } from "../models/loop.js";
import { PHASE_TITLES, sinceDrawing } from "../models/words.js";
import { BackwardDetail } from "./inside/backward-detail.js";
import { DrawDetail } from "./inside/draw-detail.js";
import { ForwardDetail } from "./inside/forward-detail.js";
import { LossDetail } from "./inside/loss-detail.js";
import { UpdateDetail } from "./inside/update-detail.js";
import { follow, hide, observe, paintInSight, RunElement, write } from "./run-element.js";
import { RunningCode } from "./running-code.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../models/inside.js").Inside} Inside
 * @typedef {import("../protocol/types.js").Phase} Phase
 */

/**
 * @typedef {object} Now what a detail shows
 * @property {import("../protocol/types.js").RunState} state
 * @property {import("../models/loop.js").Pictures} pictures
 * @property {Inside | null} inside the last one that held what the phase computes
 * @property {import("../models/run.js").SeenView | null} derivative the measured derivative of the picked weight
 * @property {boolean} isFresh whether the phase has run in the batch at hand
 * @property {import("../draw/colours.js").Theme} theme
 */

/** @typedef {{ paint: (now: Now) => true | null, invalidate: () => void }} Detail null: nothing yet */

/** @typedef {{ [phase in Phase]: Detail } & { loss: LossDetail }} Details */

/**
 * Whether a view holds what a phase computes.
 *
 * @type {{ [phase in Phase]: (inside: Inside) => boolean }}
 */
const HAS = {
  draw: () => true,
  forward: ({ preactivations }) => preactivations.length > 0,
  loss: ({ preactivations }) => preactivations.length > 0,
  backward: ({ gradient, deltas }) => gradient !== null && deltas !== null,
  update: ({ step }) => step !== null,
};

/** One station of the loop, opened: what its phase computed, with its numbers, and its code. */
export class InsideStep extends RunElement {
  /**
   * For each phase, the last view that held what it computes.
   *
   * @type {{ [phase: string]: Inside }}
   */
  #last = {};

  /**
   * @override
   * @param {App} app
   * @param {AbortSignal} signal
   */
  connect(app, signal) {
    const { run, pick, colours } = app;
    /** @type {Details} */
    const details = {
      draw: new DrawDetail(this, app, signal),
      forward: new ForwardDetail(this, app, signal),
      loss: new LossDetail(this, app, signal),
      backward: new BackwardDetail(this, app, signal),
      update: new UpdateDetail(this, app, signal),
    };
    const repaint = paintInSight(this, app, () => this.#paint(app, details), signal);
    let visible = false;
    let wanted = "";
    const want = () => {
      const inSight = viewsOf(app); // called first, so that its signals are followed
      const views = visible ? inSight : [];
      if (views.join() === wanted) return;
      wanted = views.join();
      run.want("inside", views);
    };
    follow(signal, want);
    follow(signal, () => {
      const seen = run.view(pick.insideView(run.sample.value)).value;
      this.#take(insideOf(seen), run.state.peek());
    });
    follow(signal, () => {
      run.news.value;
      pick.insideView(run.sample.value); // follows what is picked
      pick.station.value;
      colours.value;
      repaint();
    });
    observe(this, signal, {
      sight: (now) => {
        visible = now;
        want();
      },
      size: () => {
        for (const detail of Object.values(details)) detail.invalidate();
        repaint();
      },
    });
    this.#following(app, signal);
    this.#lighting(app, signal);
  }

  /**
   * @param {Inside | null} inside
   * @param {import("../protocol/types.js").RunState | null} state
   */
  #take(inside, state) {
    if (!inside) {
      if (state?.phase === null) this.#last = {};
      return;
    }
    for (const phase of PHASES) {
      const before = this.#last[phase];
      if (HAS[phase](inside)) this.#last[phase] = inside;
      else if (before && (!isOfSame(before, inside) || before.batch > inside.batch)) {
        delete this.#last[phase];
      }
    }
  }

  /**
   * Goes back to following the phases, with the button or Escape.
   *
   * @param {App} app
   * @param {AbortSignal} signal
   */
  #following({ pick }, signal) {
    const button = this.button("follow");
    const stop = () => {
      pick.station.value = null;
    };
    button.addEventListener("click", stop, { signal });
    document.addEventListener(
      "keydown",
      (event) => {
        if (
          event.key === "Escape" &&
          !event.defaultPrevented &&
          !document.querySelector(":modal")
        ) {
          stop();
        }
      },
      { signal },
    );
  }

  /**
   * Lights the line of code that computes what the reader looks at.
   *
   * @param {App} app
   * @param {AbortSignal} signal
   */
  #lighting({ run, pick }, signal) {
    const look = (/** @type {Event} */ { target }) => {
      const part = target instanceof Element ? target.closest("[data-output]") : null;
      const output = part?.getAttribute("data-output");
      if (!output) return;
      const last = run.state.peek()?.config.layers.length ?? 2;
      const tensor = output.replace("LAST", String(last));
      const code = this.querySelector("running-code");
      if (code instanceof RunningCode) code.light(pick.shown(run.state.peek()), tensor);
    };
    this.addEventListener("click", look, { signal });
    this.addEventListener("focusin", look, { signal });
  }

  /**
   * @param {App} app
   * @param {Details} details
   */
  #paint(app, details) {
    const { run, pick, colours } = app;
    const state = run.state.peek();
    if (!state) return;
    const phase = pick.shown(state);
    const pictures = run.pictures.peek();
    const inside = this.#last[phase] ?? null;
    const needsInside = phase !== "draw" && phase !== "loss";
    const isFresh = pictures.fresh.has(phase) && (!needsInside || inside?.batch === pictures.batch);
    const derivative = run.view(derivativeName(app)).peek();
    const theme = colours.peek();
    details.loss.remember(pictures);
    const shown = details[phase].paint({ state, pictures, inside, derivative, isFresh, theme });
    for (const detail of this.querySelectorAll(".detail")) {
      const isShown = shown !== null && detail.getAttribute("data-detail") === phase;
      detail.classList.toggle("is-shown", isShown);
      detail.classList.toggle("is-past", isShown && !isFresh);
    }
    const promise = this.piece("promise", HTMLElement);
    hide(promise, shown !== null);
    if (shown === null) write(promise, promiseOf(phase, state));
    const isOpened = pick.station.peek() !== null;
    const stale = this.piece("stale", HTMLElement);
    // A detail that follows the phases only fades until its pictures arrive, a moment later.
    hide(stale, shown === null || isFresh || !(isOpened || state.state === "failed"));
    write(stale, `still from batch ${formatCount(pictures.of[phase])}`);
    this.#showWhich(phase, isOpened, state.phase === null);
  }

  /**
   * @param {Phase} phase
   * @param {boolean} isOpened
   * @param {boolean} isNew whether nothing has run yet
   */
  #showWhich(phase, isOpened, isNew) {
    const title = PHASE_TITLES[phase].toLowerCase();
    const why = isNew ? "the first phase" : "the phase that ran last";
    write(this.piece("which", HTMLElement), `${title}, ${isOpened ? "opened" : why}`);
    this.button("follow").toggleAttribute("disabled", !isOpened);
  }
}

/**
 * Whether the same sample, unit and input are picked in both.
 *
 * @param {Inside} a
 * @param {Inside} b
 */
function isOfSame(a, b) {
  return a.sample === b.sample && a.unit === b.unit && a.input === b.input;
}

/**
 * @param {Phase} phase
 * @param {import("../protocol/types.js").RunState} state
 */
function promiseOf(phase, state) {
  if (state.phase === null && phase === "draw") {
    return "Step one phase, or play, to see here what each phase computes, number by number.";
  }
  const since = sinceDrawing(state);
  return `${since}Shown after the phase “${PHASE_TITLES[phase].toLowerCase()}” has run${since && " again"}.`;
}

/**
 * The view of what is picked is asked for in every phase, so that it arrives with the phase.
 *
 * @param {App} app
 */
function viewsOf(app) {
  const { run, pick } = app;
  const isMeasured = pick.shown(run.state.value) === "backward";
  const inside = pick.insideView(run.sample.value);
  return ["loop", inside, ...(isMeasured ? [derivativeName(app)] : [])];
}

/** @param {App} app */
function derivativeName({ pick }) {
  return `derivative/1/${pick.unit.value}/${pick.input.value}`;
}
