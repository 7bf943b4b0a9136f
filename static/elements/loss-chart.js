import uPlot from "uplot";
import { LEAST, lossAxis, lowerEnd, upperEnd } from "../draw/axis.js";
import { decimate } from "../draw/decimate.js";
import { countAbove, drawAbove, highestOf, neededEnd, roundEnd } from "../draw/loss-end.js";
import { markOf } from "../models/changes.js";

/**
 * @typedef {import("../draw/colours.js").Theme} Theme
 * @typedef {import("../models/above.js").Above} Above
 * @typedef {import("../models/series.js").SeriesStore} SeriesStore
 * @typedef {import("../protocol/types.js").Action} Action
 */

/**
 * @typedef {object} ChartData
 * @property {SeriesStore} series
 * @property {readonly Action[]} actions
 * @property {number} batch where the marker stands; what lies ahead of it is drawn fainter
 * @property {number} reach the last batch there is, or that a recipe leads to
 * @property {number} epochLength batches
 */

/** Points drawn for each CSS pixel across, at most. */
const POINTS_PER_PIXEL = 2;
const MARK_ROWS = 2;

/** The axis is at least this many batches long, so that its ticks are whole numbers. */
const MARKED_AT_LEAST = 10;

/** As many batches across are enough for the beginning of a long epoch. */
const FIRST_BATCHES = [10, 100, 1000, 10_000].flatMap((power) => [
  2 * power,
  5 * power,
  10 * power,
]);

const MARK_ROW_HEIGHT = 14;
/** Under the words: the label at the axis's end reaches up so far. */
const MARK_GAP = 8;

/** To the right: the label at the axis's end, "60,000", reaches out so far. */
const HALF_LABEL = 22;

/** How much of what lies ahead of the marker shows through. */
const AHEAD_ALPHA = 0.35;

/**
 * The loss of every batch, its smoothed line, the test losses, what was changed and where the run
 * is now. It draws what it is given; the series may lie beyond the present batch after a step back.
 */
export class LossChart {
  #plot;
  #logarithmic;
  /** @type {ChartData | null} */
  #data = null;
  #upperEnd = roundEnd(0, 0);
  /** @type {Theme} */
  #theme;

  /**
   * @param {HTMLElement} holder
   * @param {Theme} theme
   * @param {boolean} logarithmic whether the loss is on a logarithmic axis
   * @param {(batch: number | null) => void} pointed
   */
  constructor(holder, theme, logarithmic, pointed) {
    this.#theme = theme;
    this.#logarithmic = logarithmic;
    const size = { width: holder.clientWidth, height: holder.clientHeight };
    this.#plot = new uPlot(this.#options(size, pointed), [[], [], []], holder);
  }

