/**
 * Elements that become what they are when they are first wanted: a dialog when it is opened, a
 * region when it comes near the window or Tab is pressed. Their modules are loaded with the first
 * of them.
 */

/** How far outside the window a region is loaded. */
const NEAR = "300px 0px";

/**
 * Makes the elements of that name what they are. A region is `inert` until then.
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
      // Where it fails it is tried again the next time.
      if (entries.some((entry) => entry.isIntersecting)) now().catch(failed);
    },
    { rootMargin: NEAR },
  );
  loaded.signal.addEventListener("abort", () => observer.disconnect());
  for (const waiting of document.querySelectorAll(name)) observer.observe(waiting);
  // Keys lead on to what is far off, and would pass over it while it is inert.
  const byKeys = (/** @type {KeyboardEvent} */ { key }) => key === "Tab" && now().catch(() => {});
  document.addEventListener("keydown", byKeys, { signal: loaded.signal });
}
