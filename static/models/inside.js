import { isLost } from "./curve.js";
import { batchAtHand } from "./loop.js";

/** @typedef {import("./run.js").SeenView} SeenView */

/**
 * @typedef {object} PickedWeight the picked weight of the first layer through the step
 * @property {number} value its present value
 * @property {number} [before]
 * @property {number} [gradient]
 * @property {number} [step]
 * @property {number} [v] if the optimizer still has it
 * @property {number} [m]
 * @property {import("../protocol/types.js").OptimizerConfig} optimizer the one that made the step
 */

/**
 * The numbers behind a followed sample, a picked unit of the first layer and its weight from a
 * picked input, from the view `inside/…`. Arrays of phases still to run are null.
 *
 * @typedef {object} Inside
 * @property {number} sample
 * @property {number} unit
 * @property {number} input
 * @property {number} label
 * @property {number} batch the batch at hand, or the one that led here
 * @property {Float32Array} x
 * @property {Float32Array} weights as the forward pass used them
 * @property {number} bias as the forward pass used it
 * @property {readonly Float32Array[]} preactivations of the sample, one array a layer
 * @property {readonly Float32Array[]} activations
 * @property {readonly (Float32Array | null)[]} preactivationGradients of the sample, divided by n
 * @property {Float32Array | null} hiddenGradient ∂loss/∂output of the first layer, of the sample
 * @property {Float32Array | null} deltas ∂loss/∂z of the unit, of every sample
 * @property {Float32Array | null} inputs x of the picked input, of every sample
 * @property {Float32Array | null} gradient
 * @property {Float32Array | null} step
 * @property {Float32Array | null} v
 * @property {PickedWeight} weight
 * @property {number | null} angle between −gradient and the step, in degrees
 */

/**
 * @param {SeenView | null} seen
 * @returns {Inside | null} null before a batch has been drawn
 */
export function insideOf(seen) {
  const floats = (/** @type {string} */ name) =>
    /** @type {Float32Array | undefined} */ (seen?.tensors.get(name)?.data) ?? null;
  const x = floats("x");
  const weights = floats("weights");
  if (!seen || !x || !weights) return null;
  const { metadata } = seen;
  const layers = layersIn(seen);
  const ofLayers = (/** @type {string} */ kind) =>
    layers.map((layer) => floats(`layer${layer}.${kind}`));
  return {
    sample: Number(metadata.sample),
    unit: Number(metadata.unit),
    input: Number(metadata.input),
    label: Number(metadata.label),
    batch: batchAtHand(metadata.batch, metadata.phase),
    x,
    weights: floats("weights.before") ?? weights,
    bias: (floats("bias.before") ?? floats("bias"))?.[0] ?? 0,
    preactivations: /** @type {Float32Array[]} */ (ofLayers("preactivations")),
    activations: ofLayers("activations").map((values) => values ?? new Float32Array()),
    preactivationGradients: ofLayers("preactivations.gradient"),
    hiddenGradient: floats("layer1.activations.gradient"),
    deltas: floats("unit.preactivations.gradient"),
    inputs: floats("input.x"),
    gradient: floats("weights.gradient"),
    step: floats("weights.step"),
    v: floats("weights.v"),
    weight: JSON.parse(metadata.weight ?? "{}"),
    angle: metadata.angle === undefined ? null : JSON.parse(metadata.angle),
  };
}

/** @param {SeenView} seen */
function layersIn({ tensors }) {
  const layers = [];
  for (let layer = 1; tensors.has(`layer${layer}.preactivations`); layer++) layers.push(layer);
  return layers;
}

/**
 * ∂loss/∂w of the picked weight by the chain rule, for one digit and for the whole batch.
 *
 * @typedef {object} Chain
 * @property {number} x ∂z/∂w
 * @property {number | null} slope ∂output/∂z; null if the unit's output is the network's
 * @property {number | null} back ∂loss/∂output of this digit
 * @property {number} delta ∂loss/∂z of this digit: the product of the two
 * @property {number} share x · delta: this digit's part
 * @property {number} sum of all digits' parts
 * @property {number} digits how many
 */

