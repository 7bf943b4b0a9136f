import { formatCount } from "../format.js";

/**
 * @typedef {import("../protocol/types.js").Phase} Phase
 * @typedef {import("../protocol/types.js").RunState} RunState
 * @typedef {import("../protocol/safetensors.js").SafetensorsFile} SafetensorsFile
 */

/** The phases in their order. */
export const PHASES = /** @type {const} */ (["draw", "forward", "loss", "backward", "update"]);

/**
 * @typedef {object} DrawPicture
 * @property {Uint8Array} pixels (count, features), 0..255
 * @property {Uint8Array} labels (count,)
 * @property {number} count how many of the batch's digits the page has
 * @property {number} size how many digits the batch has
 * @property {number} sample the followed one
 *
 * @typedef {object} ForwardPicture
 * @property {Float32Array[]} activations one array a layer, of the followed sample
 * @property {number} label its true class
 * @property {number} sample its index in the batch
 * @property {Uint8Array} pixels the followed sample itself
 *
 * @typedef {object} LossPicture
 * @property {Float32Array} perSample sorted, largest first
 * @property {number} mean
 * @property {Uint16Array} order their indices in the batch
 * @property {Uint16Array} answers the network's answer for each of the first `shown` samples
 * @property {number} right how many of the first `shown` samples were classified right
 * @property {number} shown
 *
 * @typedef {object} BackwardPicture
 * @property {Uint8Array} images (16, features), coded
 * @property {number[]} units
 * @property {number} scale
 * @property {Uint8Array} output (units, inputs), coded
 * @property {[number, number]} outputShape
 * @property {number} outputScale
 *
 * @typedef {object} UpdatePicture
 * @property {Uint32Array} histogram counts of log10(|step| / |weight|) from 1e-6 to 1
 * @property {number} median
 * @property {number} still weights that did not move
 */

/**
 * @typedef {object} Pictures what the five stations show
 * @property {DrawPicture | null} draw
 * @property {ForwardPicture | null} forward
 * @property {LossPicture | null} loss
 * @property {BackwardPicture | null} backward
 * @property {UpdatePicture | null} update
 * @property {ReadonlySet<Phase>} fresh phases whose picture is from the present batch
 * @property {number} batch the present batch: the one under way, else the last completed
 * @property {{ [phase in Phase]: number }} of the batch that each picture is from
 */

/** @type {Pictures} */
export const NO_PICTURES = {
  draw: null,
  forward: null,
  loss: null,
  backward: null,
  update: null,
  fresh: new Set(),
  batch: 0,
  of: { draw: 0, forward: 0, loss: 0, backward: 0, update: 0 },
};

/**
 * The pictures after a `loop` message. A phase that has not run in the present batch keeps its
 * picture from an earlier one and is not `fresh`. After a step back, no older picture is kept.
 *
 * @param {Pictures} before
 * @param {SafetensorsFile} file
 * @returns {Pictures}
 */
export function nextPictures(before, file) {
  const phase = file.metadata.phase ?? "";
  const batch = batchAtHand(file.metadata.batch, phase);
  const kept = batch < before.batch || phase === "" ? NO_PICTURES : before;
  const draw = drawPicture(file) ?? drawnBefore(kept, file, batch);
  const arrived = {
    draw,
    forward: forwardPicture(file, draw),
    loss: lossPicture(file),
    backward: backwardPicture(file),
    update: updatePicture(file),
  };
  return {
    draw: arrived.draw ?? kept.draw,
    forward: arrived.forward ?? kept.forward,
    loss: arrived.loss ?? kept.loss,
    backward: arrived.backward ?? kept.backward,
    update: arrived.update ?? kept.update,
    fresh: new Set(PHASES.filter((name) => arrived[name] !== null)),
    batch,
    of: {
      draw: arrived.draw ? batch : kept.of.draw,
      forward: arrived.forward ? batch : kept.of.forward,
      loss: arrived.loss ? batch : kept.of.loss,
      backward: arrived.backward ? batch : kept.of.backward,
      update: arrived.update ? batch : kept.of.update,
    },
  };
}

/**
 * Where the tensors of a phase come from; null if from the present batch.
 *
 * @param {Pick<RunState, "batch" | "phase" | "trained_apart">} state
 * @param {Phase} phase
 * @returns {{ words: string, isOlder: boolean } | null} `isOlder` if the present
 *   batch will replace them
 */
