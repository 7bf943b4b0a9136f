import { effect, signal } from "@preact/signals-core";
import { helpersOf } from "../models/explanations/helpers.js";
import { areSame, write } from "./run-element.js";

/** @typedef {import("../models/explanations/source.js").Explanation} Explanation */

/** @typedef {() => Explanation | null} Give */

/** Long enough that a pointer passing over opens nothing. */
const OPEN_AFTER_MS = 200;

/** Long enough to move the pointer from the number onto its explanation. */
const CLOSE_AFTER_MS = 250;

const GAP = 8;

/** How far a key scrolls an explanation that is too tall for its room, in CSS pixels. */
const SCROLLED_BY = /** @type {{ [key: string]: number }} */ ({ ArrowDown: 40, ArrowUp: -40 });

/** The text around a number stays uncovered if it is no taller than this, in CSS pixels. */
const TALLEST_KEPT = 72;

/** The explanation of the number that is pointed at or focused: one at a time in a document. */
export class NumberPopover {
  #box = document.createElement("div");
  #formula = document.createElement("p");
  #address = document.createElement("code");
  #numpy = document.createElement("code");
  #helpers = document.createElement("code");
  #asked = signal(0);
  /** The texts shown. @type {readonly string[]} */
  #texts = [];
  /** @type {HTMLElement | null} */
  #element = null;
  /** The element's other descriptions (its `aria-describedby` before). */
  #described = "";
  /** @type {AbortController | null} */
  #lifetime = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  constructor() {
    const box = this.#box;
    box.id = "number-popover";
    box.className = "number-popover";
    box.setAttribute("role", "tooltip");
    box.setAttribute("popover", "manual");
    this.#formula.className = "number-formula";
    box.append(
      this.#formula,
      ...labelled("from", this.#address),
      ...labelled("NumPy", this.#numpy),
      ...labelled("where", this.#helpers),
    );
    this.#formula.dataset.part = "formula";
    this.#address.dataset.part = "address";
    this.#numpy.dataset.part = "numpy";
    this.#helpers.dataset.part = "helpers";
    box.addEventListener("pointerenter", () => clearTimeout(this.#timer));
    box.addEventListener("pointerleave", () => this.#element && this.closeSoon(this.#element));
  }

  /**
   * @param {HTMLElement} element
   * @param {() => void} open
   */
  openSoon(element, open) {
    clearTimeout(this.#timer);
    if (this.#element !== element) this.#timer = setTimeout(open, OPEN_AFTER_MS);
  }

  /**
   * @param {HTMLElement} element
   * @param {Give} give
   */
  open(element, give) {
    clearTimeout(this.#timer);
    if (this.#element === element) return;
    if (this.#element) this.close(this.#element);
    const lifetime = new AbortController();
    this.#lifetime = lifetime;
    this.#element = element;
    this.#described = element.getAttribute("aria-describedby") ?? "";
    element.setAttribute("aria-describedby", `${this.#described} ${this.#box.id}`.trim());
    // Nothing outside a modal dialog can be pointed at, so the box goes inside it.
    (element.closest("dialog, main") ?? document.body).append(this.#box);
    const stop = effect(() => {
      this.#asked.value;
      this.#show(element, give());
    });
    lifetime.signal.addEventListener("abort", stop, { once: true });
    this.#listen(element, lifetime.signal);
  }

  /**
   * Call this when the number has changed.
   *
   * @param {HTMLElement} element
   */
  refresh(element) {
    if (this.#element === element) this.#asked.value += 1;
  }

  /** @param {HTMLElement} element */
  closeSoon(element) {
    clearTimeout(this.#timer);
    if (element.matches(":focus-visible")) return;
    this.#timer = setTimeout(() => this.close(element), CLOSE_AFTER_MS);
  }

  /** @param {HTMLElement} element */
  close(element) {
    if (this.#element !== element) return;
    clearTimeout(this.#timer);
    this.#lifetime?.abort();
    this.#element = null;
    if (this.#described === "") element.removeAttribute("aria-describedby");
    else element.setAttribute("aria-describedby", this.#described);
    this.#box.remove();
  }

  /**
   * @param {HTMLElement} element
   * @param {AbortSignal} signal
   */
  #listen(element, signal) {
    const options = { signal, capture: true };
    document.addEventListener(
      "keydown",
      (event) => {
        const by = document.activeElement === element ? (SCROLLED_BY[event.key] ?? 0) : 0;
        const scrolls = by !== 0 && this.#box.scrollHeight > this.#box.clientHeight;
        if (event.key !== "Escape" && !scrolls) return;
        event.preventDefault(); // scrolls or closes only this, not the page or the dialog around it
        event.stopPropagation();
        if (scrolls) this.#box.scrollBy(0, by);
        else this.close(element);
      },
      options,
    );
    document.addEventListener(
      "pointerdown",
      ({ target }) => {
        const inside = target instanceof Node && (element.contains(target) || this.#holds(target));
        if (!inside) this.close(element);
      },
      options,
    );
    document.addEventListener(
      "scroll",
      ({ target }) => {
        if (!(target instanceof Node && this.#holds(target))) this.#place(element);
      },
      options,
    );
    window.addEventListener("resize", () => this.#place(element), { signal });
  }

  /** @param {Node} node */
  #holds(node) {
    return this.#box.contains(node);
  }

  /**
   * @param {HTMLElement} element
   * @param {Explanation | null} explanation
   */
  #show(element, explanation) {
    if (!explanation || !element.isConnected) {
      this.#box.hidePopover();
      return;
    }
    const { formula, address, numpy } = explanation;
    const texts = [formula, address, numpy, helpersOf(explanation, location.origin)];
    const isOpen = this.#box.matches(":popover-open");
    // This runs with every frame, and placing the box lays out the page.
    if (isOpen && areSame(texts, this.#texts)) return;
    this.#texts = texts;
    const places = [this.#formula, this.#address, this.#numpy, this.#helpers];
    places.forEach((place, i) => {
      write(place, texts[i] ?? "");
    });
    if (!isOpen) this.#box.showPopover();
    this.#place(element);
  }

  /**
   * Places the box below the number if there is room, else above; never over the number or its
   * text.
   *
   * @param {HTMLElement} element
   */
  #place(element) {
    const { style } = this.#box;
    const number = element.getBoundingClientRect();
    const { top, bottom } = keptInSight(element, number);
    const { clientWidth, clientHeight } = document.documentElement;
    style.maxHeight = "";
    const { width, height } = this.#box.getBoundingClientRect();
    const below = clientHeight - bottom - 2 * GAP;
    const above = top - 2 * GAP;
    const under = height <= below || below >= above;
    const room = Math.max(under ? below : above, 0);
    const tall = Math.min(height, room);
    style.maxHeight = `${room}px`;
    style.top = `${under ? bottom + GAP : top - GAP - tall}px`;
    const middle = number.left + number.width / 2 - width / 2;
    style.left = `${Math.max(GAP, Math.min(middle, clientWidth - GAP - width))}px`;
  }
}

/**
 * The box of the text around the number (a caption, a value's name), or of the number if that is
 * too tall.
 *
 * @param {HTMLElement} element
 * @param {DOMRect} number
 */
function keptInSight(element, number) {
  const around = document.createRange();
  around.selectNodeContents(element.closest("p, li, td, figcaption") ?? element);
  const words = around.getBoundingClientRect();
  return words.height > number.height && words.height <= TALLEST_KEPT ? words : number;
}

/**
 * @param {string} text
 * @param {HTMLElement} code
 */
function labelled(text, code) {
  const label = document.createElement("p");
  label.className = "number-label";
  label.textContent = text;
  return [label, code];
}
