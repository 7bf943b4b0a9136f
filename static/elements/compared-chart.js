import uPlot from "uplot";
import { LEAST, lowerEnd, upperEnd } from "../draw/axis.js";
import { drawMarks, lossPlot, markAbove, resizePlot } from "../draw/chart.js";
import { decimate } from "../draw/decimate.js";
import { countAbove, highestOf, lowestOf, neededByAll, roundEnd } from "../draw/loss-end.js";
import { axisEnd, DASHES, labelPlaces } from "../draw/run-lines.js";
import { markWords } from "../models/compared-marks.js";
import { LETTERS } from "../models/comparison.js";

/**
 * @typedef {import("../draw/colours.js").Theme} Theme
 * @typedef {import("../models/above.js").AboveOfRun} AboveOfRun
 * @typedef {import("../models/series.js").SeriesStore} SeriesStore
 */

/**
 * @typedef {object} Line a run's loss
 * @property {number} slot
 * @property {SeriesStore} series
 * @property {number} batch the run's present one
 * @property {readonly import("../models/compared-marks.js").Mark[]} marks
 */

/** At most this many points are drawn per CSS pixel across, for each run. */
const POINTS_PER_PIXEL = 1;
const MARK_ROWS = 3;
/** The dash of a mark whose run has a solid line. */
const MARK_DASH = [3, 3];
/** The room for a letter at the end of a line, in CSS pixels. */
const LETTER = { width: 20, height: 12 };

/** The losses of several runs on one batch axis, their changes, and where each run is now. */
export class ComparedChart {
  #plot;
  #logarithmic;
  #theme;
  /** @type {readonly Line[]} */
  #lines;
  #lowerEnd;
  #upperEnd = roundEnd(0, 0);

