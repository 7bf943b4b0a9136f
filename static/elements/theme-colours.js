import { parseColour, sequentialTable, signedTable } from "../draw/colours.js";

/**
 * The colours of the tokens in force, read from the style sheet: the canvases use no others.
 *
 * @param {Document} document
 * @returns {import("../draw/colours.js").Theme}
 */
export function readColours(document) {
  // A custom property is not computed to a colour, but the colour of an element that uses it is.
  const probe = document.createElement("span");
  // Where the reader's system sets the colours, a picture would be of one colour throughout.
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
 * @param {boolean} dark what the choice comes to now
 */
export function applyTheme(document, choice, dark) {
  if (choice === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = dark ? "dark" : "light";
}
