import { signal as state } from "@preact/signals-core";
import { PixelBuffer, prepareCanvas } from "../draw/canvas.js";
import { writeMatrix } from "../draw/grid.js";
import { formatError, formatPercent, NONE } from "../format.js";
import { drawnProbability } from "../models/explanations/drawing.js";
import { outputText } from "../models/words.js";
import { explain } from "./explain.js";
import { follow, hide, observe, RunElement, write, writeAttribute } from "./run-element.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../protocol/types.js").Reading} Reading
 * @typedef {import("../draw/colours.js").Theme} Theme
 */

const SAID_AFTER_MS = 900;

/** The drawing pad, and what the network makes of the drawing. */
export class DrawRegion extends RunElement {
  #seen = new PixelBuffer();
  #visible = state(false);
  #version = state(0);

  /**
   * @override
   * @param {App} app
   * @param {AbortSignal} signal
   */
  connect(app, signal) {
    const { run, painter, colours, classifier, drawing } = app;
    const paint = () => this.#paint(app);
    const changed = () => {
      this.#version.value += 1;
      if (drawing.readable) classifier.drawingChanged();
      else classifier.clear();
    };
    follow(signal, () => {
      this.#version.value;
      classifier.reading.value;
      classifier.error.value;
      classifier.progress.value;
      colours.value;
      painter.request(paint);
    });
    follow(signal, () => {
      run.state.value?.batch;
      const wanted =
        this.#visible.value && run.pageVisible.value && classifier.reader.peek() === "run";
      if (wanted && drawing.readable) classifier.networkChanged();
    });
    follow(signal, () => {
      // A drawing that could not be read while the server was away is read once it is back.
      const isBack = run.connection.value === "open";
      if (isBack && drawing.readable && classifier.error.peek()) classifier.networkChanged();
    });
    signal.addEventListener("abort", () => painter.cancel(paint), { once: true });
    observe(this, signal, {
      sight: (visible) => {
        this.#visible.value = visible;
      },
      size: () => painter.request(paint),
    });
    this.#pad(app, changed, signal);
    this.#actions(app, changed, signal);
    this.#reader(app, signal);
    this.#announce(app, signal);
    this.#explainBars(app, signal);
  }

