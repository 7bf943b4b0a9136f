import assert from "node:assert/strict";
import { it } from "node:test";
import {
  comingBack,
  comingBackScale,
  secondDelta,
} from "../../static/models/explanations/backward.js";
import { largest } from "../../static/models/explanations/code.js";
import { drawnProbability } from "../../static/models/explanations/drawing.js";
import { activation, sampleLoss } from "../../static/models/explanations/forward.js";
import { helpersOf } from "../../static/models/explanations/helpers.js";
import { batchesPerEpoch, learningRate, loss } from "../../static/models/explanations/progress.js";
import { sourceOf } from "../../static/models/explanations/source.js";
import { batchSize, medianRatio, stillWeights } from "../../static/models/explanations/stations.js";
import { after, angle } from "../../static/models/explanations/update.js";

/** @typedef {import("../../static/protocol/types.js").RunState} RunState */

const STATE = /** @type {RunState} */ (
  /** @type {unknown} */ ({
    id: "abc",
    batch: 137,
    phase: "update",
    state: "paused",
    edit: null,
    actions: [],
    loss: 0.31234,
    config: {
      loss: "categorical_crossentropy",
      layers: [
        { units: 512, activation: "relu" },
        { units: 10, activation: "softmax" },
      ],
    },
  })
);

it("writes counts in groups of digits, after what they count", () => {
  const state = { ...STATE, parameters: 407050 };
  assert.match(stillWeights(state, 164774).formula, /of the weight = 164,774: their pixel/);
  assert.match(batchSize(state, 1024).formula, / = 1,024$/);
  assert.match(angle(state, 60).formula, / over all 407,050 parameters /);
});

it("divides the samples by the batch size only where that gives the batches of the epoch", () => {
  const state = { ...STATE, config: { ...STATE.config, dataset: "mnist" }, batch_size: 128 };
  const formula = (/** @type {number} */ batches_per_epoch) =>
    batchesPerEpoch({ ...state, batches_per_epoch }).formula;
  assert.match(formula(469), /= 60,000 \/ 128, rounded up = 469$/);
  assert.match(
    formula(1234),
    /= those completed, and the rest of the digits in batches of 128 = 1,234$/,
  );
});

const AT = { unit: 0, input: 0 };
const SERVER = "http://127.0.0.1:8000";

const definitions = (/** @type {string} */ numpy, address = "GET /api/runs/abc/series") =>
  helpersOf({ numpy, address }, SERVER).split("\n");

const names = (/** @type {string} */ numpy) =>
  definitions(numpy).map((line) => line.split(" = ")[0]);

it("defines all that a line uses and what that needs, in order", () => {
  const asked = ["import io", "import urllib.request", "import numpy as np", "id", "get"];
  assert.deepEqual(names('tensor("loss.per_sample").mean()'), [...asked, "tensor"]);
  assert.deepEqual(names('tensor_at("batch.y", 3)[0]'), [...asked, "tensor_at"]);
  assert.deepEqual(names('state["batch"]'), [
    "import json",
    "import urllib.request",
    "id",
    "get",
    "state",
  ]);
  assert.deepEqual(definitions("np.log(2)"), ["import numpy as np"]);
  assert.deepEqual(definitions("60 + 9"), [""]);
});

it("says whose run it is and which server has it, where that is asked", () => {
  const get = `get = lambda path: urllib.request.urlopen("${SERVER}" + path).read()`;
  for (const address of ["GET /api/runs/abc", "POST /api/classify?run=abc\nGET /api/runs/abc/x"]) {
    const lines = definitions('state["batch"]', address);
    assert.ok(lines.includes('id = "abc"'), lines.join());
    assert.ok(lines.includes(get), lines.join());
  }
});

it("takes tensors of now where a phase has run, else of the batch before", () => {
  const tensor = (/** @type {Partial<RunState>} */ change) =>
    sourceOf({ ...STATE, ...change }, "loss").tensor("loss.per_sample");
  assert.equal(tensor({}), 'tensor("loss.per_sample")');
  assert.equal(tensor({ phase: "loss" }), 'tensor("loss.per_sample")');
  assert.equal(tensor({ phase: "forward" }), 'tensor_at("loss.per_sample", 137)');
  assert.equal(tensor({ state: "playing" }), 'tensor_at("loss.per_sample", 137)');
  // Played slowly enough to be followed, the batch at hand is there for the rest of it.
  assert.equal(tensor({ state: "playing", phase: "loss" }), 'tensor("loss.per_sample")');
});

it("takes the weights before the step, once they have moved", () => {
  const used = (/** @type {Partial<RunState>} */ change) =>
    sourceOf({ ...STATE, ...change }, "forward").used("layer1.bias", "3");
  assert.equal(used({ phase: "backward" }), 'tensor("layer1.bias")[3]');
  assert.equal(used({}), '(tensor("layer1.bias")[3] - tensor("layer1.bias.step")[3])');
});

it("takes them from the batch before, where one has been set by hand since", () => {
  const actions = [
    { batch: 137, set: { weight: { tensor: "layer1.bias", index: [3], value: 1 } } },
  ];
  const edit = /** @type {RunState["edit"]} */ ({ kind: "weight" });
  for (const change of [{ actions }, { actions, edit }, { actions, phase: "draw" }]) {
    const source = sourceOf(/** @type {RunState} */ ({ ...STATE, ...change }), "forward");
    assert.equal(source.used("layer1.bias", "3"), 'tensor_at("layer1.bias", 136)[3]');
    const said = source.fromTensors("", source.namesUsed("layer1.bias"), "");
    assert.equal(said.address, "GET /api/runs/abc/tensors/layer1.bias?batch=136");
  }
  const next = sourceOf({ ...STATE, actions, phase: "backward" }, "forward");
  assert.equal(next.used("layer1.bias", "3"), 'tensor("layer1.bias")[3]');
});

