import { formatSetting, formatValue } from "../format.js";
import { dashedVertical } from "./dashed.js";

/**
 * @typedef {import("./canvas.js").Size} Size
 * @typedef {import("./colours.js").Theme} Theme
 * @typedef {import("../models/curve.js").Line} Line
 */

/** The room around the plot, in CSS pixels; the left has room for a loss such as 5.76e-10. */
const LEFT = 60;
const RIGHT = 6;
const TOP = 8;
const BOTTOM = 18;

/** Losses above this many times the loss at W0 are cut off at the top. */
const HIGHEST = 2.5;
const DOT = 4.5;

/**
 * Where learning rates and losses lie in the plot, which is cut off at the top if a step overshoots
 * by far.
 *
 * @param {Line} line
 * @param {{ width: number, height: number }} size
 */
export function curveScales({ distances, batch, heldOut }, { width, height }) {
  const losses = [...batch, ...heldOut].filter(Number.isFinite);
  const start = Math.max(batch[0] ?? 0, heldOut[0] ?? 0);
  const high = Math.min(Math.max(...losses, 1e-9), HIGHEST * start || 1);
  const low = Math.min(...losses, high);
  const margin = 0.1 * (high - low) || 0.1 * high || 1;
  const bottom = Math.max(low - margin, 0);
  const top = high + margin / 2;
  const reach = distances.at(-1) || 1;
  const across = width - LEFT - RIGHT;
  const down = height - TOP - BOTTOM;
  return {
    low,
    high,
    top,
    bottom,
    reach,
    x: (/** @type {number} */ rate) => LEFT + (rate / reach) * across,
    y: (/** @type {number} */ loss) => TOP + ((top - loss) / (top - bottom)) * down,
    rateAt: (/** @type {number} */ x) => ((x - LEFT) / across) * reach,
  };
}

/** @typedef {ReturnType<typeof curveScales>} Scales */

/**
 * Draws the loss along a step: this batch in ink, unseen images dashed, the tangent at W0, and in
 * the accent colour the place where the learning rate lands.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {{ line: Line, rate: number, loss: number | null, pointed: number | null }} picture
 *   `loss` is that at the learning rate, null beyond the line; `pointed` is a point's index
 * @param {Size} size
 * @param {Theme} theme
 */
export function drawCurve(context, { line, rate, loss, pointed }, size, theme) {
  const scales = curveScales(line, size);
  const base = size.height - BOTTOM;
  context.font = `11px ${theme.font}`;
  drawAxes(context, line, scales, size, theme);
  context.save();
  context.beginPath();
  context.rect(LEFT, TOP - DOT, size.width - LEFT, base - TOP + DOT);
  context.clip();
  context.lineWidth = 1;
  context.strokeStyle = theme.muted;
  drawTangent(context, line, scales);
  context.setLineDash([4, 3]);
  context.lineWidth = 1.5;
  drawLine(context, line.distances, line.heldOut, scales);
  context.setLineDash([]);
  context.strokeStyle = theme.ink;
  context.lineWidth = 2;
  drawLine(context, line.distances, line.batch, scales);
  context.restore();
  if (pointed !== null) drawPointed(context, line, pointed, scales, size, theme);
  drawLanding(context, { rate, loss }, scales, size, theme);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Line} line
 * @param {Scales} scales
 * @param {Size} size
 * @param {Theme} theme
 */
function drawAxes(context, line, { y, low, high }, { width, height }, theme) {
  const base = height - BOTTOM;
  context.fillStyle = theme.hairline;
  context.fillRect(LEFT, base, width - LEFT - RIGHT, 1);
  context.fillStyle = theme.muted;
  context.textAlign = "right";
  context.textBaseline = "middle";
  const start = line.batch[0] ?? NaN;
  const apart = (/** @type {number} */ other) => Math.abs(y(start) - y(other)) > 13;
  if (Number.isFinite(start)) context.fillText(axisText(start), LEFT - 5, y(start));
  if (apart(low)) context.fillText(axisText(low), LEFT - 5, y(low));
  if (apart(high)) context.fillText(axisText(high), LEFT - 5, y(high));
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  context.fillText("W₀", LEFT - 4, height - 4);
}

