import { formatValue } from "../format.js";
import { PixelBuffer } from "./canvas.js";

/**
 * @typedef {import("./canvas.js").Size} Size
 * @typedef {import("./colours.js").Theme} Theme
 */

/**
 * The ticks of a legend: their places between 0 and 1, and their labels. On a square-root scale, a
 * quarter of the end's value lies halfway from zero to the end. The scale is fixed throughout the
 * run, so values may lie beyond its ends; they get the colours of the ends.
 *
 * @param {number} scale
 * @param {"signed" | "unsigned"} coding
 * @returns {{ at: number, text: string }[]}
 */
export function legendTicks(scale, coding) {
  const full = formatValue(scale);
  const quarter = formatValue(scale / 4);
  if (coding === "unsigned") {
    return [
      { at: 0, text: "0" },
      { at: 0.5, text: quarter },
      { at: 1, text: `≥ ${full}` },
    ];
  }
  return [
    { at: 0, text: `≤ −${full}` },
    { at: 0.25, text: `−${quarter}` },
    { at: 0.5, text: "0" },
    { at: 0.75, text: `+${quarter}` },
    { at: 1, text: `≥ +${full}` },
  ];
}

/**
 * The scale in words.
 *
 * @param {number} scale
 * @param {"signed" | "unsigned"} coding
 */
export function legendText(scale, coding) {
  const full = formatValue(scale);
  return coding === "signed"
    ? `from −${full} or less (orange) through 0 to +${full} or more (blue), on a square-root scale`
    : `from 0 to ${full} or more, on a square-root scale`;
}

/** Draws the colour bar with the same table as the images. */
export function legendPainter() {
  const buffer = new PixelBuffer();

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {{ scale: number, coding: "signed" | "unsigned" }} legend
   * @param {Size} size
   * @param {Theme} theme
   */
  return function drawLegend(context, { scale, coding }, size, theme) {
    const first = coding === "signed" ? 1 : 0;
    const table = coding === "signed" ? theme.signed : theme.unsigned;
    buffer.resize(256 - first, 1).set(table.subarray(first));
    const inset = 22;
    const width = size.width - 2 * inset;
    const barHeight = 9;
    context.imageSmoothingEnabled = false;
    context.drawImage(buffer.source, inset, 0, width, barHeight);
    context.font = `11px ${theme.font}`;
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    context.fillStyle = theme.muted;
    const ticks = legendTicks(scale, coding);
    const widest = Math.max(...ticks.map(({ text }) => context.measureText(text).width));
    const crowded = widest + 6 > width / (ticks.length - 1);
    ticks.forEach(({ at, text }, i) => {
      const x = inset + at * width;
      context.fillRect(Math.round(x) - 0.5, barHeight, 1, 3);
      // If there is no room for all labels, only the ends and the middle get one.
      if (crowded && i % 2 === 1) return;
      // Labels at the ends stay on the canvas, however long they are.
      const half = context.measureText(text).width / 2;
      const middle = Math.min(Math.max(x, half), size.width - half);
      context.fillText(text, middle, size.height - 2);
    });
  };
}
