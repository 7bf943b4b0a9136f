// What the charts of losses over batches share: axes, cursor, marks of changes, and marks of losses
// above the axis.

import uPlot from "uplot";
import { lossAxis } from "./axis.js";
import { drawAbove } from "./loss-end.js";

/** @typedef {import("./colours.js").Theme} Theme */

/**
 * @typedef {object} Mark a change, at its batch
 * @property {number} batch
 * @property {string} words
 * @property {string} colour
 * @property {readonly number[]} dash CSS pixels
 */

/**
 * @typedef {object} ChartParts
 * @property {() => Theme} theme
 * @property {boolean} logarithmic whether the loss is on a logarithmic axis
 * @property {() => [number, number]} across the range of the batches
 * @property {() => [number, number]} ends of the axis of the losses
 * @property {number} markRows
 * @property {uPlot.Series[]} series
 * @property {{ drawAxes: (plot: uPlot) => void, draw: (plot: uPlot) => void }} hooks
 * @property {() => number} reached the last batch that can be pointed at
 * @property {(batch: number | null) => void} pointed
 */

/** Steps between the labels of batches: whole numbers, as there is no batch 2.5. */
const BATCH_STEPS = [0, 1, 2, 3, 4, 5, 6].flatMap((n) => [1, 2, 5].map((digit) => digit * 10 ** n));
const MARK_ROW_HEIGHT = 14;
/** The gap under the words, into which the label at the axis's end reaches. */
const MARK_GAP = 8;
/** The room on the right for half of the label at the axis's end, such as "60,000". */
const HALF_LABEL = 22;

/**
 * A chart of losses that fills its holder.
 *
 * @param {HTMLElement} holder
 * @param {uPlot.AlignedData} data
 * @param {ChartParts} parts
 */
export function lossPlot(holder, data, parts) {
  const { theme, logarithmic, across, ends, markRows, series, hooks, reached, pointed } = parts;
  const font = `11px ${theme().font}`;
  const axis = { stroke: () => theme().muted, font, ticks: { show: false } };
  const grid = { stroke: () => theme().hairline, width: 1 };
  const options = {
    width: holder.clientWidth,
    height: holder.clientHeight,
    padding: /** @type {uPlot.Padding} */ ([
      markRows * MARK_ROW_HEIGHT + MARK_GAP,
      HALF_LABEL,
      0,
      0,
    ]),
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false, setScale: false }, points: { show: false } },
    scales: {
      x: { time: false, range: across },
      y: { distr: logarithmic ? 3 : 1, range: ends },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 24, gap: 4, space: 60, incrs: BATCH_STEPS },
      { ...axis, grid, ...lossAxis(logarithmic) },
    ],
    series: [{}, ...series],
    hooks: {
      drawAxes: [hooks.drawAxes],
      draw: [hooks.draw],
      setCursor: [(/** @type {uPlot} */ plot) => pointed(pointedBatch(plot, reached()))],
    },
  };
  return new uPlot(options, data, holder);
}

/**
 * @param {uPlot} plot
 * @param {{ width: number, height: number }} size
 */
export function resizePlot(plot, { width, height }) {
  if (width !== plot.width || height !== plot.height) plot.setSize({ width, height });
}

/**
 * @param {uPlot} plot
 * @param {number} reached
 */
function pointedBatch(plot, reached) {
  const { left } = plot.cursor;
  if (left == null || left < 0 || reached === 0) return null;
  return Math.min(Math.max(Math.round(plot.posToVal(left, "x")), 1), reached);
}

/**
 * Draws the changes, each at its batch, under the lines.
 *
 * @param {uPlot} plot
 * @param {readonly Mark[]} marks sorted by batch
 * @param {number} rows how many rows there are for words
 * @param {Theme} theme
 */
export function drawMarks(plot, marks, rows, theme) {
  const { ctx, bbox } = plot;
  const ratio = uPlot.pxRatio;
  ctx.save();
  ctx.lineWidth = ratio;
  ctx.font = `${11 * ratio}px ${theme.font}`;
  ctx.textBaseline = "alphabetic";
  ctx.textAlign = "left";
  const ends = Array.from({ length: rows }, () => -1);
  for (const { batch, words, colour, dash } of marks) {
    const x = Math.round(plot.valToPos(batch, "x", true)) + 0.5;
    if (x < bbox.left - 1 || x > bbox.left + bbox.width + 1) continue;
    ctx.strokeStyle = colour;
    ctx.setLineDash(dash.map((part) => part * ratio));
    drawUpright(plot, x);
    const text = shortened(ctx, words, ctx.canvas.width);
    const width = ctx.measureText(text).width;
    const left = Math.max(0, Math.min(x - width / 2, bbox.left + bbox.width - width));
    const row = ends.findIndex((end) => left > end);
    if (row < 0) continue; // no room for words: the line is drawn, the history has them
    ends[row] = left + width + 6 * ratio;
    ctx.fillStyle = theme.muted;
    ctx.fillText(text, left, bbox.top - (MARK_GAP + row * MARK_ROW_HEIGHT) * ratio);
  }
  ctx.restore();
}

/**
 * A line from the top of the chart to its axis.
 *
 * @param {uPlot} plot
 * @param {number} x canvas pixels
 */
export function drawUpright({ ctx, bbox }, x) {
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
}

/**
 * Marks where the losses of some batches lie above the end of the axis.
 *
 * @param {uPlot} plot
 * @param {{ batches: ArrayLike<number>, losses: ArrayLike<number | null | undefined>, end: number }} points
 * @param {{ fill: string, outline?: string }} colours
 */
export function markAbove(plot, { batches, losses, end }, { fill, outline }) {
  const { ctx, bbox } = plot;
  const ratio = uPlot.pxRatio;
  const above = Array.from(batches).filter((_, i) => (losses[i] ?? 0) > end);
  const places = above.map((batch) => plot.valToPos(batch, "x", true));
  ctx.save();
  ctx.fillStyle = fill;
  ctx.strokeStyle = outline ?? fill;
  ctx.lineWidth = 1.5 * ratio;
  drawAbove(ctx, places, { top: bbox.top, ratio, hollow: outline !== undefined });
  ctx.restore();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} room
 */
function shortened(context, text, room) {
  let short = text;
  while (context.measureText(short).width > room && short.includes(", ")) {
    short = `${short.slice(0, short.lastIndexOf(", "))} …`;
  }
  return short;
}
