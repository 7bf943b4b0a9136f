/**
 * @typedef {"play" | "step_phase" | "step_batch" | "step_epoch" | "back" | "reset" | "keys"} KeyAction
 * @typedef {{ action: KeyAction, key: string, shift: boolean, label: string, does: string }} Shortcut
 */

/** @type {readonly Shortcut[]} */
export const SHORTCUTS = [
  { action: "play", key: " ", shift: false, label: "Space", does: "play or pause" },
  { action: "step_phase", key: "ArrowRight", shift: false, label: "→", does: "step one phase" },
  {
    action: "step_batch",
    key: "ArrowRight",
    shift: true,
    label: "Shift →",
    does: "step one batch",
  },
  { action: "step_epoch", key: "e", shift: false, label: "E", does: "step one epoch" },
  { action: "back", key: "ArrowLeft", shift: false, label: "←", does: "back one batch" },
  { action: "reset", key: "r", shift: false, label: "R", does: "reset to batch 0" },
  { action: "keys", key: "?", shift: true, label: "?", does: "show or hide this list" },
];

/**
 * Roles that use keys themselves (typing, arrows, space) before the page does; a focused group
 * scrolls.
 */
const OWN_KEYS = new Set(["slider", "tab", "textbox", "combobox", "spinbutton", "radio", "group"]);

/** Elements that use Space themselves. */
const OWN_SPACE = new Set(["button", "summary", "a"]);

/**
 * @typedef {object} KeyPress
 * @property {string} key
 * @property {boolean} shiftKey
 * @property {boolean} ctrlKey
 * @property {boolean} altKey
 * @property {boolean} metaKey
 * @property {boolean} repeat
 */

/** @typedef {{ tag: string, role: string | null, editable: boolean }} KeyTarget */

/**
 * The action that a key press asks for; null if the key belongs to a field, a slider or the
 * browser.
 *
 * @param {KeyPress} press
 * @param {KeyTarget} target what has the focus
 * @returns {KeyAction | null}
 */
export function actionOf(press, target) {
  if (press.ctrlKey || press.altKey || press.metaKey) return null;
  if (target.editable || OWN_KEYS.has(target.role ?? "")) return null;
  if (["input", "select", "textarea"].includes(target.tag)) return null;
  if ((press.key === " " || press.key === "Enter") && OWN_SPACE.has(target.tag)) return null;
  const found = SHORTCUTS.find((shortcut) => matches(shortcut, press));
  if (!found) return null;
  // A held key repeats steps, but must not repeat Play, Pause or Reset.
  const repeatable = found.action === "step_phase" || found.action === "step_batch";
  return press.repeat && !repeatable ? null : found.action;
}

/**
 * @param {Shortcut} shortcut
 * @param {KeyPress} press
 */
function matches(shortcut, press) {
  // Only some keyboards need Shift for the question mark.
  if (shortcut.key === "?") return press.key === "?";
  return (
    shortcut.key.toLowerCase() === press.key.toLowerCase() && shortcut.shift === press.shiftKey
  );
}
