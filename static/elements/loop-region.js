import { computed } from "@preact/signals-core";
import { prepareCanvas, sizeOf } from "../draw/canvas.js";
import { digitsPainter } from "../draw/digits.js";
import { forwardPainter } from "../draw/forward.js";
import { gradientsPainter } from "../draw/gradients.js";
import { drawHistogram } from "../draw/histogram.js";
import { drawLosses } from "../draw/losses.js";
import { formatCount } from "../format.js";
import { announcement, captionParts, headingParts, textOf } from "../models/captions.js";
import { batchAtHand, NO_PICTURES, PHASES } from "../models/loop.js";
import { formulaOf } from "../models/words.js";
import { pickCells, sayPicked } from "./cell-picker.js";
import { FigureText } from "./figure-text.js";
import { digitCells, digitText } from "./inside/draw-detail.js";
import {
  areSame,
  follow,
  leave,
  observe,
  paintInSight,
  RunElement,
  write,
  writeAttribute,
} from "./run-element.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../protocol/types.js").Phase} Phase
 * @typedef {import("../protocol/types.js").RunState} RunState
 * @typedef {import("../models/loop.js").Pictures} Pictures
 * @typedef {import("../draw/colours.js").Theme} Theme
 */

/**
 * @typedef {(context: CanvasRenderingContext2D, pictures: Pictures,
 *   size: import("../draw/canvas.js").Size, theme: Theme, state: RunState) => void} StationPainter
 */

/** Steps are announced only once they settle, so that holding a key does not chatter. */
const SETTLED_AFTER_MS = 250;
/** At least this much of an opened station must be in sight: its title and some of its text. */
const LEAST_SEEN_PX = 160;

/** The five stations of the training loop. */
export class LoopRegion extends RunElement {
  #painters = stationPainters();
  /** What each station was last painted from. */
  /** @type {{ [phase: string]: readonly unknown[] }} */
  #painted = {};
  /** The pictures that the captions were last written from. */
  #written = NO_PICTURES;
  /** @type {{ [phase: string]: FigureText }} */
  #captions = {};
  /** @type {FigureText | null} */
  #sub = null;
  /** @type {Phase | null} */
  #lit = null;

  /**
   * @override
   * @param {App} app
   * @param {AbortSignal} signal
   */
  connect(app, signal) {
    const { run, colours } = app;
    for (const phase of PHASES) this.#captions[phase] = new FigureText(this.#caption(phase));
    this.#sub = new FigureText(this.piece("sub", HTMLElement));
    let isNews = true;
    const paint = () => {
      // Words first: the pictures must be the ones that the words name.
      if (isNews) this.#write(app);
      isNews = false;
      this.#paint(app);
    };
    const repaint = paintInSight(this, app, paint, signal);
    follow(signal, () => {
      run.pictures.value;
      colours.value;
      repaint();
    });
    follow(signal, () => {
      run.news.value;
      run.following.value;
      isNews = true;
      repaint();
    });
    observe(this, signal, {
      sight: (visible) => run.want("loop", visible ? ["loop"] : []),
      size: () => {
        this.#painted = {};
        repaint();
      },
    });
    this.#followDigits(app, signal);
    this.#opening(app, signal);
    this.#announce(app, signal);
  }

