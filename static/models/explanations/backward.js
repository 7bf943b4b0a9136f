import { formatValue } from "../../format.js";
import { sourceNow, sourceOf } from "./source.js";

/** @typedef {import("../../protocol/types.js").RunState} RunState */

/**
 * @typedef {object} Weight a weight of the first layer, followed on a sample of the batch
 * @property {number} unit
 * @property {number} input
 * @property {number} sample
 */

/** @param {number} value */
const text = (value) => formatValue(value, 4);

/**
 * x of the picked input: ∂z/∂w.
 *
 * @param {RunState} state
 * @param {Weight} at
 * @param {number} value
 */
export function input(state, { input, sample }, value) {
  const source = sourceOf(state, "draw");
  return source.fromTensors(
    `∂z/∂w = x[${input}] = pixel / 255 = ${text(value)}`,
    ["batch.x"],
    `${source.tensor("batch.x")}[${sample}, ${input}]`,
  );
}

/**
 * ∂output/∂z of the picked unit, by its activation function.
 *
 * @param {RunState} state
 * @param {Weight} at
 * @param {{ z: number, slope: number }} numbers
 */
export function slope(state, { unit, sample }, { z, slope }) {
  const source = sourceOf(state, "backward");
  const name = state.config.layers[0]?.activation ?? "linear";
  const z1 = `${source.tensor("layer1.preactivations")}[${sample}, ${unit}]`;
  const a1 = `${source.tensor("layer1.activations")}[${sample}, ${unit}]`;
  const numpy = {
    relu: `np.float64(${z1} > 0)`,
    tanh: `1 - ${a1} ** 2`,
    sigmoid: `${a1} * (1 - ${a1})`,
  }[name];
  const tensors = [name === "relu" ? "layer1.preactivations" : "layer1.activations"];
  return source.fromTensors(
    `∂output/∂z = ${name}′(${text(z)}) = ${text(slope)}`,
    tensors,
    numpy ?? "1.0",
  );
}

/**
 * The name of ∂loss/∂z of the second layer: (p − y) / n if that is the last layer and the loss is
 * the cross-entropy.
 *
 * @param {RunState} state
 */
export function secondDelta({ config: { layers, loss } }) {
  return layers.length === 2 && loss !== "mean_squared_error" ? "(p − y) / n" : "∂loss/∂z₂";
}

/**
 * The name of what comes back to the first layer, which may also be the last.
 *
 * @param {RunState} state
 */
export function backName(state) {
  return state.config.layers.length === 1 ? "∂loss/∂output" : `Σ W₂ ${secondDelta(state)}`;
}

/**
 * ∂loss/∂output of the picked unit for a sample: it comes back from the next layer, or from the
 * loss.
 *
 * @param {RunState} state
 * @param {Weight} at
 * @param {number} value
 */
export function comingBack(state, { unit, sample }, value) {
  const source = sourceOf(state, "backward");
  if (state.config.layers.length === 1) {
    const name = "layer1.activations.gradient";
    return source.fromTensors(
      `∂loss/∂output[${unit}] = 2 · (p − y) / (outputs · n) = ${text(value)}`,
      [name],
      `${source.tensor(name)}[${sample}, ${unit}]`,
    );
  }
  const deltas = "layer2.preactivations.gradient";
  return source.fromTensors(
    `∂loss/∂output[${unit}] = Σ over the next layer of W₂ · ${secondDelta(state)} = ${text(value)}`,
    [...source.namesUsed("layer2.weights"), deltas],
    `${source.tensor(deltas)}[${sample}] @ ${source.used("layer2.weights", `:, ${unit}`)}`,
  );
}

/**
 * The end of the colour scale of ∂loss/∂output: about the largest share of one digit in a mean.
 *
 * @param {RunState} state
 * @param {{ digits: number, scale: number }} of
 */
export function comingBackScale(state, { digits, scale }) {
  const source = sourceOf(state, "backward");
  return source.fromTensors(
    `full colour stands for ±1/n = ±${formatValue(scale)}, with n = ${digits} digits in the batch`,
    ["batch.x"],
    `1 / len(${source.tensor("batch.x")})`,
  );
}

/**
 * δ of the picked unit for a sample: ∂loss/∂z.
 *
 * @param {RunState} state
 * @param {Weight} at
 * @param {number} value
 */
export function delta(state, { unit, sample }, value) {
  const source = sourceOf(state, "backward");
  const name = "layer1.preactivations.gradient";
  return source.fromTensors(
    `δ = ∂loss/∂z[${unit}] for sample ${sample + 1} = ∂loss/∂output · ∂output/∂z = ${text(value)}`,
    [name],
    `${source.tensor(name)}[${sample}, ${unit}]`,
  );
}

/**
 * A sample's share in the picked weight's gradient.
 *
 * @param {RunState} state
 * @param {Weight} at
 * @param {{ delta: number, x: number }} numbers
 */
export function share(state, { unit, input, sample }, { delta, x }) {
  const source = sourceOf(state, "backward");
  const name = "layer1.preactivations.gradient";
  return source.fromTensors(
    `share of sample ${sample + 1} = ∂loss/∂z · ∂z/∂w = ${text(delta)} · ${text(x)} = ${text(delta * x)}`,
    [name, "batch.x"],
    `${source.tensor(name)}[${sample}, ${unit}] * ${source.tensor("batch.x")}[${sample}, ${input}]`,
  );
}

/**
 * ∂loss/∂w of the picked weight, as a sum over the batch.
 *
 * @param {RunState} state
 * @param {Weight} at
 * @param {number} value
 */
export function derived(state, { unit, input }, value) {
  const source = sourceOf(state, "backward");
  const name = "layer1.preactivations.gradient";
  return source.fromTensors(
    `∂loss/∂W₁[${unit}, ${input}] = Σ over the batch of ∂loss/∂z · x = ${text(value)}`,
    [name, "batch.x"],
    `${source.tensor(name)}[:, ${unit}] @ ${source.tensor("batch.x")}[:, ${input}]`,
  );
}

/**
 * The same derivative, measured: (loss(w + h) − loss(w − h)) / 2h, in float64.
 *
 * @param {RunState} state
 * @param {Weight} at
 * @param {{ loss_above: number, loss_below: number, h: number, measured: number }} numbers
 */
export function measured(state, { unit, input }, { loss_above, loss_below, h, measured }) {
  const view = `derivative/1/${unit}/${input}`;
  const [above, below] = [loss_above, loss_below].map((loss) => loss.toPrecision(10));
  return sourceNow(state).fromView(
    `(loss(w + h) − loss(w − h)) / 2h = (${above} − ${below}) / ${text(2 * h)} = ${text(measured)}`,
    view,
    `(float((m := metadata("${view}"))["loss_above"]) - float(m["loss_below"])) / (2 * float(m["h"]))`,
  );
}

/**
 * How far apart the derived and the measured derivative are, both in float64.
 *
 * @param {RunState} state
 * @param {Weight} at
 * @param {number} value
 */
export function relativeDifference(state, { unit, input }, value) {
  const view = `derivative/1/${unit}/${input}`;
  return sourceNow(state).fromView(
    `|derived − measured| / the larger of the two = ${formatValue(value)}`,
    view,
    `float(metadata("${view}")["relative_difference"])`,
  );
}
