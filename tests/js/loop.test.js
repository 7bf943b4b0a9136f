import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { announcement, caption, headingParts, textOf } from "../../static/models/captions.js";
import { NO_PICTURES, nextPictures, ofOther, PHASES } from "../../static/models/loop.js";
import {
  formulaOf,
  guessOf,
  networkParts,
  unitFormula,
  whenStudied,
} from "../../static/models/words.js";

/** @typedef {import("../../static/protocol/safetensors.js").Tensor} Tensor */
/** @typedef {import("../../static/protocol/types.js").RunState} RunState */

const COUNT = 3;
const FEATURES = 4;

/** The tensors of each phase, for a batch of three samples with four pixels. */
/** @type {{ [phase: string]: [string, Tensor][] }} */
const TENSORS = {
  draw: [
    [
      "batch.x",
      { dtype: "U8", shape: [COUNT, FEATURES], data: Uint8Array.from([...Array(12).keys()]) },
    ],
    ["batch.y", { dtype: "U8", shape: [COUNT], data: Uint8Array.of(8, 1, 2) }],
  ],
  forward: [
    ["activations.1", { dtype: "F32", shape: [2], data: Float32Array.of(0, 2) }],
    [
      "activations.2",
      { dtype: "F32", shape: [10], data: Float32Array.of(0, 0, 0, 0.75, 0, 0, 0, 0, 0.25, 0) },
    ],
  ],
  loss: [
    ["loss.per_sample", { dtype: "F32", shape: [COUNT], data: Float32Array.of(2, 1, 0) }],
    ["loss.order", { dtype: "U16", shape: [COUNT], data: Uint16Array.of(2, 0, 1) }],
    ["loss.answers", { dtype: "U16", shape: [COUNT], data: Uint16Array.of(3, 1, 2) }],
    ["loss.correct", { dtype: "U8", shape: [COUNT], data: Uint8Array.of(0, 1, 1) }],
  ],
  backward: [
    ["gradient.images", { dtype: "U8", shape: [2, FEATURES], data: new Uint8Array(8) }],
    ["gradient.output", { dtype: "U8", shape: [10, 2], data: new Uint8Array(20) }],
  ],
  update: [
    ["update.histogram", { dtype: "U32", shape: [48], data: new Uint32Array(48) }],
    ["update.median", { dtype: "F32", shape: [1], data: Float32Array.of(0.0625) }],
    ["update.still", { dtype: "U32", shape: [1], data: Uint32Array.of(7) }],
  ],
};
const ORDER = Object.keys(TENSORS);

/**
 * A `loop` message in which the phases up to `phase` have run.
 *
 * @param {number} batch completed
 * @param {string} phase
 */
function message(batch, phase) {
  const ran = ORDER.slice(0, ORDER.indexOf(phase) + 1);
  return {
    metadata: {
      batch: String(batch),
      phase,
      sample: "0",
      samples: "128",
      "loss.mean": "1.0",
      "gradient.images.units": "[0, 1]",
      "gradient.images.scale": "0.005",
      "gradient.output.scale": "0.04",
    },
    tensors: new Map(ran.flatMap((name) => TENSORS[name] ?? [])),
  };
}

/** @type {RunState} */
const STATE = {
  id: "r",
  config: {
    dataset: "mnist",
    layers: [
      { units: 512, activation: "relu" },
      { units: 10, activation: "softmax" },
    ],
    loss: "categorical_crossentropy",
    optimizer: { name: "rmsprop", learning_rate: 0.001 },
    batch_size: 128,
    seed: 0,
    dtype: "float32",
  },
  actions: [],
  state: "paused",
  batch: 0,
  epoch: 0,
  phase: "draw",
  next_phase: "forward",
  batch_in_epoch: 0,
  batches_per_epoch: 469,
  loss: null,
  accuracy: null,
  test_loss: null,
  test_accuracy: null,
  test_batch: null,
  optimizer: { name: "rmsprop", learning_rate: 0.001 },
  step_optimizer: { name: "rmsprop", learning_rate: 0.001 },
  learning_rate: 0.001,
  batch_size: 128,
  speed: 2,
  batches_per_second: 0,
  furthest: 0,
  version: 1,
  timeline: 0,
  parameters: 407050,
  edit: null,
  can_undo: false,
  discarded: null,
  error: null,
  sound: null,
  trained_apart: false,
  tensors: [],
  views: [],
  name: "",
  pending: null,
  branched_from: null,
  saved: null,
  restored: null,
};