  /** @param {Theme} theme */
  set theme(theme) {
    this.#theme = theme;
    this.#plot.redraw(false, true);
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  resize(width, height) {
    if (width !== this.#plot.width || height !== this.#plot.height) {
      this.#plot.setSize({ width, height });
    }
  }

  /**
   * @param {ChartData} data
   * @returns {Above | null} null where the axis holds all
   */
  show(data) {
    this.#data = data;
    const { batches, loss, smooth, tests } = data.series;
    const most = Math.max(64, Math.round(this.#plot.width * POINTS_PER_PIXEL));
    const { x, y, line } = decimate(batches, loss, smooth, most);
    // Zero has no place on a logarithmic axis; it is drawn at the lower end.
    const shown = this.#logarithmic ? y.map((value) => Math.max(value, LEAST)) : y;
    const testLosses = tests.map((test) => test.loss);
    const highest = Math.max(highestOf(y), highestOf(testLosses));
    const end = this.#logarithmic
      ? upperEnd(highest)
      : roundEnd(neededEnd(data.series), this.#upperEnd);
    this.#upperEnd = end;
    // At once, so that `span` knows the new scales.
    this.#plot.batch(() => this.#plot.setData([x, shown, line]));
    if (highest <= end) return null;
    return { end, losses: countAbove(loss, end), tests: countAbove(testLosses, end), highest };
  }

  /**
   * The batch at a place across the window.
   *
   * @param {number} clientX CSS pixels
   */
  batchAt(clientX) {
    const { left } = this.#plot.over.getBoundingClientRect();
    const batch = Math.round(this.#plot.posToVal(clientX - left, "x"));
    return Math.min(Math.max(batch, 0), this.#data?.reach ?? 0);
  }

  /** Where the batches lie across the chart, in CSS pixels from its left edge: 0 and `reach`. */
  get span() {
    // As the chart knows it: to ask the page for it would have it laid out in every frame.
    const left = this.#plot.bbox.left / uPlot.pxRatio;
    const place = (/** @type {number} */ batch) => left + this.#plot.valToPos(batch, "x");
    return { from: place(0), to: place(this.#data?.reach ?? 0) };
  }

  destroy() {
    this.#plot.destroy();
  }

  /**
   * @param {{ width: number, height: number }} size
   * @param {(batch: number | null) => void} pointed
   * @returns {uPlot.Options}
   */
  #options(size, pointed) {
    const muted = () => this.#theme.muted;
    const hairline = () => this.#theme.hairline;
    const ink = () => this.#theme.ink;
    const font = `11px ${this.#theme.font}`;
    const grid = { stroke: hairline, width: 1 };
    const ticks = { show: false };
    return {
      ...size,
      padding: [MARK_ROWS * MARK_ROW_HEIGHT + MARK_GAP, HALF_LABEL, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false, setScale: false }, points: { show: false } },
      scales: {
        x: { time: false, range: () => this.#acrossRange() },
        y: this.#logarithmic
          ? { distr: 3, range: (_plot, min) => [lowerEnd(min), this.#upperEnd] }
          : { range: () => [0, this.#upperEnd] },
      },
      axes: [
        { stroke: muted, font, grid: { show: false }, ticks, size: 24, gap: 4, space: 60 },
        { stroke: muted, font, grid, ticks, ...lossAxis(this.#logarithmic) },
      ],
      series: [
        {},
        { stroke: muted, alpha: 0.55, width: 1, points: { show: false } },
        { stroke: ink, width: 1.75, points: { show: isAlone, fill: ink, size: 8 } },
      ],
      hooks: {
        drawAxes: [(plot) => this.#drawMarks(plot)],
        draw: [(plot) => this.#drawAbove(plot), (plot) => this.#drawPoints(plot)],
        setCursor: [(plot) => pointed(this.#pointedBatch(plot))],
      },
    };
  }

  /**
   * Whole epochs, so that the axis moves only when one begins; less of the first while it is slow.
   *
   * @returns {[number, number]}
   */
  #acrossRange() {
    const length = Math.max(this.#data?.epochLength ?? 0, MARKED_AT_LEAST);
    const reached = Math.max(this.#data?.series.length ?? 0, this.#data?.reach ?? 0, 1);
    const short = FIRST_BATCHES.find((batches) => reached <= batches && batches < length);
    return [0, short ?? Math.ceil(reached / length) * length];
  }

  /** @param {uPlot} plot */
  #pointedBatch(plot) {
    const { left } = plot.cursor;
    const length = this.#data?.series.length ?? 0;
    if (left == null || left < 0 || length === 0) return null;
    const batch = Math.round(plot.posToVal(left, "x"));
    return Math.min(Math.max(batch, 1), length);
  }

  /**
   * What was changed and where, under the lines.
   *
   * @param {uPlot} plot
   */
  #drawMarks(plot) {
    if (!this.#data) return;
    const { ctx, bbox } = plot;
    const ratio = uPlot.pxRatio;
    ctx.save();
    ctx.lineWidth = ratio;
    ctx.font = `${11 * ratio}px ${this.#theme.font}`;
    ctx.textBaseline = "alphabetic";
    ctx.textAlign = "left";
    const ends = Array.from({ length: MARK_ROWS }, () => -1);
    for (const action of this.#data.actions) {
      const words = markOf(action);
      if (words === "") continue;
      const x = Math.round(plot.valToPos(action.batch, "x", true)) + 0.5;
      if (x < bbox.left - 1 || x > bbox.left + bbox.width + 1) continue;
      ctx.strokeStyle = this.#theme.muted;
      ctx.setLineDash([3 * ratio, 3 * ratio]);
      line(ctx, x, bbox.top, bbox.top + bbox.height);
      const text = shortened(ctx, words, ctx.canvas.width);
      const width = ctx.measureText(text).width;
      const left = Math.max(0, Math.min(x - width / 2, bbox.left + bbox.width - width));
      const row = ends.findIndex((end) => left > end);
      if (row < 0) continue; // no room for its words: the line stays, the list of changes has it
      ends[row] = left + width + 6 * ratio;
      ctx.fillStyle = this.#theme.muted;
      ctx.fillText(text, left, bbox.top - (MARK_GAP + row * MARK_ROW_HEIGHT) * ratio);
    }
    ctx.restore();
  }

  /**
   * Where losses lie above the axis, in the colours of the lines: the mean's where it does too.
   *
   * @param {uPlot} plot
   */
  #drawAbove(plot) {
    if (!this.#data) return;
    const { ctx, bbox, data } = plot;
    const end = this.#upperEnd;
    const how = { top: bbox.top, ratio: uPlot.pxRatio };
    const place = (/** @type {number} */ batch) => plot.valToPos(batch, "x", true);
    const [x, losses = [], means = []] = data;
    ctx.save();
    for (const [values, colour] of /** @type {const} */ ([
      [losses, this.#theme.muted],
      [means, this.#theme.ink],
    ])) {
      ctx.fillStyle = colour;
      drawAbove(ctx, [...x].filter((_, i) => (values[i] ?? 0) > end).map(place), how);
    }
    ctx.fillStyle = this.#theme.panel;
    ctx.strokeStyle = this.#theme.ink;
    ctx.lineWidth = 1.5 * uPlot.pxRatio;
    const tests = this.#data.series.tests.filter(({ loss }) => loss > end);
    const places = tests.map(({ batch }) => place(batch));
    drawAbove(ctx, places, { ...how, hollow: true });
    ctx.restore();
  }

  /**
   * The test losses and the present batch, above the lines; what lies ahead fades.
   *
   * @param {uPlot} plot
   */
  #drawPoints(plot) {
    if (!this.#data) return;
    const { ctx, bbox } = plot;
    const ratio = uPlot.pxRatio;
    const { batch: present, reach } = this.#data;
    const now = plot.valToPos(present, "x", true);
    ctx.save();
    ctx.fillStyle = this.#theme.panel;
    ctx.strokeStyle = this.#theme.ink;
    ctx.lineWidth = 1.5 * ratio;
    for (const { batch, loss } of this.#data.series.tests) {
      if (loss > this.#upperEnd) continue;
      const x = plot.valToPos(batch, "x", true);
      const y = plot.valToPos(loss, "y", true);
      ctx.beginPath();
      ctx.arc(x, y, 3 * ratio, 0, 2 * Math.PI);
      ctx.fill();
      ctx.stroke();
    }
    if (present < reach) {
      ctx.globalAlpha = 1 - AHEAD_ALPHA;
      const margin = 3.5 * ratio; // of the points that lie on the axis
      ctx.fillRect(now, bbox.top, ctx.canvas.width - now, bbox.height + margin);
      ctx.globalAlpha = 1;
    }
    if (reach > 0) {
      ctx.strokeStyle = this.#theme.accent;
      ctx.lineWidth = 2 * ratio;
      line(ctx, now, bbox.top, bbox.top + bbox.height);
    }
    ctx.restore();
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} room
 */
function shortened(context, text, room) {
  let short = text;
  while (context.measureText(short).width > room && short.includes(",")) {
    short = `${short.slice(0, short.lastIndexOf(","))} …`;
  }
  return short;
}

/** One batch makes no line. @param {uPlot} plot */
function isAlone({ data }) {
  return data[0].length === 1;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} top
 * @param {number} bottom
 */
function line(context, x, top, bottom) {
  context.beginPath();
  context.moveTo(x, top);
  context.lineTo(x, bottom);
  context.stroke();
}
