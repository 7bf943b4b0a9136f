/**
 * Whether addresses with that host work on this computer only.
 *
 * @param {string} hostname
 */
export const isOfThisComputer = (hostname) =>
  /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);

/** The page that watches a run. @param {string} id */
export const runAddress = (id) => `/?run=${encodeURIComponent(id)}`;
