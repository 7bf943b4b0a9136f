/**
 * Loads elements when they are first needed: a dialog when it is opened, a region when it comes
 * near the window or Tab is pressed. Their modules are loaded together, with the first of them.
 */

/** A region is loaded when it is this near to the window. */
const NEAR = "300px 0px";

/**
 * Defines the custom element of that name. A region is `inert` until then.
 *
 * @param {string} name
 */
export async function load(name) {
  const element = (await import("./later.js")).ELEMENTS[name];
  if (!element || customElements.get(name)) return;
  customElements.define(name, element);
  for (const waiting of document.querySelectorAll(name)) waiting.removeAttribute("inert");
}

/**
 * @param {string} name
 * @param {(error: unknown) => void} failed
 */
export function loadWhenNear(name, failed) {
  const loaded = new AbortController();
  const now = () => load(name).then(() => loaded.abort());
  const observer = new IntersectionObserver(
    (entries) => {
      // If loading fails, it is tried again the next time.
      if (entries.some((entry) => entry.isIntersecting)) now().catch(failed);
    },
    { rootMargin: NEAR },
  );
  loaded.signal.addEventListener("abort", () => observer.disconnect());
  for (const waiting of document.querySelectorAll(name)) observer.observe(waiting);
  // The Tab key would skip a region that is still inert.
  const byKeys = (/** @type {KeyboardEvent} */ { key }) => key === "Tab" && now().catch(() => {});
  document.addEventListener("keydown", byKeys, { signal: loaded.signal });
}
