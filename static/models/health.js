import {
  formatCount,
  formatError,
  formatPercent,
  formatSmallPercent,
  formatValue,
} from "../format.js";

/** @typedef {import("./run.js").SeenView} SeenView */

/**
 * @typedef {object} LayerFigures the figures of one layer, as in docs/protocol.md
 * @property {string} layer
 * @property {string} activation
 * @property {number} units
 * @property {number} gradient_norm
 * @property {number} weight_norm
 * @property {number | null} update_norm
 * @property {number | null} update_ratio
 * @property {number | null} dead_units
 * @property {number | null} saturated
 * @property {number | null} angle degrees
 *
 * @typedef {{ layer: string, code: string, what: string, help: string }} Hint
 *
 * @typedef {object} Health
 * @property {number} batch
 * @property {string} phase
 * @property {number} sample how many training images the larger sample has
 * @property {LayerFigures[]} layers
 * @property {Hint[]} hints
 */

/**
 * A figure's axis: where a value lies on it (0 to 1), which part is usual, and its ticks.
 *
 * @typedef {object} Axis
 * @property {(value: number) => number} at
 * @property {[number, number]} usual
 * @property {readonly (readonly [number, string])[]} ticks
 */

/**
 * @typedef {object} Figure
 * @property {string} name
 * @property {(layer: LayerFigures) => number | null} value
 * @property {(value: number) => string} text
 * @property {(layer: LayerFigures) => number} [all] the total that the value is counted out of
 * @property {(layer: LayerFigures) => string} [missing] why the value may be missing
 * @property {(value: number, layer: LayerFigures) => number} [share] what is placed on the axis, if not the value
 * @property {Axis} axis
 */

// From this angle on, in degrees, a step against the batch's gradient does not lower the sample's
// loss.
const NO_DIRECTION = 90;

/** @type {readonly Figure[]} */
export const FIGURES = [
  {
    name: "gradient_norm",
    value: ({ gradient_norm }) => gradient_norm,
    text: (value) => formatValue(value, 3),
    axis: powers(
      -6,
      3,
      [
        [-6, "10⁻⁶"],
        [-3, "10⁻³"],
        [0, "1"],
        [3, "1000"],
      ],
      [-2.5, 1],
    ),
  },
  {
    name: "update_ratio",
    value: ({ update_ratio }) => update_ratio,
    text: formatSmallPercent,
    missing: () => "after the update",
    axis: powers(
      -6,
      0,
      [
        [-6, "10⁻⁴ %"],
        [-3, "0.1 %"],
        [0, "100 %"],
      ],
      [-4, -1.3],
    ),
  },
  {
    name: "dead_units",
    value: ({ dead_units }) => dead_units,
    text: formatCount,
    all: ({ units }) => units,
    share: (value, { units }) => value / units,
    missing: ({ activation }) => `not for ${activation}`,
    axis: shares([0, 0.2]),
  },
  {
    name: "saturated",
    value: ({ saturated }) => saturated,
    text: (value) => formatPercent(value),
    missing: ({ activation }) => `not for ${activation}`,
    axis: shares([0, 0.3]),
  },
  {
    name: "angle",
    value: ({ angle }) => angle,
    text: (value) => `${value.toFixed(1)}°`,
    missing: () => "a gradient is zero",
    axis: {
      at: (value) => value / 180,
      usual: [0, 0.5],
      ticks: [
        [0, "0°"],
        [0.5, "90°"],
        [1, "180°"],
      ],
    },
  },
];

/**
 * A logarithmic axis between two powers of ten.
 *
 * @param {number} first
 * @param {number} last
 * @param {readonly (readonly [number, string])[]} ticks power, text
 * @param {readonly [number, number]} usual powers
 * @returns {Axis}
 */
function powers(first, last, ticks, usual) {
  const at = (/** @type {number} */ power) => (power - first) / (last - first);
  return {
    at: (value) => (value > 0 ? Math.min(Math.max(at(Math.log10(value)), 0), 1) : 0),
    usual: [at(usual[0]), at(usual[1])],
    ticks: ticks.map(([power, text]) => /** @type {const} */ ([at(power), text])),
  };
}

/**
 * @param {[number, number]} usual
 * @returns {Axis}
 */
function shares(usual) {
  return {
    at: (value) => value,
    usual,
    ticks: [
      [0, "0"],
      [0.5, "50 %"],
      [1, "100 %"],
    ],
  };
}

/**
 * @param {SeenView | null} seen the `health` view
 * @returns {Health | null}
 */
export function healthOf(seen) {
  const { metadata } = seen ?? {};
  if (!metadata?.layers) return null;
  return {
    batch: Number(metadata["study.batch"]),
    phase: metadata["study.phase"] ?? "",
    sample: Number(metadata.sample),
    layers: JSON.parse(metadata.layers),
    hints: JSON.parse(metadata.hints ?? "[]"),
  };
}

/**
 * What is shown if there are no hints; "" before anything is known.
 *
 * @param {Health | null} health
 */
export function calmWords(health) {
  if (!health) return "";
  const noisy = health.layers.some(({ angle }) => angle !== null && angle >= NO_DIRECTION);
  return noisy
    ? "Nothing is broken. This batch says nothing about the whole, which is usual late in training."
    : "Nothing looks wrong.";
}

/**
 * What is wrong and what would help. If the run has stopped, that comes first.
 *
 * @param {Health | null} health
 * @param {import("../protocol/types.js").ApiError | null} error
 * @returns {{ what: string, help: string }[]}
 */
export function hintsOf(health, error) {
  const stopped = error
    ? [{ what: formatError({ message: error.message }), help: error.hint ?? "" }]
    : [];
  const hints = (health?.hints ?? []).map(({ layer, what, help }) => ({
    what: `${layer.replace(/^layer/, "Layer ")}: ${what}`,
    help,
  }));
  return [...stopped, ...hints];
}