describe("nextPictures", () => {
  it("has the digits of a batch while its later phases come without them", () => {
    const without = (/** @type {ReturnType<typeof message>} */ { metadata, tensors }) => ({
      metadata,
      tensors: new Map([...tensors].filter(([name]) => !name.startsWith("batch."))),
    });
    const drawn = nextPictures(NO_PICTURES, message(4, "draw"));
    const later = nextPictures(drawn, without(message(4, "forward")));
    assert.equal(later.draw, drawn.draw); // the very same: not to be painted again
    assert.deepEqual([...later.fresh], ["draw", "forward"]);
    assert.deepEqual(later, nextPictures(drawn, message(4, "forward")));
    const other = nextPictures(later, without(message(5, "forward")));
    assert.deepEqual([...other.fresh], []);
  });

  it("knows of which batch each picture is, also where messages were left out", () => {
    const first = nextPictures(NO_PICTURES, message(1, "update"));
    const later = nextPictures(first, message(9, "forward")); // nobody looked at 2 to 9
    assert.deepEqual(later.of, { draw: 10, forward: 10, loss: 1, backward: 1, update: 1 });
    const empty = { metadata: { batch: "10", phase: "update" }, tensors: new Map() };
    const drawing = nextPictures(later, empty); // a step on a drawing
    assert.deepEqual(drawing.of, later.of);
    assert.equal(drawing.fresh.size, 0);
  });

  it("has the pictures of the phases that ran, one more with each", () => {
    let pictures = NO_PICTURES;
    ORDER.forEach((phase, i) => {
      pictures = nextPictures(pictures, message(phase === "update" ? 1 : 0, phase));
      assert.deepEqual([...pictures.fresh], ORDER.slice(0, i + 1));
      assert.equal(pictures.batch, 1);
    });
    assert.equal(pictures.loss?.right, 2);
    assert.equal(pictures.update?.median, 0.0625);
  });

  it("keeps the pictures of the batch before, not as fresh ones", () => {
    const whole = nextPictures(NO_PICTURES, message(1, "update"));
    const next = nextPictures(whole, message(1, "draw"));
    assert.deepEqual([...next.fresh], ["draw"]);
    assert.equal(next.update, whole.update);
    assert.equal(next.batch, 2);
  });

  it("keeps nothing of a future that was stepped back from", () => {
    const later = nextPictures(NO_PICTURES, message(7, "update"));
    const back = nextPictures(later, message(3, "draw"));
    assert.equal(back.update, null);
  });

  it("keeps nothing where nothing has run", () => {
    const whole = nextPictures(NO_PICTURES, message(1, "update"));
    const empty = nextPictures(whole, { metadata: { batch: "0", phase: "" }, tensors: new Map() });
    assert.equal(empty.draw, null);
  });
});

describe("what the page says", () => {
  const pictures = nextPictures(NO_PICTURES, message(1, "update"));

  it("names the network", () => {
    const line = "MNIST · 784 → 512 relu → 10 softmax · 407,050 weights";
    assert.equal(textOf(networkParts(STATE)), line);
  });

  it("captions each station with its own numbers", () => {
    assert.equal(caption("draw", pictures, STATE), "128 of 60,000, 3 shown, following an 8");
    assert.equal(caption("forward", pictures, STATE), "says 3 at 75.0 %, the 8 gets 25.0 %");
    assert.equal(caption("loss", pictures, STATE), "mean of −log p = 1.000; 2 of 3 right");
    assert.match(
      caption("backward", pictures, STATE) ?? "",
      /of 2 units, ±0.005\n.*₂ below, ±0.04/,
    );
    assert.equal(caption("update", pictures, STATE), "median |step| / |W| = 6.3 %\n7 did not move");
    const { update } = pictures;
    const lost = { ...pictures, update: update && { ...update, median: 1e5 } };
    assert.match(caption("update", lost, STATE) ?? "", /^median .* = 1e7 % or more\n/);
    const stuck = { ...pictures, update: update && { ...update, median: 0, still: 401_408 } };
    assert.equal(caption("update", stuck, STATE), "none of the 401,408 weights of layer 1 moved");
  });

  it("tells how many digits have been drawn, and before that how many will be", () => {
    const heading = (/** @type {typeof pictures} */ now, /** @type {object} */ changes) =>
      textOf(headingParts(now, { ...STATE, ...changes }));
    const set = { batch_size: 8 };
    assert.equal(heading(NO_PICTURES, { phase: null, ...set }), "batch 1: 8 digits, five phases");
    const first = { batch: 1, phase: "update", ...set };
    assert.equal(heading(pictures, first), "batch 1: 128 digits, five phases");
    assert.equal(heading(NO_PICTURES, { ...first, trained_apart: true }), "batch 1: five phases");
    const second = nextPictures(pictures, message(1, "draw"));
    assert.equal(
      heading(second, { batch: 1, phase: "draw", batch_size: 1024 }),
      "batch 2: 128 digits, five phases",
    );
  });

  it("has no caption without a picture", () => {
    for (const phase of /** @type {const} */ (["draw", "forward", "loss", "backward", "update"])) {
      assert.equal(caption(phase, NO_PICTURES, STATE), null);
    }
  });

  it("takes the most probable class as the guess", () => {
    const forward = pictures.forward;
    assert.ok(forward);
    const { guess, label } = guessOf(forward);
    assert.deepEqual({ guess, label }, { guess: 3, label: 8 });
  });

  it("announces the batch at hand, completed or not", () => {
    assert.match(announcement(STATE, pictures), /^Draw a batch, batch 1: /);
    assert.match(
      announcement({ ...STATE, phase: "update", batch: 1 }, pictures),
      /^Update, batch 1: /,
    );
    assert.match(announcement({ ...STATE, phase: null }, NO_PICTURES), /untrained/);
  });

  it("writes the update as the optimizer makes it", () => {
    const formula = (/** @type {RunState["optimizer"]} */ optimizer) =>
      formulaOf("update", { ...STATE, step_optimizer: optimizer }).formula;
    assert.equal(formula({ name: "sgd", learning_rate: 0.01 }), "W1 = W0 − 0.01 · gradient");
    assert.match(
      formula({ name: "sgd", learning_rate: 0.01, momentum: 0.9 }),
      /velocity = 0.9 · velocity − 0.01/,
    );
    assert.match(
      formula({ name: "rmsprop", learning_rate: 0.001 }),
      /0.001 · gradient \/ √\(v \+ 1e-\u20607\)/,
    );
    assert.match(
      formula({ name: "adam", learning_rate: 0.001 }),
      /W0 − α · m \/ \(√v \+ 1e-\u20607\)/,
    );
  });
});

