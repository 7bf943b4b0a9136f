import { NumberPopover } from "./number-popover.js";

/** @typedef {import("./number-popover.js").Explanation} Explanation */

/** @type {NumberPopover | null} */
let shared = null;

/**
 * Makes a number explain itself: when pointed at, focused or tapped, it shows how it was computed.
 *
 * `give` is called when the explanation opens, and again when the number or a signal that `give`
 * reads changes; it returns null if there is nothing to explain. An element without a digit is no
 * number and cannot be focused. A field keeps its own keys.
 *
 * @param {HTMLElement} element holds the number and nothing else, or is a field
 * @param {() => Explanation | null} give
 * @param {AbortSignal} [signal] aborted when the element is no longer needed
 */
export function explain(element, give, signal) {
  shared ??= new NumberPopover();
  const popover = shared;
  const open = () => {
    if (element.tabIndex === 0) popover.open(element, give);
  };
  element.classList.add("explained");
  enable(element);
  const observer = new MutationObserver(() => {
    enable(element);
    if (element.tabIndex === 0) popover.refresh(element);
    else popover.close(element);
  });
  observer.observe(element, { characterData: true, childList: true, subtree: true });
  signal?.addEventListener(
    "abort",
    () => {
      observer.disconnect();
      popover.close(element);
    },
    { once: true },
  );
  element.addEventListener(
    "pointerenter",
    ({ pointerType }) => {
      // A tap arrives as a click.
      if (pointerType !== "touch") popover.openSoon(element, open);
    },
    { signal },
  );
  element.addEventListener("pointerleave", () => popover.closeSoon(element), { signal });
  element.addEventListener("focus", () => element.matches(":focus-visible") && open(), { signal });
  element.addEventListener("blur", () => popover.close(element), { signal });
  element.addEventListener("click", open, { signal });
  if (element instanceof HTMLInputElement) {
    element.addEventListener("input", () => popover.close(element), { signal });
    return;
  }
  element.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation(); // keeps the page's own keys out of it
      open();
    },
    { signal },
  );
}

/** @param {HTMLElement} element */
function enable(element) {
  if (element instanceof HTMLInputElement) return;
  const isNumber = /\d/.test(element.textContent ?? "");
  if (isNumber === element.hasAttribute("tabindex")) return;
  if (isNumber) {
    element.tabIndex = 0;
    element.setAttribute("role", "button");
  } else {
    element.removeAttribute("tabindex");
    element.removeAttribute("role");
  }
}