/** @param {number} loss */
function axisText(loss) {
  return formatValue(loss, loss >= 10 ? 2 : 3);
}

/**
 * Draws the tangent from W0 to where it leaves the picture, or to the end of the lines.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Line} line
 * @param {Scales} scales
 */
function drawTangent(context, { batch, slope }, { x, y, bottom, reach }) {
  const start = batch[0] ?? NaN;
  const end = slope < 0 ? Math.min((bottom - start) / slope, reach) : reach;
  context.beginPath();
  context.moveTo(x(0), y(start));
  context.lineTo(x(end), y(start + slope * end));
  context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Float64Array} distances
 * @param {Float64Array} losses
 * @param {Scales} scales
 */
function drawLine(context, distances, losses, { x, y, top }) {
  context.beginPath();
  losses.forEach((loss, i) => {
    // Far beyond the picture, the line only needs the right direction.
    const height = Number.isFinite(loss) ? Math.min(loss, 10 * top) : 10 * top;
    const [px, py] = [x(distances[i] ?? 0), y(height)];
    if (i === 0) context.moveTo(px, py);
    else context.lineTo(px, py);
  });
  context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Line} line
 * @param {number} index
 * @param {Scales} scales
 * @param {Size} size
 * @param {Theme} theme
 */
function drawPointed(context, line, index, { x, y, top }, { height }, theme) {
  const px = Math.round(x(line.distances[index] ?? 0)) + 0.5;
  context.strokeStyle = theme.muted;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(px, TOP);
  context.lineTo(px, height - BOTTOM);
  context.stroke();
  for (const [losses, colour] of /** @type {const} */ ([
    [line.heldOut, theme.muted],
    [line.batch, theme.ink],
  ])) {
    const loss = losses[index] ?? NaN;
    if (!(loss <= top)) continue;
    dot(context, px, y(loss), colour, theme);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{ rate: number, loss: number | null }} landing
 * @param {Scales} scales
 * @param {Size} size
 * @param {Theme} theme
 */
function drawLanding(context, { rate, loss }, { x, y, top, reach }, { width, height }, theme) {
  const px = Math.min(x(rate), width - RIGHT);
  const base = height - BOTTOM;
  const beyond = rate > reach || loss === null;
  const above = !beyond && !(loss <= top);
  const py = beyond || above ? TOP : y(loss);
  context.strokeStyle = theme.accent;
  context.fillStyle = theme.accent;
  dashedVertical(context, px, [py, base], [2, 3]);
  if (beyond) arrow(context, width - RIGHT, (TOP + base) / 2, 1, 0);
  else if (above) arrow(context, px, TOP - 4, 0, -1);
  else dot(context, px, py, theme.accent, theme);
  const text = `${formatSetting(rate)} lands here`;
  const half = context.measureText(text).width / 2;
  context.textBaseline = "alphabetic";
  context.textAlign = "center";
  const centre = Math.min(Math.max(px, LEFT + 18 + half), width - half);
  context.fillStyle = theme.accent;
  context.fillText(text, centre, height - 4);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {string} colour
 * @param {Theme} theme
 */
function dot(context, x, y, colour, theme) {
  context.beginPath();
  context.arc(x, y, DOT, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
  context.strokeStyle = theme.panel;
  context.lineWidth = 1.5;
  context.stroke();
}

/**
 * Draws an arrow head in the direction (dx, dy), with its point at about (x, y).
 *
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} dx
 * @param {number} dy
 */
function arrow(context, x, y, dx, dy) {
  const [tipX, tipY] = [x - 2 * dx, y - 2 * dy];
  const [footX, footY] = [tipX - 8 * dx, tipY - 8 * dy];
  context.beginPath();
  context.moveTo(tipX, tipY);
  context.lineTo(footX - 5 * dy, footY - 5 * dx);
  context.lineTo(footX + 5 * dy, footY + 5 * dx);
  context.fill();
}
