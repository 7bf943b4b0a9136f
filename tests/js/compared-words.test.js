import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { textOf } from "../../static/models/captions.js";
import { changeText, marksOf, settingText } from "../../static/models/compared-marks.js";
import {
  apartNotes,
  optimizerTitle,
  outNote,
  runTitle,
  standing,
  withoutText,
} from "../../static/models/compared-words.js";
import {
  agoText,
  keptText,
  periodText,
  reachedParts,
  settingsText,
  summaryText,
  whenText,
} from "../../static/models/my-runs.js";
import { RunModel } from "../../static/models/run.js";

/**
 * @param {object} [config]
 * @param {{ batch: number, set: object }[]} [actions]
 * @returns {any}
 */
const stateOf = (config = {}, actions = []) => ({
  config: {
    dataset: "mnist",
    layers: [{ units: 10, activation: "softmax" }],
    batch_size: 128,
    seed: 0,
    ...config,
  },
  actions,
});

/** @param {any[]} states */
const notesOf = (...states) => apartNotes(states.map((state, slot) => ({ slot, state })));

describe("what sets compared runs apart", () => {
  it("is nothing where only the optimizer or its rate differs", () => {
    const changed = stateOf({}, [{ batch: 5, set: { learning_rate: 0.1 } }]);
    assert.deepEqual(notesOf(stateOf(), changed, stateOf({ optimizer: { name: "sgd" } })), []);
  });

  it("is the batches where their size differs", () => {
    const [note] = notesOf(stateOf(), stateOf(), stateOf({ batch_size: 32 }));
    assert.equal(note, "A and C draw different batches: A takes 128 digits at a time, C takes 32.");
  });

  it("names the batch from which they differ", () => {
    const changed = stateOf({}, [
      { batch: 40, set: { learning_rate: 0.1 } },
      { batch: 90, set: { batch_size: 64 } },
      { batch: 95, set: { batch_size: 128 } },
    ]);
    const [note] = notesOf(stateOf(), changed);
    assert.match(note ?? "", /different batches from batch 90 on: A takes 128 .*, B takes 64\.$/);
  });

  it("is nothing where both changed alike", () => {
    const changed = () => stateOf({}, [{ batch: 90, set: { batch_size: 64 } }]);
    assert.deepEqual(notesOf(changed(), changed()), []);
  });

  it("is the seed, and the network", () => {
    assert.match(
      notesOf(stateOf(), stateOf({ seed: 1 }))[0] ?? "",
      /^B has a different seed from A/,
    );
    const other = stateOf({ layers: [{ units: 20, activation: "relu" }] });
    assert.equal(
      notesOf(stateOf(), other)[0],
      "B is a different network from A, so their weights cannot be compared.",
    );
    // The images compare first layers, and these are as large.
    const alike = stateOf({ layers: [{ units: 10, activation: "tanh" }] });
    assert.deepEqual(notesOf(stateOf(), alike), ["B is a different network from A."]);
  });

  it("is what is computed, and how exactly", () => {
    const exact = stateOf({ dtype: "float64", loss: "mean_squared_error", batch_size: 4096 });
    const usual = stateOf({ dtype: "float32", loss: "categorical_crossentropy" });
    assert.deepEqual(notesOf(usual, exact), [
      "B has a different loss function from A, so their losses cannot be compared.",
      "B computes in float64, A in float32.",
      "A and B draw different batches: A takes 128 digits at a time, B takes 4,096.",
    ]);
  });
});

describe("what was changed", () => {
  const textOf = (/** @type {any} */ set) => settingText({ batch: 1, set });

  it("is said in a few words, the rate that came with an optimizer too", () => {
    assert.equal(textOf({ learning_rate: 0.01 }), "lr 0.01");
    const optimizer = { name: "sgd", learning_rate: 0.1, momentum: 0 };
    assert.equal(textOf({ optimizer, batch_size: 64 }), "SGD, lr 0.1, size 64");
    assert.equal(textOf({ optimizer: "adam", momentum: 0 }), "Adam, momentum 0");
    const weight = { tensor: "layer1.weights", index: [1, 2], value: 0.5 };
    assert.equal(textOf({ weight }), "by hand");
    assert.equal(textOf({ speed: 5 }), "");
  });

  it("is marked once where several of one batch say the same", () => {
    const byHand = (/** @type {number} */ batch) => ({ batch, set: { weight: { value: batch } } });
    const actions = [byHand(1), byHand(1), { batch: 1, set: { batch_size: 8 } }, byHand(2)];
    const texts = (/** @type {any} */ branched_from) =>
      marksOf({ actions, branched_from }).map((mark) => changeText("A", mark));
    assert.deepEqual(texts(null), [
      "A from batch 1 on: by hand",
      "A from batch 1 on: size 8",
      "A from batch 2 on: by hand",
    ]);
    assert.equal(texts({ id: "a", batch: 1 })[0], "A branches off at batch 1: by hand, size 8");
  });

  it("is marked at its batch, and so is where the run branched off", () => {
    const actions = [
      { batch: 10, set: { learning_rate: 0.01 } },
      { batch: 61, set: { optimizer: { name: "sgd", learning_rate: 0.1 } } },
      { batch: 90, set: { batch_size: 64 } },
    ];
    const changes = marksOf({ actions, branched_from: { id: "a", batch: 61 } });
    assert.deepEqual(
      changes.map((mark) => changeText("B", mark)),
      [
        "B from batch 10 on: lr 0.01",
        "B branches off at batch 61: SGD, lr 0.1",
        "B from batch 90 on: size 64",
      ],
    );
    const branch = marksOf({ actions: [], branched_from: { id: "a", batch: 61 } });
    assert.equal(changeText("C", branch[0] ?? assert.fail()), "C branches off at batch 61");
    assert.deepEqual(marksOf(null), []);
  });
});