it("explains nothing of a batch by the step on a drawing made since", () => {
  const state = { ...STATE, trained_apart: true };
  const lines = [loss(state), after(state, AT, 0.5), loss({ ...state, phase: "draw" })];
  for (const { formula, address, numpy } of lines) {
    assert.match(formula, /before the step on a drawing/);
    assert.deepEqual([address, numpy], ["", ""]);
  }
  assert.equal(loss({ ...state, phase: "loss" }).numpy, loss(STATE).numpy);
  const largestNow = largest(state, { phase: "update", tensor: "layer1.weights.step" }, 0.1);
  assert.equal(largestNow.numpy, 'np.abs(tensor("layer1.weights.step")).max()');
  assert.equal(largest(state, { phase: "loss", tensor: "loss" }, 0.1).numpy, "");
});

it("says the formula with its number, the address and the line", () => {
  assert.deepEqual(loss(STATE), {
    formula: "loss = mean of −log p[true digit] over the batch's digits = 0.3123",
    address: "GET /api/runs/abc/tensors/loss.per_sample",
    numpy: 'tensor("loss.per_sample").mean()',
  });
});

it("writes the whole network in a line, layer by layer", () => {
  const { numpy, address } = drawnProbability(STATE, "run", 4, 0.5);
  const first = 'np.maximum(tensor("layer1.weights") @ pixels + tensor("layer1.bias"), 0)';
  assert.ok(numpy.includes(`tensor("layer2.weights") @ ${first} + tensor("layer2.bias")`), numpy);
  assert.ok(numpy.endsWith("[4]"), numpy);
  assert.equal(address.split("\n")[0], "POST /api/classify?run=abc");
});

it("adds up a linear layer before the next one weighs it", () => {
  const layers = [{ units: 7, activation: "linear" }, ...STATE.config.layers.slice(1)];
  const linear = /** @type {RunState} */ ({ ...STATE, config: { ...STATE.config, layers } });
  const { numpy } = drawnProbability(linear, "run", 4, 0.5);
  const first = '(tensor("layer1.weights") @ pixels + tensor("layer1.bias"))';
  assert.ok(numpy.includes(`tensor("layer2.weights") @ ${first} + tensor("layer2.bias")`), numpy);
});

it("says p − y only where it is what comes back", () => {
  const [hidden, output] = STATE.config.layers;
  const layers = [hidden, hidden, output];
  const deeper = /** @type {RunState} */ ({ ...STATE, config: { ...STATE.config, layers } });
  const squared = /** @type {RunState} */ ({
    ...STATE,
    config: { ...STATE.config, loss: "mean_squared_error" },
  });
  assert.equal(secondDelta(STATE), "(p − y) / n");
  assert.equal(secondDelta(deeper), "∂loss/∂z₂");
  assert.equal(secondDelta(squared), "∂loss/∂z₂");
  const shown = comingBack(squared, { unit: 3, input: 0, sample: 0 }, 0.5);
  assert.match(shown?.formula ?? "", /W₂ · ∂loss\/∂z₂ = 0\.5/);
});

it("says of no single number that it is a softmax", () => {
  const formula = (/** @type {number} */ layer) =>
    activation(STATE, { layer, unit: 3, sample: 0 }, { z: 0.5, output: 0.25 })?.formula;
  assert.equal(formula(1), "relu(z[3]) = relu(0.5) = 0.25");
  assert.equal(formula(2), "softmax(z)[3] = 0.25");
});

it("explains a loss by z, since a float has no room for every probability", () => {
  const line = sampleLoss(STATE, { sample: 5, label: 3 }, 142.3).numpy;
  const z = 'np.exp(s := (z := tensor("layer2.preactivations")[5]) - z.max())';
  assert.equal(line, `np.log(${z}.sum()) - s[3]`);
});

it("counts the digits of the batch that a gradient is of, not of one drawn since", () => {
  const drawn = /** @type {RunState} */ ({ ...STATE, phase: "draw" });
  const { numpy } = comingBackScale(drawn, { digits: 8, scale: 0.125 });
  assert.equal(numpy, '1 / len(tensor_at("batch.x", 137))');
});

it("says of a learning rate what it is multiplied with, and what momentum adds", () => {
  const formula = (/** @type {number} */ momentum) =>
    learningRate({
      ...STATE,
      learning_rate: 0.1,
      optimizer: { name: "sgd", learning_rate: 0.1, momentum },
    }).formula;
  assert.equal(formula(0), "learning rate = 0.1: step = −learning rate · gradient");
  assert.match(formula(0.9), /: step = momentum · previous step − learning rate · gradient$/);
});

it("counts steps that are next to nothing beside their weights as none, in both figures", () => {
  assert.match(stillWeights(STATE, 3).numpy, /^\(~\(np\.abs\(.*\) > 1e-40\)\)\.sum\(\)$/);
  assert.match(medianRatio(STATE, 0.5).numpy, /\[r > 1e-40\]/);
});

it("takes no cosine beyond 1 for an angle", () => {
  assert.match(angle({ ...STATE, parameters: 10 }, 0).numpy, /arccos\(np\.clip\(.*, -1, 1\)\)\)$/);
});