  /**
   * @param {HTMLElement} holder
   * @param {readonly Line[]} lines the same number, in the same slots, as `show` gets
   * @param {{ theme: Theme, logarithmic: boolean, pointed: (batch: number | null) => void }} options
   */
  constructor(holder, lines, { theme, logarithmic, pointed }) {
    this.#theme = theme;
    this.#logarithmic = logarithmic;
    this.#lowerEnd = logarithmic ? LEAST : 0;
    this.#lines = lines;
    const points = { show: false };
    const hue = (/** @type {number} */ slot) => () => this.#hue(slot);
    const series = [
      ...lines.map(({ slot }) => ({ stroke: hue(slot), alpha: 0.28, width: 1, points })),
      ...lines.map(({ slot }) => ({
        stroke: hue(slot),
        width: 2,
        dash: DASHES[slot] ?? [],
        points,
      })),
    ];
    this.#plot = lossPlot(holder, [[], ...series.map(() => [])], {
      theme: () => this.#theme,
      logarithmic,
      across: () => [0, axisEnd(this.#reached())],
      ends: () => [this.#lowerEnd, this.#upperEnd],
      markRows: MARK_ROWS,
      series,
      hooks: {
        drawAxes: (plot) => this.#drawMarks(plot),
        draw: (plot) => {
          this.#drawAbove(plot);
          this.#drawEnds(plot);
        },
      },
      reached: () => this.#reached(),
      pointed,
    });
  }

  /** @param {Theme} theme */
  set theme(theme) {
    this.#theme = theme;
    this.#plot.redraw(false, true);
  }

  /**
   * @param {readonly Line[]} lines
   * @param {{ width: number, height: number }} size
   * @returns {{ end: number, runs: AboveOfRun[] }} what lies above the axis
   */
  show(lines, size) {
    this.#lines = lines;
    resizePlot(this.#plot, size);
    const highest = lines.map(({ series }) => highestOf(series.loss));
    const end = this.#logarithmic
      ? upperEnd(Math.max(0, ...highest))
      : roundEnd(
          neededByAll(lines.map(({ series: { loss, smooth } }) => ({ loss, smooth, tests: [] }))),
          this.#upperEnd,
        );
    this.#upperEnd = end;
    const lowest = Math.min(...lines.map(({ series }) => lowestOf(series.loss)));
    this.#lowerEnd = this.#logarithmic ? lowerEnd(lowest) : 0;
    this.#plot.setData(this.#data(size.width));
    const runs = lines.flatMap(({ slot, series }, i) => {
      const most = highest[i] ?? 0;
      return most > end ? [{ slot, losses: countAbove(series.loss, end), highest: most }] : [];
    });
    return { end, runs };
  }

  destroy() {
    this.#plot.destroy();
  }

  /**
   * The batches of all runs, then their losses, then their smoothed lines. A run has no value where
   * only another run has a point; its line goes straight on to its own next point.
   *
   * @param {number} width
   * @returns {uPlot.AlignedData}
   */
  #data(width) {
    const most = Math.max(64, Math.round(width * POINTS_PER_PIXEL));
    const tables = this.#lines.map(({ series }) => {
      const { x, y, line } = decimate(series.batches, series.loss, series.smooth, most);
      const shown = (/** @type {Float64Array} */ values) =>
        this.#logarithmic ? values.map((value) => Math.max(value, LEAST)) : values;
      return /** @type {uPlot.AlignedData} */ ([x, shown(y), shown(line)]);
    });
    if (tables.length === 0) return [[]];
    const [x, ...columns] = uPlot.join(tables);
    const raw = columns.filter((_, i) => i % 2 === 0);
    const smooth = columns.filter((_, i) => i % 2 === 1);
    return [x, ...raw, ...smooth];
  }

  #reached() {
    return Math.max(0, ...this.#lines.map(({ series, batch }) => Math.max(series.length, batch)));
  }

  /** @param {number} slot */
  #hue(slot) {
    return this.#theme.runs[slot] ?? this.#theme.ink;
  }

  /**
   * Marks each run's changes, with the run's letter.
   *
   * @param {uPlot} plot
   */
  #drawMarks(plot) {
    const marks = this.#lines
      .flatMap(({ slot, marks }) =>
        marks.map((mark) => ({
          batch: mark.batch,
          words: `${LETTERS[slot]} ${markWords(mark)}`,
          colour: this.#hue(slot),
          dash: DASHES[slot]?.length ? DASHES[slot] : MARK_DASH,
        })),
      )
      .toSorted((one, other) => one.batch - other.batch);
    drawMarks(plot, marks, MARK_ROWS, this.#theme);
  }

  /**
   * Marks losses above the end of the axis, in the hues of their runs.
   *
   * @param {uPlot} plot
   */
  #drawAbove(plot) {
    const [batches, ...columns] = plot.data;
    const end = this.#upperEnd;
    columns.forEach((losses, i) => {
      const { slot } = /** @type {Line} */ (this.#lines[i % this.#lines.length]);
      markAbove(plot, { batches, losses, end }, { fill: this.#hue(slot) });
    });
  }

  /**
   * Marks where each run is on its smoothed line, with its letter. If the line ends above the axis,
   * only the letter is drawn, at the top.
   *
   * @param {uPlot} plot
   */
  #drawEnds(plot) {
    const { ctx, bbox } = plot;
    const ratio = uPlot.pxRatio;
    ctx.save();
    ctx.font = `700 ${11 * ratio}px ${this.#theme.font}`;
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    const ends = this.#lines.flatMap(({ slot, series, batch }) => {
      const at = Math.min(batch, series.length);
      const value = series.smooth[at - 1];
      if (at < 1 || value === undefined) return [];
      const loss = this.#logarithmic ? Math.max(value, LEAST) : value;
      return [{ slot, x: plot.valToPos(at, "x", true), y: plot.valToPos(loss, "y", true) }];
    });
    const labels = labelPlaces(ends, {
      width: LETTER.width * ratio,
      height: LETTER.height * ratio,
      top: bbox.top,
      bottom: bbox.top + bbox.height,
    });
    ends.forEach(({ slot, x, y }, i) => {
      if (y >= bbox.top) {
        ctx.fillStyle = this.#hue(slot);
        ctx.beginPath();
        ctx.arc(x, y, 3.5 * ratio, 0, 2 * Math.PI);
        ctx.fill();
      }
      ctx.fillStyle = this.#theme.ink;
      ctx.fillText(LETTERS[slot] ?? "", x + 7 * ratio, labels[i] ?? y);
    });
    ctx.restore();
  }
}
