import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { curveScales } from "../../static/draw/curve.js";
import { textOf } from "../../static/models/captions.js";
import { curveOf, isLost, lossAt, lowest, wordsOf } from "../../static/models/curve.js";
import { listedConfidence } from "../../static/models/explanations/mistakes.js";
import { calmWords, FIGURES, hintsOf } from "../../static/models/health.js";
import {
  listedText,
  listTitle,
  mistakesOf,
  shareOf,
  viewOfCell,
} from "../../static/models/mistakes.js";
import { largestDifference, sumOfTerms } from "../../static/models/unit.js";

/** @typedef {import("../../static/protocol/types.js").RunState} RunState */

const line = {
  distances: Float64Array.of(0, 1, 2, 3, 4),
  batch: Float64Array.of(2, 1, 0.5, 1, 3),
  heldOut: Float64Array.of(2, 1.5, 1.5, 2, 4),
  slope: -1.5,
  rate: 1,
  marked: Float64Array.of(1, 50),
};

describe("the loss along a step", () => {
  it("is exact at the learning rate that was marked, and read off between two points", () => {
    assert.equal(lossAt({ ...line, marked: Float64Array.of(0.9, 50) }, 1), 0.9);
    assert.equal(lossAt(line, 2.5), 0.75);
    assert.equal(lossAt(line, 5), null);
  });

  it("tells what the step does, and what ten times the rate would do", () => {
    const { effect, lesson } = wordsOf(null, line, "step", 1);
    assert.equal(
      textOf(effect),
      "At 1 this step lowers the loss 2.000 → 1.000; ten times the rate would raise it to 50.00.",
    );
    assert.match(textOf(lesson), /lowest near 2: a larger rate overshoots/);
    assert.equal(lowest(line), 2);
  });

  it("says so where the rate overshoots or leaves what is drawn", () => {
    assert.match(textOf(wordsOf(null, line, "step", 4).effect), /raises the loss 2.000 → 3.000/);
    assert.match(textOf(wordsOf(null, line, "gradient", 9).effect), /beyond the end of the curve/);
    const infinite = { ...line, marked: Float64Array.of(NaN, NaN) };
    assert.match(textOf(wordsOf(null, infinite, "step", 1).effect), /makes the loss infinite/);
  });

  it("tells of an overshoot only where there is one", () => {
    const lessonOf = (/** @type {number[]} */ ...batch) =>
      textOf(wordsOf(null, { ...line, batch: Float64Array.of(...batch) }, "step", 1).lesson);
    assert.equal(lessonOf(2, 2, 2, 2, 2), "The curve is flat: no rate shown changes the loss.");
    assert.match(lessonOf(2, 1, 0.5, 0.5, 0.5), /lowest from 2 on: beyond that, it is flat/);
    assert.match(lessonOf(2, 2.1, 2.3, 3, 9), /^Every rate shown overshoots/);
    assert.match(lessonOf(2, 1.5, 1, 0.5, 0.1), /still falling/);
  });

  it("has no curve before there is a gradient", () => {
    assert.equal(curveOf(null), null);
    const none = { tensors: new Map(), metadata: {}, fresh: true };
    assert.deepEqual([curveOf(none), isLost(none)], [null, false]);
  });

  it("has no curve, and says so, where the weights before the step are lost", () => {
    const lost = { tensors: new Map(), metadata: { lost: "true" }, fresh: true };
    assert.deepEqual([curveOf(lost), isLost(lost)], [null, true]);
  });

  it("keeps W0 in the picture however far a step overshoots", () => {
    const far = { ...line, batch: Float64Array.of(2, 1, 1e6, NaN, 1e9) };
    const scales = curveScales(far, { width: 300, height: 150 });
    assert.ok(scales.y(2) > 0 && scales.y(2) < 150);
    assert.ok(Math.abs(scales.rateAt(scales.x(3)) - 3) < 1e-9);
  });
});

describe("a unit", () => {
  it("has its gradient as a sum, the largest terms first, without those that are nothing", () => {
    const pixels = Uint8Array.of(255, 0, 0, 255, 51, 51);
    const { terms, sum } = sumOfTerms(Float32Array.of(0.5, -2, 0), pixels, 2);
    assert.deepEqual(
      terms.map(({ sample }) => sample),
      [1, 0],
    );
    assert.deepEqual([...sum], [0.5, -2]);
    assert.equal(largestDifference(sum, [0.5, -1.5]), 0.5);
  });
});

/**
 * @param {string} view
 * @param {readonly [label: number, answer: number][]} listed
 */
