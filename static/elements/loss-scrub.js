/** @typedef {import("../models/rewind.js").Rewind} Rewind */

/** How far a finger moves before it is known to scrub and not to scroll, in CSS pixels. */
const TOUCH_SLACK = 6;

/**
 * Goes to the batch that is pressed or dragged to on the chart. Mouse and pen act at once; a finger
 * may be about to scroll the page, so that it acts once it has moved across, or is lifted.
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
    // As events of the mouse have it, by which the chart tells the batch that is pointed at.
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
