import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cellsLayout } from "../../static/draw/cells.js";
import { chainOf, insideOf, measuredOf, tellingWeight } from "../../static/models/inside.js";
import { shapeText, sourceLines } from "../../static/models/program.js";
import { updateRule } from "../../static/models/update.js";

const floats = (/** @type {number[]} */ ...values) => ({
  dtype: "F32",
  shape: [values.length],
  data: Float32Array.from(values),
});

const OPTIMIZER = { name: "rmsprop", learning_rate: 0.25, rho: 0.9, epsilon: 0 };
const WEIGHT = { value: 1, before: 2, gradient: 4, step: -1 };

/** A network with two inputs, two hidden units, and two outputs; two samples; after the update. */
const SEEN = {
  tensors: new Map([
    ["x", floats(0.5, 1)],
    ["weights", floats(1, 5)],
    ["weights.step", floats(-1, 0)],
    ["weights.before", floats(2, 3)], // the second has been set by hand since
    ["bias", floats(0.5)],
    ["bias.before", floats(0.25)],
    ["layer1.preactivations", floats(-1, 4)],
    ["layer1.activations", floats(0, 4)],
    ["layer2.preactivations", floats(0, 0)],
    ["layer2.activations", floats(0.5, 0.5)],
    ["layer2.preactivations.gradient", floats(-0.25, 0.25)],
    ["layer1.activations.gradient", floats(3, 2)],
    ["layer1.preactivations.gradient", floats(0, 2)],
    ["unit.preactivations.gradient", floats(2, -1)],
    ["input.x", floats(0.5, 0.25)],
    ["weights.gradient", floats(0.75, 1)],
  ]),
  metadata: {
    ...{ sample: "0", unit: "1", input: "0", label: "1", batch: "7", phase: "update" },
    weight: JSON.stringify({ ...WEIGHT, v: 0.25, optimizer: OPTIMIZER }),
    angle: "30",
  },
  fresh: true,
};

/** @param {string} phase */
const at = (phase) => ({ ...SEEN, metadata: { ...SEEN.metadata, phase } });

describe("what lies behind a number", () => {
  it("has the weights and the bias that the forward pass used", () => {
    const inside = insideOf(SEEN);
    assert.deepEqual([...(inside?.weights ?? [])], [2, 3]);
    assert.equal(inside?.bias, 0.25);
  });

  it("belongs to the batch under way, or to the one completed", () => {
    assert.equal(insideOf(SEEN)?.batch, 7);
    assert.equal(insideOf(at("backward"))?.batch, 8);
  });

  it("is nothing before a batch has been drawn", () => {
    assert.equal(insideOf(null), null);
    assert.equal(insideOf({ ...SEEN, tensors: new Map([["weights", floats(1)]]) }), null);
  });
});

describe("the chain rule for a weight", () => {
  it("is x, the slope and what comes back; the batch's shares add up", () => {
    const inside = insideOf(SEEN);
    assert.ok(inside);
    const chain = chainOf(inside, "relu");
    assert.deepEqual(
      [chain?.x, chain?.slope, chain?.back, chain?.share, chain?.sum, chain?.digits],
      [0.5, 1, 2, 1, 2 * 0.5 - 0.25, 2],
    );
  });

  it("has the slope 0 where relu lets nothing through", () => {
    const inside = insideOf({ ...SEEN, metadata: { ...SEEN.metadata, unit: "0" } });
    assert.ok(inside);
    assert.equal(chainOf(inside, "relu")?.slope, 0);
    assert.equal(chainOf(inside, "relu")?.share, 0);
  });

  it("is unknown before the backward pass", () => {
    const tensors = new Map([...SEEN.tensors].filter(([name]) => !name.includes("gradient")));
    const inside = insideOf({ ...SEEN, tensors });
    assert.ok(inside);
    assert.equal(chainOf(inside, "relu"), null);
  });

  it("is best seen where the unit's derivative is large and the pixel bright", () => {
    const inside = insideOf({
      ...SEEN,
      tensors: new Map([
        ...SEEN.tensors,
        ["x", floats(0, 1, 0, 0.2)],
        ["weights", floats(1, 1, 1, 1)],
      ]),
    });
    assert.ok(inside);
    assert.deepEqual(tellingWeight(inside), { unit: 1, input: 1 });
  });
});

