import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { changesOf, markOf, settingsAt } from "../../static/models/changes.js";
import { aheadWords, discardWords, Rewind } from "../../static/models/rewind.js";
import { RunModel } from "../../static/models/run.js";
import { settled } from "./settled.js";

/** @typedef {import("../../static/protocol/types.js").Command} Command */
/** @typedef {import("../../static/protocol/types.js").RunState} RunState */

const CONFIG = {
  dataset: "mnist",
  layers: [{ units: 10, activation: "softmax" }],
  loss: "categorical_crossentropy",
  optimizer: { name: "rmsprop", learning_rate: 0.001 },
  batch_size: 128,
  seed: 0,
  dtype: "float32",
};

const ACTIONS = [
  { batch: 137, set: { learning_rate: 0.01 } },
  { batch: 200, set: { optimizer: { name: "sgd", learning_rate: 0.01, momentum: 0 } } },
  { batch: 205, set: { momentum: 0.9, batch_size: 64 } },
  { batch: 210, set: { weight: { tensor: "layer1.weights", index: [137, 406], value: -0.5 } } },
  { batch: 211, set: { weight: { tensor: "layer2.bias", index: [3], value: 0.25 } } },
  { batch: 300, set: { drawing: { label: 4, pixels: [] } } },
  { batch: 310, set: { optimizer: { name: "adam", learning_rate: 0.002 } } },
  { batch: 320, set: { optimizer: { name: "sgd", learning_rate: 0.1, momentum: 0.5 } } },
  { batch: 330, set: { batch_size: 4096 } },
];

describe("the history of a run", () => {
  it("tells every change with what was before", () => {
    assert.deepEqual(
      changesOf(CONFIG, ACTIONS).map(({ batch, words }) => `batch ${batch}: ${words}`),
      [
        "batch 137: learning rate 0.001 → 0.01",
        "batch 200: optimizer RMSprop → SGD (learning rate 0.01)",
        "batch 205: momentum 0 → 0.9, batch size 128 → 64",
        "batch 210: weight 137, 406 of layer 1 set to −0.5",
        "batch 211: bias 3 of layer 2 set to 0.25",
        "batch 300: one step on a drawing of 4",
        "batch 310: optimizer SGD → Adam (learning rate 0.002)",
        "batch 320: optimizer Adam → SGD (learning rate 0.1, momentum 0.5)",
        "batch 330: batch size 64 → 4,096",
      ],
    );
  });

  it("knows the settings at any batch, changes made at it included", () => {
    const first = { name: "rmsprop", learning_rate: 0.001, momentum: 0, batch_size: 128 };
    assert.deepEqual(settingsAt(CONFIG, ACTIONS, 136), first);
    assert.deepEqual(settingsAt(CONFIG, ACTIONS, 137), { ...first, learning_rate: 0.01 });
    assert.deepEqual(settingsAt(CONFIG, ACTIONS, 315), {
      name: "adam",
      learning_rate: 0.002,
      momentum: 0,
      batch_size: 64,
    });
  });

  it("has a few words for the chart", () => {
    assert.deepEqual(ACTIONS.map(markOf), [
      "lr 0.01",
      "SGD",
      "momentum 0.9, size 64",
      "by hand",
      "by hand",
      "drawing",
      "Adam",
      "SGD",
      "size 4,096",
    ]);
  });
});

/** A run at batch 300 that answers each seek when it is let. */
function rewindOf({ state = "paused", furthest = 300 } = {}) {
  /** @type {Command[]} */
  const sent = [];
  /** @type {(() => void)[]} */
  const answers = [];
  const run = new RunModel((callback) => callback());
  const at = (/** @type {object} */ part) =>
    /** @type {RunState} */ ({ ...run.state.peek(), ...part });
  run.state.value = at({ state, batch: 300, furthest, phase: "update", pending: null });
  run.connection.value = "open";
  run.attach({
    look() {},
    ack() {},
    command: (command) => {
      sent.push(command);
      return new Promise((resolve) => {
        answers.push(() => {
          const change = command.type === "seek" ? { batch: command.batch } : { state: "paused" };
          run.reply(at(change));
          resolve(at({}));
        });
      });
    },
  });
  return { rewind: new Rewind(run), run, at, sent, answer: () => answers.shift()?.() };
}

beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(() => mock.timers.reset());

/** Until the seek that is next, where one is, has been sent. */
const turn = async () => {
  await settled();
  mock.timers.tick(1);
  await settled();
};

