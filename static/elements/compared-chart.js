import uPlot from "uplot";
import { LEAST, lossAxis, lowerEnd, upperEnd } from "../draw/axis.js";
import { decimate } from "../draw/decimate.js";
import { highestOf } from "../draw/loss-end.js";
import { axisEnd, DASHES } from "../draw/run-lines.js";
import { LETTERS } from "../models/comparison.js";

/**
 * @typedef {import("../draw/colours.js").Theme} Theme
 * @typedef {import("../models/series.js").SeriesStore} SeriesStore
 */

/**
 * @typedef {object} Line a run's loss
 * @property {number} slot
 * @property {SeriesStore} series
 * @property {number} batch the run's present one
 * @property {readonly import("../models/compared-marks.js").Mark[]} marks
 */

/** Points drawn for each CSS pixel across and for each run, at most. */
const POINTS_PER_PIXEL = 1;
const MARK_ROWS = 3;
const MARK_ROW_HEIGHT = 13;
/** Letters at the ends of lines that are nearer to each other than this are set apart. */
const LETTER_ROOM = 20;
const LETTER_HEIGHT = 12;

/** The losses of several runs over one batch axis, what was changed in each, and where each is. */
export class ComparedChart {
  #plot;
  #logarithmic;
  #theme;
  /** @type {readonly Line[]} */
  #lines;
  /** Of the smoothed lines: one batch that goes wrong does not flatten them all. */
  #highest = 0;

  /**
   * @param {HTMLElement} holder
   * @param {readonly Line[]} lines as many and in the same slots as `show` gets
   * @param {{ theme: Theme, logarithmic: boolean, pointed: (batch: number | null) => void }} options
   */
  constructor(holder, lines, { theme, logarithmic, pointed }) {
    this.#theme = theme;
    this.#logarithmic = logarithmic;
    this.#lines = lines;
    const size = { width: holder.clientWidth, height: holder.clientHeight };
    this.#plot = new uPlot(this.#options(size, pointed), this.#data(size.width), holder);
  }

  /** @param {Theme} theme */
  set theme(theme) {
    this.#theme = theme;
    this.#plot.redraw(false, true);
  }

  /**
   * @param {readonly Line[]} lines
   * @param {{ width: number, height: number }} size
   */
  show(lines, { width, height }) {
    this.#lines = lines;
    if (width !== this.#plot.width || height !== this.#plot.height) {
      this.#plot.setSize({ width, height });
    }
    this.#plot.setData(this.#data(width));
  }

  destroy() {
    this.#plot.destroy();
  }