describe("the measured derivative", () => {
  const metadata = {
    ...{ measured: "0.5", derived: "0.5", h: "1e-4", loss_above: "2", loss_below: "1" },
    ...{ relative_difference: "1e-9", "study.batch": "6", "study.phase": "backward" },
    index: "[3, 406]",
  };
  const seen = { tensors: new Map(), metadata, fresh: true };

  const of = { unit: 3, input: 406, batch: 7 };

  it("counts for the weight and the batch it is of", () => {
    const found = measuredOf(seen, of);
    assert.equal(found !== "lost" && found?.measured, 0.5);
    const lost = { ...seen, metadata: { ...seen.metadata, lost: "true" } };
    assert.equal(measuredOf(lost, of), "lost");
    assert.equal(measuredOf(lost, { ...of, batch: 8 }), null);
    assert.equal(measuredOf(seen, { ...of, batch: 8 }), null);
    assert.equal(measuredOf(seen, { ...of, unit: 4 }), null);
    assert.equal(measuredOf(null, of), null);
  });
});

describe("the rule of an update", () => {
  const names = (/** @type {object} */ optimizer, kept = {}) =>
    updateRule({ ...WEIGHT, ...kept, optimizer: { ...OPTIMIZER, ...optimizer } })?.numbers.map(
      ({ quantity }) => quantity,
    );

  it("has the numbers that the optimizer uses", () => {
    assert.deepEqual(names({ name: "sgd" }), ["before", "gradient", "step", "after"]);
    assert.ok(names({ name: "sgd", momentum: 0.9 })?.includes("effective"));
    assert.ok(names({ name: "adam" }, { m: 1, v: 1 })?.includes("m"));
  });

  it("multiplies RMSprop's gradient by lr / √(v + ε)", () => {
    const rule = updateRule({ ...WEIGHT, v: 0.25, optimizer: OPTIMIZER });
    const effective = rule?.numbers.find(({ quantity }) => quantity === "effective");
    assert.equal(effective?.value, 0.25 / 0.5 + 0);
  });

  it("leaves out what the optimizer has forgotten, and is not there before the update", () => {
    assert.deepEqual(names({}), ["before", "gradient", "effective", "step", "after"]);
    assert.equal(updateRule({ value: 1, optimizer: OPTIMIZER }), null);
  });

  it("claims no sum that a weight set by hand does not keep", () => {
    const last = (/** @type {number} */ value) =>
      updateRule({ ...WEIGHT, value, optimizer: OPTIMIZER })?.numbers.at(-1)?.name;
    const { before = 0, step = 0 } = WEIGHT;
    assert.equal(last(Math.fround(before + step)), "W1 = W0 + step");
    assert.equal(last(before + step + 0.5), "W, set by hand");
  });

  it("is written once for all", () => {
    const momentum = updateRule({
      ...WEIGHT,
      optimizer: { name: "sgd", learning_rate: 0.5, momentum: 0.9 },
    });
    assert.equal(momentum?.formula, "velocity = 0.9 · velocity − 0.5 · g\nstep = velocity");
    const plain = updateRule({ ...WEIGHT, optimizer: { name: "sgd", learning_rate: 0.5 } });
    assert.equal(plain?.formula, "step = −0.5 · g");
  });
});

describe("the running code", () => {
  it("keeps indents, and tells the docstring from the rest", () => {
    const lines = sourceLines('def f():\n    """One.\n\n    Two."""\n    return 1\n');
    assert.deepEqual(
      lines.map(({ isDoc }) => isDoc),
      [false, true, true, true, false],
    );
    assert.deepEqual(lines[4], { text: "return 1", indent: 4, isDoc: false });
  });

  it("writes shapes as NumPy does", () => {
    assert.deepEqual([[], [3], [3, 4]].map(shapeText), ["a number", "(3,)", "(3, 4)"]);
  });
});

describe("cells of a layer", () => {
  it("fill their rows where the number of units allows it", () => {
    const { columns, rows } = cellsLayout(512, { width: 277, height: 120 });
    assert.deepEqual([columns, rows], [32, 16]);
  });

  it("are near to squares for any number", () => {
    const { columns, rows } = cellsLayout(13, { width: 100, height: 100 });
    assert.deepEqual([columns, rows], [4, 4]);
  });
});