describe("Rewind", () => {
  it("moves the marker at once and sends one seek at a time, the newest next", async () => {
    const { rewind, sent, answer } = rewindOf();
    for (const batch of [250, 200, 150, 100]) rewind.to(batch);
    assert.equal(rewind.batch, 100);
    await turn();
    assert.deepEqual(sent, [{ type: "seek", batch: 250 }]);
    answer();
    await turn();
    assert.equal(rewind.batch, 100);
    assert.deepEqual(sent.slice(1), [{ type: "seek", batch: 100 }]);
    rewind.to(100.4); // on its way there already
    answer();
    await turn();
    assert.equal(sent.length, 2);
    assert.equal(rewind.sought.peek(), null);
    assert.equal(rewind.batch, 100);
  });

  it("pauses a playing run first", async () => {
    const { rewind, sent, answer } = rewindOf({ state: "playing" });
    rewind.to(10);
    await turn();
    assert.deepEqual(sent, [{ type: "pause" }, { type: "seek", batch: 10 }]);
    answer();
    answer();
    await turn();
    assert.equal(rewind.sought.peek(), null);
  });

  it("has gone where it was dragged to before what is asked for next", async () => {
    const { rewind, run, sent } = rewindOf({ state: "playing" });
    for (const batch of [250, 200, 150]) rewind.to(batch);
    run.play();
    run.step("batch");
    await turn();
    assert.deepEqual(
      sent.map(({ type, batch }) => `${type} ${batch ?? ""}`.trim()),
      ["pause", "seek 250", "pause", "seek 150", "play", "step"],
    );
  });

  it("is stepped back from where it was dragged to", async () => {
    const { rewind, run, sent, answer } = rewindOf();
    for (const batch of [250, 150]) rewind.to(batch);
    run.back();
    for (let answers = 0; answers < 2; answers++) {
      await turn();
      answer();
    }
    await turn();
    assert.deepEqual(
      sent.map((command) => command.type === "seek" && command.batch),
      [250, 150, 149],
    );
  });

  it("waits for a long seek, whose answer comes before its end", async () => {
    const { rewind, run, at, sent, answer } = rewindOf();
    rewind.to(20);
    rewind.to(30);
    await turn();
    run.state.value = at({ state: "stepping" });
    answer();
    await turn();
    assert.equal(sent.length, 1);
    run.state.value = at({ state: "paused" });
    await turn();
    assert.deepEqual(sent.slice(1), [{ type: "seek", batch: 30 }]);
  });

  it("stays within what has been trained, and leaves another's run alone", async () => {
    const { rewind, run, sent } = rewindOf();
    rewind.to(1000);
    assert.equal(rewind.batch, 300);
    rewind.to(-5);
    assert.equal(rewind.batch, 0);
    await turn();
    const before = sent.length;
    run.writable.value = false;
    rewind.to(7);
    await turn();
    assert.equal(sent.length, before);
  });
});

describe("a long way", () => {
  it("can be stopped by the play button, wherever it was begun", () => {
    const { run, at } = rewindOf();
    run.hello({ type: "hello", writable: true, state: at({ state: "stepping", pending: 900 }) });
    assert.equal(run.running.value, true);
    run.reply(at({ state: "paused" }));
    assert.equal(run.running.value, false);
    run.state.value = at({ state: "stepping" });
    assert.equal(run.running.value, false);
    run.reply(at({ state: "stepping" }));
    assert.equal(run.running.value, true);
  });

  it("ahead of what has been trained is seen on its way, and left for another batch", async () => {
    const { rewind, run, at, sent, answer } = rewindOf();
    run.state.value = at({ pending: 900 });
    rewind.to(800);
    await turn();
    run.state.value = at({ state: "stepping" });
    answer();
    await turn();
    assert.equal(rewind.sought.peek(), null);
    run.state.value = at({ state: "stepping", batch: 350, furthest: 350 });
    assert.equal(rewind.batch, 350);
    rewind.to(100);
    await turn();
    answer();
    await turn();
    assert.deepEqual(sent, [
      { type: "seek", batch: 800 },
      { type: "pause" },
      { type: "seek", batch: 100 },
    ]);
  });
});

describe("what lies ahead", () => {
  const state = /** @type {RunState} */ ({ batch: 137, furthest: 469, pending: null });

  it("is kept, and is told from what a change costs", () => {
    assert.match(aheadWords(state, 137), /^Batches 138 to 469 are kept until you change something/);
    assert.match(
      aheadWords(state, 468),
      /^Batch 469 is kept .* it comes out the same, bit for bit\.$/,
    );
    assert.equal(aheadWords(state, 469), "");
    assert.match(discardWords(state), /discards batches 138 to 469; branch instead/);
    assert.match(discardWords({ ...state, batch: 468 }), /discards batch 469;/);
    assert.equal(discardWords({ ...state, batch: 469 }), "");
  });

  it("may be a recipe that has not been followed yet", () => {
    const pending = { ...state, batch: 0, furthest: 0, pending: 1200 };
    assert.match(aheadWords(pending, 0), /recipe that goes on to batch 1,200/);
    assert.match(discardWords(pending), /discards batches 1 to 1,200/);
  });
});