  /**
   * The batches of all, the losses of all, the smoothed lines of all. Each keeps its own points:
   * where only another run has one, it has none, and its line goes on to its next.
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
    this.#highest = Math.max(...smooth.map(highestOf), 0);
    return [x, ...raw, ...smooth];
  }

  /**
   * @param {{ width: number, height: number }} size
   * @param {(batch: number | null) => void} pointed
   * @returns {uPlot.Options}
   */
  #options(size, pointed) {
    const muted = () => this.#theme.muted;
    const font = `11px ${this.#theme.font}`;
    const grid = { stroke: () => this.#theme.hairline, width: 1 };
    const ticks = { show: false };
    const points = { show: false };
    const hue = (/** @type {number} */ slot) => () => this.#theme.runs[slot] ?? this.#theme.ink;
    return {
      ...size,
      padding: [MARK_ROWS * MARK_ROW_HEIGHT + 4, 22, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false, setScale: false }, points: { show: false } },
      scales: {
        x: { time: false, range: () => [0, axisEnd(this.#reached())] },
        y: this.#logarithmic
          ? { distr: 3, range: (_plot, min, max) => [lowerEnd(min), upperEnd(max)] }
          : { range: () => [0, upperEnd(this.#highest)] },
      },
      axes: [
        { stroke: muted, font, grid: { show: false }, ticks, size: 24, gap: 4, space: 60 },
        { stroke: muted, font, grid, ticks, ...lossAxis(this.#logarithmic) },
      ],
      series: [
        {},
        ...this.#lines.map(({ slot }) => ({ stroke: hue(slot), alpha: 0.28, width: 1, points })),
        ...this.#lines.map(({ slot }) => ({
          stroke: hue(slot),
          width: 2,
          dash: DASHES[slot] ?? [],
          points,
        })),
      ],
      hooks: {
        drawAxes: [(plot) => this.#drawMarks(plot)],
        draw: [(plot) => this.#drawEnds(plot)],
        setCursor: [(plot) => pointed(this.#pointedBatch(plot))],
      },
    };
  }

  #reached() {
    return Math.max(0, ...this.#lines.map(({ series, batch }) => Math.max(series.length, batch)));
  }

  /** @param {uPlot} plot */
  #pointedBatch(plot) {
    const { left } = plot.cursor;
    const reached = this.#reached();
    if (left == null || left < 0 || reached === 0) return null;
    return Math.min(Math.max(Math.round(plot.posToVal(left, "x")), 1), reached);
  }

  /**
   * What was changed in each run, under the lines, with the run's letter.
   *
   * @param {uPlot} plot
   */
  #drawMarks(plot) {
    const { ctx, bbox } = plot;
    const ratio = uPlot.pxRatio;
    ctx.save();
    ctx.lineWidth = ratio;
    ctx.font = `${11 * ratio}px ${this.#theme.font}`;
    ctx.textBaseline = "alphabetic";
    ctx.textAlign = "left";
    const ends = Array.from({ length: MARK_ROWS }, () => -1);
    const marks = this.#lines
      .flatMap(({ slot, marks }) => marks.map((mark) => ({ ...mark, slot })))
      .toSorted((one, other) => one.batch - other.batch);
    for (const { slot, batch, text, branch } of marks) {
      const x = Math.round(plot.valToPos(batch, "x", true)) + 0.5;
      if (x < bbox.left - 1 || x > bbox.left + bbox.width + 1) continue;
      ctx.strokeStyle = this.#theme.runs[slot] ?? this.#theme.muted;
      ctx.setLineDash((DASHES[slot]?.length ? DASHES[slot] : [3, 3]).map((part) => part * ratio));
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      const words = `${LETTERS[slot]} ${markWords(text, branch)}`;
      const width = ctx.measureText(words).width;
      const left = Math.max(0, Math.min(x - width / 2, bbox.left + bbox.width - width));
      const row = ends.findIndex((end) => left > end);
      if (row < 0) continue; // no room for its words: the line stays, the words beside have it
      ends[row] = left + width + 6 * ratio;
      ctx.fillStyle = this.#theme.muted;
      ctx.fillText(words, left, bbox.top - (4 + row * MARK_ROW_HEIGHT) * ratio);
    }
    ctx.restore();
  }

  /**
   * Where each run is on its smoothed line, with its letter.
   *
   * @param {uPlot} plot
   */
  #drawEnds(plot) {
    const { ctx } = plot;
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
      const y = plot.valToPos(loss, "y", true);
      return [{ slot, x: plot.valToPos(at, "x", true), y, labelY: y }];
    });
    // Letters of runs that lie close to each other are set apart.
    ends.sort((one, other) => one.y - other.y);
    ends.forEach((here, i) => {
      for (const above of ends.slice(0, i)) {
        if (Math.abs(above.x - here.x) > LETTER_ROOM * ratio) continue;
        here.labelY = Math.max(here.labelY, above.labelY + LETTER_HEIGHT * ratio);
      }
    });
    for (const { slot, x, y, labelY } of ends) {
      ctx.fillStyle = this.#theme.runs[slot] ?? this.#theme.ink;
      ctx.beginPath();
      ctx.arc(x, y, 3.5 * ratio, 0, 2 * Math.PI);
      ctx.fill();
      ctx.fillStyle = this.#theme.ink;
      ctx.fillText(LETTERS[slot] ?? "", x + 7 * ratio, labelY);
    }
    ctx.restore();
  }
}

/**
 * @param {string} text
 * @param {boolean | undefined} branch
 */
function markWords(text, branch) {
  if (!branch) return text;
  return text === "" ? "branches off" : `branches off: ${text}`;
}