export function ofOther(state, phase) {
  const { batch, phase: last, trained_apart } = state;
  const isOlder = last !== null && last !== "update";
  if (isOlder && PHASES.indexOf(phase) <= PHASES.indexOf(last)) return null;
  if (trained_apart) {
    const isKept = phase === "backward" || phase === "update";
    return isKept ? { words: "from the drawing", isOlder } : null;
  }
  return isOlder && batch > 0 ? { words: `from batch ${formatCount(batch)}`, isOlder } : null;
}

/**
 * The batch that a phase belongs to: the one under way, else the last completed.
 *
 * @param {string | number | undefined} completed
 * @param {string | null | undefined} phase "" or null for none
 */
export function batchAtHand(completed, phase) {
  return Number(completed) + (!phase || phase === "update" ? 0 : 1);
}

/**
 * @param {SafetensorsFile} file
 * @returns {DrawPicture | null}
 */
function drawPicture({ tensors, metadata }) {
  const x = tensors.get("batch.x");
  const y = tensors.get("batch.y");
  if (!x || !y) return null;
  return {
    pixels: /** @type {Uint8Array} */ (x.data),
    labels: /** @type {Uint8Array} */ (y.data),
    count: y.data.length,
    size: Number(metadata.samples ?? y.data.length),
    sample: Number(metadata.sample ?? 0),
  };
}

/**
 * The digits of a batch arrive once; its later phases use the same.
 *
 * @param {Pictures} kept
 * @param {SafetensorsFile} file
 * @param {number} batch
 */
function drawnBefore({ draw, of }, { metadata }, batch) {
  return metadata.samples !== undefined && of.draw === batch ? draw : null;
}

/**
 * @param {SafetensorsFile} file
 * @param {DrawPicture | null} draw
 * @returns {ForwardPicture | null}
 */
function forwardPicture({ tensors }, draw) {
  /** @type {Float32Array[]} */
  const activations = [];
  for (let layer = 1; ; layer++) {
    const tensor = tensors.get(`activations.${layer}`);
    if (!tensor) break;
    activations.push(/** @type {Float32Array} */ (tensor.data));
  }
  if (activations.length === 0 || !draw) return null;
  const features = draw.pixels.length / draw.count;
  const pixels = draw.pixels.subarray(draw.sample * features, (draw.sample + 1) * features);
  return { activations, label: draw.labels[draw.sample] ?? 0, sample: draw.sample, pixels };
}

/**
 * @param {SafetensorsFile} file
 * @returns {LossPicture | null}
 */
function lossPicture({ tensors, metadata }) {
  const perSample = tensors.get("loss.per_sample");
  const correct = tensors.get("loss.correct");
  const order = tensors.get("loss.order");
  const answers = tensors.get("loss.answers");
  if (!perSample || !correct || !order || !answers) return null;
  const flags = /** @type {Uint8Array} */ (correct.data);
  return {
    perSample: /** @type {Float32Array} */ (perSample.data),
    order: /** @type {Uint16Array} */ (order.data),
    answers: /** @type {Uint16Array} */ (answers.data),
    mean: Number(metadata["loss.mean"]),
    right: flags.reduce((sum, flag) => sum + flag, 0),
    shown: flags.length,
  };
}

/**
 * @param {SafetensorsFile} file
 * @returns {BackwardPicture | null}
 */
function backwardPicture({ tensors, metadata }) {
  const images = tensors.get("gradient.images");
  const output = tensors.get("gradient.output");
  if (!images || !output) return null;
  const [units = 0, inputs = 0] = output.shape;
  return {
    images: /** @type {Uint8Array} */ (images.data),
    units: JSON.parse(metadata["gradient.images.units"] ?? "[]"),
    scale: Number(metadata["gradient.images.scale"]),
    output: /** @type {Uint8Array} */ (output.data),
    outputShape: [units, inputs],
    outputScale: Number(metadata["gradient.output.scale"]),
  };
}

/**
 * @param {SafetensorsFile} file
 * @returns {UpdatePicture | null}
 */
function updatePicture({ tensors }) {
  const histogram = tensors.get("update.histogram");
  const median = tensors.get("update.median");
  const still = tensors.get("update.still");
  if (!histogram || !median || !still) return null;
  return {
    histogram: /** @type {Uint32Array} */ (histogram.data),
    median: Number(median.data[0]),
    still: Number(still.data[0]),
  };
}