it("writes a unit's output as its activation of one z, a softmax's as one of all", () => {
  const written = (/** @type {string} */ activation) => {
    const { formula, sum, z, output } = unitFormula(activation, 3);
    return [formula, `${sum}1 + 2${z}3${output}4`];
  };
  assert.deepEqual(written("tanh"), [
    "output = tanh(dot(W, x) + b)",
    "= tanh(1 + 2) = tanh(3) = 4",
  ]);
  assert.deepEqual(written("softmax"), [
    "z[3] = dot(W, x) + b, output = softmax(z)[3]",
    "z[3] = 1 + 2 = 3, softmax(z)[3] = 4",
  ]);
});

describe("what tensors are of", () => {
  const words = (/** @type {RunState["phase"]} */ phase, batch = 4, trained_apart = false) =>
    PHASES.map((of) => {
      const other = ofOther({ batch, phase, trained_apart }, of);
      return other && (other.isOlder ? other.words : other.words.toUpperCase());
    });

  it("is the batch at hand, once all of it has run", () => {
    assert.deepEqual(words("update"), [null, null, null, null, null]);
    assert.deepEqual(words(null, 0), [null, null, null, null, null]);
  });

  it("is the batch before, of phases that have yet to run", () => {
    assert.deepEqual(words("forward"), [
      null,
      null,
      "from batch 4",
      "from batch 4",
      "from batch 4",
    ]);
    assert.deepEqual(words("draw", 0), [null, null, null, null, null]);
  });

  it("is a drawing, after a step on it, until another batch has its own", () => {
    const made = "FROM THE DRAWING";
    assert.deepEqual(words("update", 4, true), [null, null, null, made, made]);
    assert.deepEqual(words("loss", 4, true), [
      null,
      null,
      null,
      made.toLowerCase(),
      made.toLowerCase(),
    ]);
    assert.deepEqual(words("backward", 4, true).at(-1), made.toLowerCase());
  });

  it("is a drawing before anything else was trained, too", () => {
    assert.deepEqual(words(null, 0, true).slice(3), ["FROM THE DRAWING", "FROM THE DRAWING"]);
    assert.deepEqual(words("draw", 0, true).slice(3), ["from the drawing", "from the drawing"]);
  });
});

describe("what is studied of a gradient", () => {
  const said = (/** @type {Partial<RunState>} */ changes, isHurrying = false) => {
    const state = { phase: null, trained_apart: false, error: null, ...changes };
    return whenStudied(/** @type {RunState} */ (state), isHurrying);
  };
  const after = (/** @type {string} */ which) => `known after ${which} batch's backward pass`;

  it("is known after a backward pass: that of the batch under way, or of the next there is", () => {
    assert.equal(said({}), "known after the backward pass");
    assert.equal(said({ phase: "draw" }), after("this"));
    assert.equal(said({ phase: "loss", trained_apart: true }), after("this"));
    assert.equal(said({ phase: "update", trained_apart: true }), after("the next"));
    const error = { code: "not_finite", message: "", hint: null };
    assert.equal(said({ phase: "update", error }), after("the next"));
  });

  it("is being measured once the gradient is there, and while one follows the other", () => {
    assert.equal(said({ phase: "backward" }), "being measured");
    assert.equal(said({ phase: "update" }), "being measured");
    assert.equal(said({}, true), "being measured");
  });
});