describe("what a run does", () => {
  const runIn = (/** @type {any} */ state) => {
    const run = new RunModel((callback) => callback());
    run.state.value = state;
    return run;
  };
  const error = {
    code: "not_finite",
    message: "training has stopped in batch 4: its loss is nan",
    hint: "Its steps have become too large.",
  };
  const failed = { ...stateOf(), state: "failed", batch: 3, error };

  it("is said in a few words, and in full why it goes on no more", () => {
    assert.equal(standing(runIn(failed), 0), "this page's run, stopped after batch 3");
    assert.equal(
      outNote(runIn(failed), 0),
      "A has dropped out: training has stopped in batch 4: its loss is nan. Its steps have become too large.",
    );
    assert.equal(standing(runIn({ ...stateOf(), state: "playing" }), 1), "");
    const within = { ...stateOf(), state: "paused", batch: 30, phase: "loss" };
    assert.equal(standing(runIn(within), 1), "loss and accuracy of batch 31");
    assert.equal(standing(runIn({ ...within, phase: "forward" }), 1), "");
    assert.equal(outNote(runIn({ ...stateOf(), state: "playing" }), 1), "");
  });

  it("promises nothing of a run that does not exist", () => {
    const run = runIn(null);
    assert.equal(standing(run, 1), "is being opened");
    run.connection.value = "away";
    assert.equal(standing(run, 1), "can't be opened, trying again");
    run.gone.value = { code: "unknown_run", message: "This run does not exist, or no longer." };
    assert.equal(standing(run, 1), "no such run");
    assert.equal(outNote(run, 1), "B: This run does not exist, or no longer.");
  });

  it("is without whom the others go on", () => {
    assert.equal(withoutText([]), "");
    const out = [0, 2].map((slot) => ({ slot, run: runIn(failed) }));
    assert.equal(withoutText(out), "(without A, C)");
  });
});

describe("a run's title", () => {
  const run = { optimizer: { name: "sgd", learning_rate: 0.1, momentum: 0.9 }, learning_rate: 0.1 };

  it("is its name, or its settings", () => {
    assert.equal(runTitle({ ...run, name: "too fast" }), "too fast");
    assert.equal(runTitle({ ...run, name: "" }), "SGD 0.1, momentum 0.9");
    assert.equal(optimizerTitle("adam"), "Adam");
  });
});

describe("my runs, in words", () => {
  const now = 1_700_000_000;

  it("says periods in whole units", () => {
    assert.equal(periodText(30 * 86400), "30 days");
    assert.equal(periodText(4 * 3600), "4 hours");
    assert.equal(periodText(90 * 60), "90 minutes");
    assert.equal(periodText(61), "1 minute");
    assert.equal(periodText(0), "1 minute");
  });

  it("says when a run was used and how long it is kept", () => {
    assert.equal(agoText(now - 5, now), "just now");
    assert.equal(agoText(now - 3 * 86400, now), "3 days ago");
    assert.equal(
      whenText({ used: now - 7200, expires: now + 29.9 * 86400 }, now),
      "used 2 hours ago, kept for 30 days",
    );
    assert.equal(
      keptText(30 * 86400),
      "A run is kept for 30 days after its last use, and then deleted.",
    );
  });

  /** @type {any} */
  const run = {
    name: "long",
    state: "playing",
    batch: 1200,
    furthest: 1400,
    phase: null,
    accuracy: 0.96875,
    test_accuracy: 0.9712,
    optimizer: { name: "rmsprop", learning_rate: 0.001 },
    learning_rate: 0.001,
    batch_size: 128,
    layers: [
      { units: 512, activation: "relu" },
      { units: 10, activation: "softmax" },
    ],
    changes: 1,
  };

  it("says what a run is and how far it has come", () => {
    assert.equal(
      settingsText(run),
      "RMSprop 0.001, batches of 128; 512 relu → 10 softmax; 1 change",
    );
    assert.match(settingsText({ ...run, name: "" }), /^batches of 128; 512 relu/);
    assert.match(settingsText({ ...run, batch_size: 4096 }), /batches of 4,096;/);
    assert.equal(
      textOf(reachedParts(run)),
      "batch 1,200 of 1,400 · accuracy 96.9 % · test 97.12 % · running now",
    );
    const of = (/** @type {string} */ phase) => textOf(reachedParts({ ...run, phase }));
    for (const phase of ["loss", "backward"])
      assert.match(of(phase), /^batch 1,200 of 1,400 · accuracy 96\.9 % of batch 1,201 · test/);
    assert.match(of("forward"), /accuracy 96\.9 % · test/);
    const untrained = {
      ...run,
      state: "paused",
      batch: 0,
      furthest: 0,
      accuracy: null,
      test_accuracy: null,
    };
    assert.equal(textOf(reachedParts(untrained)), "batch 0");
  });

  it("counts what is running", () => {
    assert.equal(summaryText([run, { ...run, state: "paused" }]), "2 runs, 1 running now");
    assert.equal(summaryText([{ ...run, state: "paused" }]), "1 run, none running");
  });
});
