import uPlot from "uplot";
import { LEAST, upperEnd } from "../draw/axis.js";
import { drawMarks, drawUpright, lossPlot, markAbove, resizePlot } from "../draw/chart.js";
import { decimate, thinned } from "../draw/decimate.js";
import { countAbove, highestOf, neededEnd, roundEnd } from "../draw/loss-end.js";
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
 * @property {number} batch where the marker stands; what lies ahead of it is drawn fainter
 * @property {number} reach the last batch there is, or that a recipe leads to
 * @property {number} epochLength batches
 */

/** Points drawn for each CSS pixel across, at most. */
const POINTS_PER_PIXEL = 2;
const MARK_ROWS = 2;

/** The axis is at least this many batches long, so that its ticks are whole numbers. */
const MARKED_AT_LEAST = 10;

/** From one test loss to the next, in CSS pixels: of a long run there are thousands. */
const TEST_GAP = 8;

/** As many batches across are enough for the beginning of a long epoch. */
const FIRST_BATCHES = [10, 100, 1000, 10_000].flatMap((power) => [
  2 * power,
  5 * power,
  10 * power,
]);

const MARK_DASH = [3, 3];

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
    const muted = () => this.#theme.muted;
    const ink = () => this.#theme.ink;
    this.#plot = lossPlot(holder, [[], [], []], {
      theme: () => this.#theme,
      logarithmic,
      across: () => this.#acrossRange(),
      end: () => this.#upperEnd,
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
   * Where losses lie above the axis, in the colours of the lines: the mean's where it does too.
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
      const margin = 3.5 * ratio; // of the points that lie on the axis
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

/** One batch makes no line. @param {uPlot} plot */
function isAlone({ data }) {
  return data[0].length === 1;
}
