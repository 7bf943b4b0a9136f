/**
 * Elements that become what they are when they are first wanted: a dialog when it is opened, a
 * region when it comes near the window. Their modules are loaded with the first of them.
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
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      // Where it fails it is tried again the next time.
      load(name).then(() => observer.disconnect(), failed);
    },
    { rootMargin: NEAR },
  );
  for (const waiting of document.querySelectorAll(name)) observer.observe(waiting);
}
