/**
 * This far beyond the screen counts as in sight, so that what is scrolled to has arrived by then.
 */
const AHEAD = "48px 0px";

/**
 * Reports which part of a stack of bands is in sight.
 *
 * @param {Element} holder of the bands
 * @param {AbortSignal} signal
 * @param {(part: { from: number, to: number } | null) => void} changed called with shares of the
 *   height, 0 to 1; null if no band is in sight
 */
export function observeBands(holder, signal, changed) {
  const bands = [...holder.children];
  const inSight = bands.map(() => false);
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        inSight[bands.indexOf(target)] = isIntersecting;
      }
      const [first, last] = [inSight.indexOf(true), inSight.lastIndexOf(true)];
      const count = bands.length;
      changed(first < 0 ? null : { from: first / count, to: (last + 1) / count });
    },
    { rootMargin: AHEAD },
  );
  for (const band of bands) observer.observe(band);
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
}