  /** @param {App} app */
  #paint({ run, colours }) {
    const state = run.state.peek();
    if (!state) return;
    const theme = colours.peek();
    // Pictures must not be newer than the words about them (a digit, an answer, a mean).
    const pictures = run.hurrying.peek() ? this.#written : run.pictures.peek();
    for (const phase of PHASES) this.#draw(phase, { state, pictures }, theme);
  }

  /** @param {App} app */
  #write({ run }) {
    const state = run.state.peek();
    if (!state) return;
    const pictures = run.pictures.peek();
    // Pictures that arrive late belong to an earlier moment: then words and pictures both stay.
    const isBehind = pictures.batch !== batchAtHand(state.batch, state.phase);
    if (isBehind && run.hurrying.peek()) return;
    this.#written = pictures;
    const lit = run.following.peek() ? state.phase : null;
    for (const phase of PHASES) this.#label(phase, { state, pictures, lit });
    const isStep = run.writable.peek() && state.state !== "playing";
    if (isStep && lit && this.#lit && lit !== this.#lit) this.#reveal(lit);
    this.#lit = lit;
    const { formula, words } = formulaOf(lit, state);
    write(this.piece("formula", HTMLElement), formula);
    write(this.piece("words", HTMLElement), words);
    this.#sub?.show(headingParts(pictures, state));
  }

  /**
   * On a phone, where the stations are taller than the screen, scrolls to the one just stepped to.
   *
   * @param {Phase} phase
   */
  #reveal(phase) {
    const { top, bottom } = this.find(".stations", HTMLElement).getBoundingClientRect();
    if (innerWidth >= 900 || top > innerHeight || bottom < innerHeight / 2) return;
    this.#station(phase).scrollIntoView({ block: "nearest" });
  }

  /**
   * @param {Phase} phase
   * @param {{ state: RunState, pictures: Pictures, lit: Phase | null }} now
   */
  #label(phase, { state, pictures, lit }) {
    const station = this.#station(phase);
    const parts = captionParts(phase, pictures, state);
    // A phase still to run in this batch shows an earlier batch's picture, and says so if there is
    // time to read.
    const readable = lit !== null || state.state !== "playing";
    const stale = readable && parts !== null && !pictures.fresh.has(phase);
    station.classList.toggle("is-lit", lit === phase);
    station.classList.toggle("is-dim", lit !== null && lit !== phase);
    station.classList.toggle("is-stale", stale);
    if (stale) {
      const note = /** @type {HTMLElement} */ (station.querySelector(".stale-note"));
      write(note, `from batch ${formatCount(pictures.of[phase])}`);
    }
    station.classList.toggle("is-empty", parts === null);
    if (lit === phase) writeAttribute(station, "aria-current", "step");
    else station.removeAttribute("aria-current");
    this.#captions[phase]?.show(parts ?? []);
    if (parts === null) return;
    const { draw } = pictures;
    if (phase === "draw" && draw) {
      const { count, sample } = draw;
      sayPicked(this.#canvas(phase), { first: 1, count, now: sample, text: digitText(draw) });
    } else writeAttribute(this.#canvas(phase), "aria-label", textOf(parts));
  }

  /**
   * @param {Phase} phase
   * @param {{ state: RunState, pictures: Pictures }} now
   * @param {Theme} theme
   */
  #draw(phase, { state, pictures }, theme) {
    const now = [pictures[phase], theme];
    if (areSame(now, this.#painted[phase] ?? [])) return;
    this.#painted[phase] = now;
    const prepared = prepareCanvas(this.#canvas(phase));
    if (!prepared || pictures[phase] === null) return;
    this.#painters[phase](prepared.context, pictures, prepared.size, theme, state);
  }

  /**
   * Lets the reader follow another digit of the batch, with a click or the arrow keys.
   *
   * @param {App} app
   * @param {AbortSignal} signal
   */
  #followDigits({ run }, signal) {
    const canvas = this.#canvas("draw");
    const cells = () => {
      const draw = run.pictures.peek().draw;
      return draw && digitCells(draw, sizeOf(canvas));
    };
    const choose = (/** @type {number} */ sample) => {
      run.sample.value = sample;
    };
    pickCells(canvas, cells, choose, signal);
  }

  /**
   * Opens a station with its button or a click, and closes it with another.
   *
   * @param {App} app
   * @param {AbortSignal} signal
   */
  #opening({ run, pick }, signal) {
    const shown = computed(() => pick.shown(run.state.value));
    for (const phase of PHASES) {
      const station = this.#station(phase);
      station.addEventListener(
        "click",
        ({ target }) => {
          // Numbers and digits in a station handle their own clicks.
          if (target instanceof Element && target.closest('.explained, [role="slider"]')) return;
          pick.station.value = pick.station.peek() === phase ? null : phase;
          if (pick.station.peek()) this.#revealInside();
        },
        { signal },
      );
      const button = this.#openButton(phase);
      follow(signal, () => {
        const isShown = shown.value === phase;
        station.classList.toggle("is-shown", isShown);
        writeAttribute(button, "aria-pressed", String(pick.station.value === phase));
      });
    }
    const back = this.button("follow");
    back.addEventListener(
      "click",
      () => {
        // An opened station may fill the screen, with the stations above it.
        const last = run.state.peek()?.phase ?? PHASES[0];
        this.#station(last).scrollIntoView({ block: "nearest" });
        leave(back, this.#openButton(last));
      },
      { signal },
    );
  }

  /**
   * Scrolls to the opened station if it lies below the screen: on a phone, or on an enlarged page.
   */
  #revealInside() {
    const inside = this.find("inside-step", HTMLElement);
    if (inside.getBoundingClientRect().top < innerHeight - LEAST_SEEN_PX) return;
    inside.scrollIntoView({ block: "start" });
  }

  /**
   * @param {App} app
   * @param {AbortSignal} signal
   */
  #announce({ run }, signal) {
    const announcer = this.piece("announcer", HTMLElement);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    /** The last announcement known; what the page opens with is not news. */
    /** @type {string | null} */
    let known = null;
    follow(signal, () => {
      const state = run.state.value;
      const pictures = run.pictures.value;
      clearTimeout(timer);
      if (state?.state !== "paused") return;
      const text = announcement(state, pictures);
      known ??= text;
      timer = setTimeout(() => {
        if (text !== known) write(announcer, text);
        known = text;
      }, SETTLED_AFTER_MS);
    });
    signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  }

  /** @param {Phase} phase */
  #station(phase) {
    return this.find(`[data-phase="${phase}"]`, HTMLElement);
  }

  /** @param {Phase} phase */
  #openButton(phase) {
    return this.find(`[data-phase="${phase}"] .open`, HTMLButtonElement);
  }

  /** @param {Phase} phase */
  #canvas(phase) {
    return this.find(`[data-phase="${phase}"] canvas`, HTMLCanvasElement);
  }

  /** @param {Phase} phase */
  #caption(phase) {
    return this.find(`[data-phase="${phase}"] .caption`, HTMLElement);
  }
}

/** @returns {{ [phase in Phase]: StationPainter }} */
function stationPainters() {
  const digits = digitsPainter();
  const forward = forwardPainter();
  const gradients = gradientsPainter();
  return {
    draw: (context, { draw }, size, theme) => draw && digits(context, draw, size, theme),
    forward: (context, pictures, size, theme, { config }) => {
      if (!pictures.forward) return;
      const activation = config.layers[0]?.activation ?? "linear";
      forward(context, { ...pictures.forward, activation }, size, theme);
    },
    loss: (context, { loss }, size, theme) => loss && drawLosses(context, loss, size, theme),
    backward: (context, { backward }, size, theme) =>
      backward && gradients(context, backward, size, theme),
    update: (context, { update }, size, theme) =>
      update && drawHistogram(context, update, size, theme),
  };
}
