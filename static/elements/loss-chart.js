import uPlot from "uplot";
import { LEAST, lowerEnd, upperEnd } from "../draw/axis.js";
import { drawMarks, drawUpright, lossPlot, markAbove, resizePlot } from "../draw/chart.js";
import { decimate, thinned } from "../draw/decimate.js";
import { countAbove, highestOf, lowestOf, neededEnd, roundEnd } from "../draw/loss-end.js";
import { eachOnce, markOf } from "../models/changes.js";

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
 * @property {number} batch the marker's batch; what lies ahead of it is drawn fainter
 * @property {number} reach the last batch trained, or the last of the recipe that is followed
 * @property {number} epochLength batches
 */

/** At most this many points are drawn per CSS pixel across. */
const POINTS_PER_PIXEL = 2;
const MARK_ROWS = 2;

/** The axis is at least this many batches long, so that its ticks are whole numbers. */
const MARKED_AT_LEAST = 10;

/** The least distance between two test losses, in CSS pixels: a long run has thousands. */
const TEST_GAP = 8;

/** Lengths of the axis, in batches, for the beginning of a long epoch. */
const FIRST_BATCHES = [10, 100, 1000, 10_000].flatMap((power) => [
  2 * power,
  5 * power,
  10 * power,
]);

const MARK_DASH = [3, 3];

/** How much of what lies ahead of the marker shows through. */
const AHEAD_ALPHA = 0.35;

/**
 * The loss of every batch, the smoothed line, the test losses, the changes, and where the run is
 * now. After a step back, the series may go beyond the present batch.
 */
export class LossChart {
  #plot;
  #logarithmic;
  /** @type {ChartData | null} */
  #data = null;
  #lowerEnd;
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
    this.#lowerEnd = logarithmic ? LEAST : 0;
    const muted = () => this.#theme.muted;
    const ink = () => this.#theme.ink;
    this.#plot = lossPlot(holder, [[], [], []], {
      theme: () => this.#theme,
      logarithmic,
      across: () => this.#acrossRange(),
      ends: () => [this.#lowerEnd, this.#upperEnd],
      markRows: MARK_ROWS,
      series: [
        { stroke: muted, alpha: 0.55, width: 1, points: { show: false } },
        { stroke: ink, width: 1.75, points: { show: isAlone, fill: ink, size: 8 } },
      ],
      hooks: {
        drawAxes: (plot) => this.#drawMarks(plot),
        draw: (plot) => {
          this.#drawAbove(plot);
          this.#drawPoints(plot);
        },
      },
      reached: () => this.#data?.series.length ?? 0,
      pointed,
    });
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
    resizePlot(this.#plot, { width, height });
  }

  /**
   * @param {ChartData} data
   * @returns {Above | null} null if the axis holds all losses
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
    const lowest = Math.min(lowestOf(y), lowestOf(testLosses));
    this.#lowerEnd = this.#logarithmic ? lowerEnd(lowest) : 0;
    // Batched, so that `span` knows the new scales at once.
    this.#plot.batch(() => this.#plot.setData([x, shown, line]));
    if (highest <= end) return null;
    return { end, losses: countAbove(loss, end), tests: countAbove(testLosses, end), highest };
  }

  /**
   * The batch at a horizontal place in the window.
   *
   * @param {number} clientX CSS pixels
   */
  batchAt(clientX) {
    const { left } = this.#plot.over.getBoundingClientRect();
    const batch = Math.round(this.#plot.posToVal(clientX - left, "x"));
    return Math.min(Math.max(batch, 0), this.#data?.reach ?? 0);
  }

  /** Where batch 0 and batch `reach` lie, in CSS pixels from the chart's left edge. */
  get span() {
    // Taken from the chart: asking the page would lay it out again in every frame.
    const left = this.#plot.bbox.left / uPlot.pxRatio;
    const place = (/** @type {number} */ batch) => left + this.#plot.valToPos(batch, "x");
    return { from: place(0), to: place(this.#data?.reach ?? 0) };
  }

  destroy() {
    this.#plot.destroy();
  }

  /**
   * The axis spans whole epochs, so that it moves only when one begins; at first, only part of one.
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
  #drawMarks(plot) {
    const actions = this.#data?.actions ?? [];
    const all = actions.map((action) => ({ batch: action.batch, text: markOf(action) }));
    const marks = eachOnce(all)
      .filter(({ text }) => text !== "")
      .map(({ batch, text }) => ({
        batch,
        words: text,
        colour: this.#theme.muted,
        dash: MARK_DASH,
      }));
    drawMarks(plot, marks, MARK_ROWS, this.#theme);
  }

  /**
   * Marks losses above the end of the axis, in the colours of their lines; the mean's too.
   *
   * @param {uPlot} plot
   */
  #drawAbove(plot) {
    const { muted, ink, panel } = this.#theme;
    const end = this.#upperEnd;
    const [batches, losses = [], means = []] = plot.data;
    markAbove(plot, { batches, losses, end }, { fill: muted });
    markAbove(plot, { batches, losses: means, end }, { fill: ink });
    const tests = this.#data?.series.tests ?? [];
    const ofTests = {
      batches: tests.map(({ batch }) => batch),
      losses: tests.map(({ loss }) => loss),
      end,
    };
    markAbove(plot, ofTests, { fill: panel, outline: ink });
  }

  /**
   * Draws the test losses and the present batch over the lines, and fades what lies ahead.
   *
   * @param {uPlot} plot
   */
  #drawPoints(plot) {
    if (!this.#data) return;
    const { ctx, bbox } = plot;
    const ratio = uPlot.pxRatio;
    const { batch: present, reach } = this.#data;
    const now = plot.valToPos(present, "x", true);
    const apart = plot.posToVal(TEST_GAP, "x") - plot.posToVal(0, "x");
    ctx.save();
    ctx.fillStyle = this.#theme.panel;
    ctx.strokeStyle = this.#theme.ink;
    ctx.lineWidth = 1.5 * ratio;
    for (const { batch, loss } of thinned(this.#data.series.tests, apart)) {
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
      const margin = 3.5 * ratio; // for points that lie on the axis
      ctx.fillRect(now, bbox.top, ctx.canvas.width - now, bbox.height + margin);
      ctx.globalAlpha = 1;
    }
    if (reach > 0) {
      ctx.strokeStyle = this.#theme.accent;
      ctx.lineWidth = 2 * ratio;
      drawUpright(plot, now);
    }
    ctx.restore();
  }
}

/** A single batch makes no line, so it is drawn as a point. @param {uPlot} plot */
function isAlone({ data }) {
  return data[0].length === 1;
}