/**
 * @param {Inside} inside
 * @param {string} activation of the first layer
 * @returns {Chain | null} null before the backward pass
 */
export function chainOf(inside, activation) {
  const { unit, deltas, inputs, hiddenGradient } = inside;
  const delta = inside.preactivationGradients[0]?.[unit];
  if (!deltas || !inputs || delta === undefined) return null;
  const x = inside.x[inside.input] ?? 0;
  const hidden = hiddenGradient !== null && activation !== "softmax";
  return {
    x,
    slope: hidden ? slopeOf(activation, inside) : null,
    back: hidden ? (hiddenGradient[unit] ?? 0) : null,
    delta,
    share: x * delta,
    sum: deltas.reduce((sum, value, i) => sum + value * (inputs[i] ?? 0), 0),
    digits: deltas.length,
  };
}

/**
 * The slope of the activation function at the picked unit's z.
 *
 * @param {string} activation
 * @param {Inside} inside
 */
function slopeOf(activation, { unit, preactivations, activations }) {
  const z = preactivations[0]?.[unit] ?? 0;
  const output = activations[0]?.[unit] ?? 0;
  if (activation === "relu") return z > 0 ? 1 : 0;
  if (activation === "tanh") return 1 - output ** 2;
  if (activation === "sigmoid") return output * (1 - output);
  return 1;
}

/**
 * The same derivative, measured by finite differences.
 *
 * @typedef {object} Measured
 * @property {number} measured
 * @property {number} derived
 * @property {number} h
 * @property {number} loss_above
 * @property {number} loss_below
 * @property {number} relative_difference
 */

/**
 * @param {SeenView | null} seen the study `derivative/…`
 * @param {Pick<Inside, "unit" | "input" | "batch">} of the weight and the batch that it must belong to
 * @returns {Measured | "lost" | null} "lost" if the weights before the step are no longer known
 */
export function measuredOf(seen, { unit, input, batch }) {
  const metadata = seen?.metadata;
  if (metadata?.index === undefined) return null;
  if (batchAtHand(metadata["study.batch"], metadata["study.phase"]) !== batch) return null;
  const [row, column] = JSON.parse(metadata.index);
  if (row !== unit || column !== input) return null;
  if (isLost(seen)) return "lost";
  const number = (/** @type {string} */ name) => Number(metadata[name]);
  return {
    measured: number("measured"),
    derived: number("derived"),
    h: number("h"),
    loss_above: number("loss_above"),
    loss_below: number("loss_below"),
    relative_difference: number("relative_difference"),
  };
}

/**
 * A first-layer weight that is a clear example for the followed digit: of the unit with the largest
 * ∂loss/∂z, the weight of a bright pixel near the middle.
 *
 * @param {Inside} inside
 * @returns {{ unit: number, input: number }}
 */
export function tellingWeight({ x, preactivationGradients, unit }) {
  const deltas = preactivationGradients[0];
  const side = Math.round(Math.sqrt(x.length));
  const middle = (side - 1) / 2;
  const distance = (/** @type {number} */ i) =>
    Math.hypot(Math.floor(i / side) - middle, (i % side) - middle);
  // Full brightness is worth as much as the whole way across the image.
  const worth = (/** @type {number} */ i) => (x[i] ?? 0) - distance(i) / side;
  return {
    unit: deltas ? largest(deltas.length, (i) => Math.abs(deltas[i] ?? 0)) : unit,
    input: largest(x.length, worth),
  };
}

/**
 * @param {number} count
 * @param {(index: number) => number} worth
 */
function largest(count, worth) {
  let best = 0;
  for (let i = 1; i < count; i++) if (worth(i) > worth(best)) best = i;
  return best;
}
