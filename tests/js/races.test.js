import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { configOf, isFromStart, isNow, RACES, settingsOf } from "../../static/models/races.js";
import { nextGoal } from "../../static/models/rounds.js";

const CONFIG = {
  dataset: "mnist",
  layers: [
    { units: 16, activation: "relu" },
    { units: 10, activation: "softmax" },
  ],
  loss: "categorical_crossentropy",
  optimizer: { name: "rmsprop", learning_rate: 0.001 },
  batch_size: 128,
  seed: 7,
  dtype: "float32",
};

const SGD = { optimizer: { name: "sgd", learning_rate: 0.1 } };
const RMSPROP = { optimizer: { name: "rmsprop", learning_rate: 0.001 } };

/**
 * @param {object} [changes]
 * @returns {import("../../static/protocol/types.js").RunState}
 */
const stateOf = (changes = {}) =>
  /** @type {any} */ ({ config: CONFIG, actions: [], ...CONFIG, ...changes });

describe("the sides of a race", () => {
  it("start alike, but for what each is given", () => {
    assert.deepEqual(configOf(CONFIG, SGD), {
      ...CONFIG,
      optimizer: { name: "sgd", learning_rate: 0.1 },
    });
    assert.deepEqual(configOf(CONFIG, { batch_size: 32 }), { ...CONFIG, batch_size: 32 });
  });

  it("are set in a branch to that alone", () => {
    assert.deepEqual(settingsOf(SGD), SGD);
    assert.deepEqual(settingsOf({ batch_size: 512 }), { batch_size: 512 });
  });

  it("differ from each other in every race, at most three new ones beside the page's", () => {
    for (const { title, sides } of RACES) {
      const configs = new Set(sides.map((side) => JSON.stringify(configOf(CONFIG, side))));
      assert.equal(configs.size, sides.length, title);
      assert.ok(sides.length >= 2 && sides.length <= 3, title);
    }
  });
});

describe("a round in step", () => {
  it("brings those behind up to the one ahead, then lets all go on alike", () => {
    assert.equal(nextGoal([3, 7, 5], 1), 7);
    assert.equal(nextGoal([7, 7, 7], 1), 8);
    assert.equal(nextGoal([7, 7], 32), 39);
  });
});

describe("a run takes part", () => {
  it("from the start, if it is that side and was never changed", () => {
    assert.ok(isFromStart(stateOf(), CONFIG, RMSPROP));
    assert.ok(!isFromStart(stateOf(), CONFIG, SGD));
    const changed = { actions: [{ batch: 3, set: { learning_rate: 0.01 } }] };
    assert.ok(!isFromStart(stateOf(changed), CONFIG, RMSPROP));
    assert.ok(!isFromStart(stateOf({ config: { ...CONFIG, seed: 8 } }), CONFIG, RMSPROP));
  });

  it("whatever the order of the settings, and with or without a momentum of zero", () => {
    const { seed, ...rest } = CONFIG;
    const optimizer = { momentum: 0, learning_rate: 0.1, name: "sgd" };
    assert.ok(isFromStart(stateOf({ config: { ...rest, optimizer, seed } }), CONFIG, SGD));
  });

  it("from now, if its settings are that side's", () => {
    const now = stateOf({ optimizer: { name: "sgd", learning_rate: 0.1, momentum: 0 } });
    assert.ok(isNow(now, SGD));
    assert.ok(!isNow(now, RMSPROP));
    assert.ok(isNow(stateOf(), { batch_size: 128 }));
    assert.ok(!isNow(stateOf(), { batch_size: 32 }));
  });
});
