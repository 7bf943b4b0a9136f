/**
 * What the reader has chosen, kept by the browser. One that keeps no data of sites refuses both: the
 * choice then lasts as long as the page.
 *
 * @type {Pick<Storage, "getItem" | "setItem">}
 */
export const storage = {
  getItem(key) {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  },

  setItem(key, value) {
    try {
      localStorage.setItem(key, value);
    } catch {
      // It is chosen all the same.
    }
  },
};
