import { parseColour, sequentialTable, signedTable } from "../draw/colours.js";

/**
 * The colours of the present theme's tokens, read from the style sheet; canvases use only these.
 *
 * @param {Document} document
 * @returns {import("../draw/colours.js").Theme}
 */
export function readColours(document) {
  // A custom property's computed value is not a colour, but that of an element using it is.
  const probe = document.createElement("span");
  // If the system forced its colours here, every picture would have a single colour.
  probe.style.forcedColorAdjust = "none";
  document.body.append(probe);
  const colour = (/** @type {string} */ token) => {
    probe.style.color = `var(--${token})`;
    return getComputedStyle(probe).color;
  };
  const rgb = (/** @type {string} */ token) => parseColour(colour(token));
  const theme = {
    ink: colour("ink"),
    muted: colour("muted"),
    hairline: colour("hairline"),
    panel: colour("panel"),
    accent: colour("accent"),
    sequential: colour("sequential"),
    runs: [1, 2, 3, 4].map((slot) => colour(`run-${slot}`)),
    font: getComputedStyle(document.body).fontFamily,
    signed: signedTable(rgb("negative"), rgb("zero"), rgb("positive")),
    unsigned: sequentialTable(rgb("zero"), rgb("sequential")),
    pixels: sequentialTable(rgb("panel"), rgb("ink")),
  };
  probe.remove();
  return theme;
}

/**
 * @param {Document} document
 * @param {import("../models/theme.js").ThemeChoice} choice
 * @param {boolean} dark whether the choice means dark now
 */
export function applyTheme(document, choice, dark) {
  if (choice === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = dark ? "dark" : "light";
}