function mistakesIn(view, listed) {
  const tensor = (
    /** @type {string} */ dtype,
    /** @type {number[]} */ shape,
    /** @type {Uint8Array | Uint32Array} */ data,
  ) => ({ dtype, shape, data });
  const column = (/** @type {number[]} */ ...data) =>
    tensor("U8", [data.length], Uint8Array.from(data));
  const tensors = new Map([
    ["confusion", tensor("U32", [2, 2], Uint32Array.of(3, 1, 0, 0))],
    ["images", column(...listed.flatMap((_, i) => [i, i]))],
    ["labels", column(...listed.map(([label]) => label))],
    ["predicted", column(...listed.map(([, answer]) => answer))],
    ["confidence", column(...listed.map(() => 1))],
    ["indices", column(...listed.map((_, i) => 10 + i))],
  ]);
  const mistakes = mistakesOf({ tensors, metadata: { view, "measured.batch": "7" }, fresh: true });
  assert.ok(mistakes);
  return mistakes;
}

describe("the mistakes", () => {
  it("are counted for each true class", () => {
    const mistakes = mistakesIn("mistakes", []);
    assert.deepEqual(mistakes.totals, [4, 0]);
    assert.equal(shareOf(mistakes, 0, 1), 0.25);
    assert.equal(shareOf(mistakes, 1, 1), 0);
    assert.deepEqual([mistakes.batch, mistakes.listed], [7, []]);
  });

  it("are listed one by one", () => {
    const { listed } = mistakesIn("mistakes/4/9", [
      [4, 9],
      [4, 9],
    ]);
    assert.deepEqual(listed[1], {
      pixels: Uint8Array.of(1, 1),
      label: 4,
      answer: 9,
      confidence: 1,
      index: 11,
    });
  });

  it("say of which cell they are, by the view they came with", () => {
    const title = (/** @type {Parameters<typeof mistakesIn>} */ ...given) =>
      listTitle(mistakesIn(...given));
    assert.equal(title("mistakes", [[4, 9]]), "Most confidently wrong");
    assert.equal(title("mistakes", []), "None are wrong");
    assert.equal(title(viewOfCell(4, 9), [[4, 9]]), "4s taken for 9s, most confident first");
    assert.equal(title(viewOfCell(4, 9), []), "No 4s are taken for 9s");
    assert.equal(title(viewOfCell(7, 7), [[7, 7]]), "7s read correctly, least sure first");
    assert.equal(title(viewOfCell(7, 7), []), "No 7s are read correctly");
  });

  it("say of an image how it was read", () => {
    const image = { pixels: new Uint8Array(), label: 4, answer: 9, confidence: 1, index: 115 };
    assert.equal(listedText(image, "98 %"), "Test image 115: a 4, taken for a 9 at 98 %");
    const right = { ...image, answer: 4 };
    assert.equal(listedText(right, "51 %"), "Test image 115: a 4, read correctly at 51 %");
  });

  it("have their confidences explained by the view that lists them", () => {
    const state = /** @type {RunState} */ (
      /** @type {unknown} */ ({ id: "abc", config: { layers: [{ activation: "softmax" }] } })
    );
    const at = { position: 3, label: 4, answer: 9 };
    const { formula, address, numpy } = listedConfidence(state, viewOfCell(4, 9), at, 0.5);
    assert.match(formula, /^p\[9\] for this 4 = /);
    assert.equal(address, "GET /api/runs/abc/views/mistakes/4/9");
    assert.equal(numpy, 'view("mistakes/4/9")["confidence"][3]');
  });
});

describe("the health of the layers", () => {
  it("has an axis for each figure that holds every value", () => {
    for (const { axis } of FIGURES) {
      for (const value of [0, 1e-12, 0.5, 1]) {
        assert.ok(axis.at(value) >= 0 && axis.at(value) <= 1);
      }
      assert.ok(axis.usual[0] < axis.usual[1]);
    }
  });

  it("tells first why a run has stopped", () => {
    const hints = [{ layer: "layer1", code: "exploding", what: "It explodes.", help: "Go back." }];
    const health = { batch: 1, phase: "update", sample: 1, layers: [], hints };
    const error = { code: "not_finite", message: "training has stopped", hint: "Reset." };
    assert.deepEqual(hintsOf(health, error), [
      { what: "Training has stopped.", help: "Reset." },
      { what: "Layer 1: It explodes.", help: "Go back." },
    ]);
    assert.deepEqual(hintsOf(null, null), []);
  });

  it("is not called well where a batch points away from the whole", () => {
    const layer = { layer: "layer1", activation: "relu", units: 1, gradient_norm: 1 };
    const figures = { weight_norm: 1, update_norm: 1, update_ratio: 1, dead_units: 0 };
    const said = (/** @type {number | null} */ angle) => {
      const layers = [{ ...layer, ...figures, saturated: null, angle }];
      return calmWords({ batch: 1, phase: "update", sample: 1, layers, hints: [] });
    };
    assert.equal(said(89), "Nothing looks wrong.");
    assert.equal(said(null), "Nothing looks wrong.");
    assert.match(said(91), /^Nothing is broken. This batch says nothing about the whole/);
    assert.equal(calmWords(null), "");
  });
});
