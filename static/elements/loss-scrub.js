/** @typedef {import("../models/rewind.js").Rewind} Rewind */

/** How far a finger must move, in CSS pixels, before it scrubs instead of scrolling. */
const TOUCH_SLACK = 6;

/**
 * Goes to the batch pressed or dragged to on the chart. Mouse and pen act at once. A finger may be
 * about to scroll the page, so it acts only once it has moved sideways or is lifted.
 *
 * @param {HTMLElement} holder
 * @param {(clientX: number) => number | null} batchAt
 * @param {Rewind} rewind
 * @param {AbortSignal} signal
 */
export function scrub(holder, batchAt, rewind, signal) {
  /** @type {{ id: number, x: number, moved: boolean } | null} */
  let press = null;
  const go = (/** @type {PointerEvent} */ event) => {
    // Rounded down, like the mouse events from which the chart finds the batch pointed at.
    const batch = batchAt(Math.floor(event.clientX));
    if (batch !== null) rewind.to(batch);
  };
  holder.addEventListener(
    "pointerdown",
    (event) => {
      const plot = event.target instanceof Element ? event.target.closest(".u-over") : null;
      if (!plot || !event.isPrimary || event.button !== 0) return;
      press = { id: event.pointerId, x: event.clientX, moved: event.pointerType !== "touch" };
      plot.setPointerCapture(event.pointerId);
      if (press.moved) go(event);
    },
    { signal },
  );
  holder.addEventListener(
    "pointermove",
    (event) => {
      if (press?.id !== event.pointerId) return;
      press.moved ||= Math.abs(event.clientX - press.x) > TOUCH_SLACK;
      if (press.moved) go(event);
    },
    { signal },
  );
  holder.addEventListener(
    "pointerup",
    (event) => {
      if (press?.id !== event.pointerId) return;
      press = null;
      go(event);
    },
    { signal },
  );
  holder.addEventListener(
    "pointercancel",
    () => {
      press = null;
    },
    { signal },
  );
}