  /**
   * @param {App} app
   * @param {() => void} changed
   * @param {AbortSignal} signal
   */
  #pad({ drawing }, changed, signal) {
    const pad = this.piece("pad", HTMLCanvasElement);
    /** @type {number | null} */
    let pointer = null;
    const point = (/** @type {PointerEvent} */ { clientX, clientY }) => {
      const { left, top, width, height } = pad.getBoundingClientRect();
      return { x: (clientX - left) / width, y: (clientY - top) / height };
    };
    pad.addEventListener(
      "pointerdown",
      (event) => {
        if (pointer !== null || event.button !== 0) return;
        pointer = event.pointerId;
        pad.setPointerCapture(event.pointerId);
        drawing.begin(point(event));
        changed();
      },
      { signal },
    );
    pad.addEventListener(
      "pointermove",
      (event) => {
        if (event.pointerId !== pointer) return;
        for (const each of event.getCoalescedEvents?.() ?? []) drawing.extend(point(each));
        drawing.extend(point(event));
        changed();
      },
      { signal },
    );
    const end = (/** @type {PointerEvent} */ event) => {
      if (event.pointerId === pointer) pointer = null;
    };
    pad.addEventListener("pointerup", end, { signal });
    pad.addEventListener("pointercancel", end, { signal });
  }

  /**
   * @param {App} app
   * @param {() => void} changed
   * @param {AbortSignal} signal
   */
  #actions({ run, drawing }, changed, signal) {
    const clear = this.button("clear");
    clear.addEventListener(
      "click",
      () => {
        drawing.clear();
        changed();
      },
      { signal },
    );
    const copy = this.button("copy");
    follow(signal, () => {
      writeAttribute(copy, "aria-disabled", String(run.pictures.value.draw === null));
    });
    copy.addEventListener(
      "click",
      () => {
        const draw = run.pictures.peek().draw;
        if (!draw) return;
        const features = draw.pixels.length / draw.count;
        drawing.copy(draw.pixels.slice(draw.sample * features, (draw.sample + 1) * features));
        changed();
      },
      { signal },
    );
  }

  /**
   * Lets the reader choose who reads the drawing: this run, or the trained network once it is
   * ready.
   *
   * @param {App} app
   * @param {AbortSignal} signal
   */
  #reader({ classifier }, signal) {
    const select = this.piece("reader", HTMLSelectElement);
    follow(signal, () => {
      select.value = classifier.reader.value;
    });
    const choose = () => classifier.choose(select.value === "trained" ? "trained" : "run");
    select.addEventListener("change", choose, { signal });
  }

  /** @param {App} app */
  #paint({ run, colours, classifier, drawing }) {
    const theme = colours.peek();
    const pad = this.piece("pad", HTMLCanvasElement);
    const prepared = prepareCanvas(pad);
    if (prepared) drawing.draw(prepared.context, prepared.size, theme.ink);
    hide(this.piece("pad-hint", HTMLElement), !drawing.empty);
    writeAttribute(pad, "aria-label", drawing.empty ? "Drawing pad, empty" : "Drawing pad");
    const reading = classifier.reading.peek();
    const state = run.state.peek();
    // The trained network's last layer is a softmax.
    const text =
      state && classifier.reader.peek() === "run"
        ? (/** @type {number} */ share) => outputText(state, share)
        : formatPercent;
    this.#paintBars(reading, text);
    this.#paintSeen(reading, theme);
    const error = drawing.readable ? classifier.error.peek() : null;
    write(this.piece("trouble", HTMLElement), error ? formatError(error) : "");
    write(this.piece("verdict", HTMLElement), verdictOf(classifier, drawing, text));
  }

  /**
   * @param {Reading | null} reading
   * @param {(share: number) => string} textOf
   */
  #paintBars(reading, textOf) {
    const rows = this.piece("bars", HTMLOListElement).children;
    [...rows].forEach((row, digit) => {
      const share = reading?.probabilities[digit] ?? null;
      row.classList.toggle("is-best", reading?.digit === digit);
      const length = row.querySelector(".bar-length");
      if (length instanceof HTMLElement)
        length.style.transform = `scaleX(${Math.min(Math.max(share ?? 0, 0), 1)})`;
      const text = row.querySelector(".bar-share");
      if (text) write(text, share === null ? NONE : textOf(share));
    });
  }

  /**
   * @param {Reading | null} reading
   * @param {Theme} theme
   */
  #paintSeen(reading, theme) {
    const canvas = this.piece("seen", HTMLCanvasElement);
    const context = canvas.getContext("2d");
    if (!context) return;
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!reading) return;
    const pixels = Uint8Array.from(reading.pixels.flat());
    writeMatrix(this.#seen.resize(28, 28), pixels, theme.pixels);
    context.drawImage(this.#seen.source, 0, 0);
  }

  /**
   * @param {App} app
   * @param {AbortSignal} signal
   */
  #explainBars({ run, classifier }, signal) {
    const shares = this.piece("bars", HTMLOListElement).querySelectorAll(".bar-share");
    shares.forEach((share, digit) => {
      const give = () => {
        const state = run.state.value;
        const p = classifier.reading.value?.probabilities[digit];
        if (!state || p === undefined) return null;
        return drawnProbability(state, classifier.reader.peek(), digit, p);
      };
      explain(/** @type {HTMLElement} */ (share), give, signal);
    });
  }

  /**
   * Announces the digit once the hand rests, and again only when the digit changes.
   *
   * @param {App} app
   * @param {AbortSignal} signal
   */
  #announce({ classifier }, signal) {
    const announcer = this.piece("announcer", HTMLElement);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    follow(signal, () => {
      const digit = classifier.reading.value?.digit;
      clearTimeout(timer);
      if (digit === undefined) return;
      timer = setTimeout(() => write(announcer, `The drawing is read as ${digit}.`), SAID_AFTER_MS);
    });
    signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  }
}

/**
 * @param {import("../models/classifier.js").Classifier} classifier
 * @param {import("../draw/drawing.js").Drawing} drawing
 * @param {(share: number) => string} textOf
 */
function verdictOf(classifier, drawing, textOf) {
  const progress = classifier.progress.peek();
  if (progress !== null) return progress;
  if (drawing.empty) return "Nothing drawn yet.";
  if (!drawing.readable) return "Keep drawing.";
  if (classifier.error.peek()) return "It could not be read: see below.";
  const reading = classifier.reading.peek();
  if (!reading) return "Reading …";
  const share = textOf(reading.probabilities[reading.digit] ?? 0);
  return `Read as ${reading.digit}, ${share}.`;
}
