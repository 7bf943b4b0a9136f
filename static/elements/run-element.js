import { effect } from "@preact/signals-core";
import { ContextRequest } from "./context.js";

/** @typedef {import("./context.js").App} App */

/**
 * The base of the page's elements. Everything that `connect` sets up (listeners, effects,
 * observers) ends with one AbortSignal when the element leaves the document.
 */
export class RunElement extends HTMLElement {
  /** @type {AbortController | null} */
  #lifetime = null;

  connectedCallback() {
    const lifetime = new AbortController();
    this.#lifetime = lifetime;
    this.dispatchEvent(new ContextRequest((app) => this.connect(app, lifetime.signal)));
  }

  disconnectedCallback() {
    this.#lifetime?.abort();
    this.#lifetime = null;
  }

  /**
   * @param {App} _app
   * @param {AbortSignal} _signal aborted when the element leaves the document
   */
  connect(_app, _signal) {
    throw new Error(`expected ${this.localName} to define connect()`);
  }

  /**
   * The element marked `data-part="name"` within this one.
   *
   * @template {Element} T
   * @param {string} name
   * @param {new () => T} type
   * @returns {T}
   */
  piece(name, type) {
    return this.find(`[data-part="${name}"]`, type);
  }

  /**
   * The button in this element with that `data-action`.
   *
   * @param {string} action
   */
  button(action) {
    return this.find(`[data-action="${action}"]`, HTMLButtonElement);
  }

  /**
   * @template {Element} T
   * @param {string} selector
   * @param {new () => T} type
   * @returns {T}
   */
  find(selector, type) {
    const found = this.querySelector(selector);
    if (found instanceof type) return found;
    throw new Error(`expected ${selector} to be a ${type.name} in ${this.localName}`);
  }
}

/**
 * The cell with that `data-cell` name, in a row made from a template.
 *
 * @param {HTMLElement} row
 * @param {string} name
 */
export function cell(row, name) {
  return /** @type {HTMLElement} */ (row.querySelector(`[data-cell="${name}"]`));
}

/**
 * Runs a function now and whenever a signal that it reads changes, until `signal` is aborted.
 *
 * @param {AbortSignal} signal
 * @param {() => void} run
 */
export function follow(signal, run) {
  const stop = effect(run);
  signal.addEventListener("abort", stop, { once: true });
}

/**
 * Calls back when the element comes into sight, goes out of sight or changes its size. An element
 * not seen since a run last moved is out of date: it is marked, so that it is not printed.
 *
 * @param {Element} element
 * @param {AbortSignal} signal
 * @param {{ sight?: (visible: boolean) => void, size?: () => void }} callbacks
 */
export function observe(element, signal, { sight, size }) {
  if (sight) {
    let isVisible = false;
    const observer = new IntersectionObserver((entries) => {
      isVisible = entries.at(-1)?.isIntersecting ?? false;
      if (isVisible) element.removeAttribute("data-unseen");
      sight(isVisible);
    });
    observer.observe(element);
    const connect = (/** @type {App} */ { moment }) => {
      follow(signal, () => {
        moment.value;
        element.toggleAttribute("data-unseen", !isVisible);
      });
    };
    element.dispatchEvent(new ContextRequest(connect));
    signal.addEventListener(
      "abort",
      () => {
        observer.disconnect();
        sight(false); // an element that has left the page is out of sight
      },
      { once: true },
    );
  }
  if (size) {
    const observer = new ResizeObserver(() => size());
    observer.observe(element);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  }
}

/**
 * Returns a function that schedules a paint, at most once a frame. While the run trains faster than
 * anyone reads, an element out of sight waits until it is seen again or printed, or the run pauses.
 * On a paused run all of the page is up to date, so nothing changes when the reader scrolls to it.
 *
 * @param {Element} element
 * @param {App} app
 * @param {() => void} paint
 * @param {AbortSignal} signal
 * @returns {() => void} call it when something has changed
 */
export function paintInSight(element, { run, painter, theme }, paint, signal) {
  let inSight = false;
  let isDue = false;
  const job = () => {
    isDue = false;
    paint();
  };
  const schedule = () => {
    const waits = !inSight && run.hurrying.peek() && !theme.printing.peek();
    if (isDue && !waits) painter.request(job);
  };
  observe(element, signal, {
    sight: (visible) => {
      inSight = visible;
      schedule();
    },
  });
  signal.addEventListener("abort", () => painter.cancel(job), { once: true });
  return () => {
    isDue = true;
    schedule();
  };
}

/**
 * Writes text only if it differs, to avoid needless layout and announcements. A text that is alone
 * in its element keeps its node: a new node would need its style computed.
 *
 * @param {Element} element
 * @param {string} text
 */
export function write(element, text) {
  const { firstChild } = element;
  if (firstChild instanceof Text && firstChild === element.lastChild) {
    if (firstChild.data !== text) firstChild.data = text;
  } else if (element.textContent !== text) element.textContent = text;
}

/**
 * Sets an attribute only if it differs: setting it again would recompute styles.
 *
 * @param {Element} element
 * @param {string} name
 * @param {string} value
 */
export function writeAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/**
 * Sets a list's choice only if it differs: after each choice the browser looks through all controls
 * of the page.
 *
 * @param {HTMLSelectElement} select
 * @param {string} value
 */
export function writeChoice(select, value) {
  if (select.value !== value) select.value = value;
}

/**
 * Hides or shows an element.
 *
 * @param {Element} element
 * @param {boolean} isHidden
 */
export function hide(element, isHidden) {
  element.toggleAttribute("hidden", isHidden);
}

/**
 * Whether two lists hold the same values, so that what they painted need not be painted again.
 *
 * @param {readonly unknown[]} now
 * @param {readonly unknown[]} before
 */
export function areSame(now, before) {
  return now.length === before.length && now.every((value, i) => value === before[i]);
}

/**
 * Moves the focus on from a button that disappears when pressed.
 *
 * @param {HTMLElement} button
 * @param {HTMLElement} next
 */
export function leave(button, next) {
  const { activeElement } = document;
  if (activeElement === button || activeElement === document.body) {
    next.focus({ preventScroll: true });
  }
}

/**
 * Lets its button and a click beside it close a dialog.
 *
 * @param {HTMLDialogElement} dialog
 * @param {AbortSignal} signal
 * @param {() => void} [close]
 */
export function closeByHand(dialog, signal, close = () => dialog.close()) {
  dialog.querySelector('[data-action="close"]')?.addEventListener("click", close, { signal });
  // It counts where the press began: selecting text may end outside, and the padding is not
  // outside.
  let isBeside = false;
  const begin = (/** @type {PointerEvent} */ { target, clientX: x, clientY: y }) => {
    const { left, right, top, bottom } = dialog.getBoundingClientRect();
    isBeside = target === dialog && (x < left || x > right || y < top || y > bottom);
  };
  dialog.addEventListener("pointerdown", begin, { signal });
  dialog.addEventListener("click", () => isBeside && close(), { signal });
}
