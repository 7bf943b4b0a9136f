/**
 * The reader's choices, stored by the browser. A browser set to store no site data refuses both; a
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
      // The choice still holds for this page.
    }
  },
};
