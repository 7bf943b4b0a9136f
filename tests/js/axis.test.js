import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { axisLabel, axisLabels, LEAST, lossAxis, lowerEnd } from "../../static/draw/axis.js";

/** @type {any} */
const NO_PLOT = null;
const { splits: splitsOf, filter } = lossAxis(true);
assert.ok(typeof splitsOf === "function" && filter);
const lines = (/** @type {number} */ min, /** @type {number} */ max) =>
  splitsOf(NO_PLOT, 1, min, max, 0, 0);
const labelsOf = (/** @type {number[]} */ splits) => filter(NO_PLOT, splits, 1, 0, 0);

describe("a logarithmic axis", () => {
  it("begins below the smallest value, at 1, 2 or 5 times a power of ten", () => {
    for (let step = 0; step < 9_000; step += 1) {
      const min = 10 ** (-5.99 + step / 1_000);
      const end = lowerEnd(min);
      assert.ok(end < min && min < 2.6 * end, `${min} is not just above ${end}`);
      assert.match(end.toExponential(), /^[125]e/);
    }
  });

  it("has some lines, wherever it begins and ends", () => {
    for (let from = -6; from < 30; from += 0.03) {
      for (const length of [0.2, 0.9, 1, 2.5, 6, 7.01, 15, 30]) {
        const [min, max] = [10 ** from, 10 ** (from + length)];
        const splits = lines(min, max);
        assert.ok(splits.length <= 54, `${splits.length} lines from ${min} to ${max}`);
        assert.ok(splits.every((split) => split >= min && split <= max));
        const labels = labelsOf(splits).filter((split) => split !== null);
        assert.ok(labels.length <= 8 && (labels.length > 0 || length < 0.9));
        const names = new Set(labels.map(axisLabel));
        assert.equal(names.size, labels.length);
        for (const name of names)
          assert.match(name, /^((0\.0*|)[125]0{0,2}|[125],000|[125]e-?[0-9]+)$/);
      }
    }
  });

  it("has the digits of a few powers of ten, and of many some powers alone", () => {
    assert.deepEqual(lines(0.5, 3), [0.5, 0.6, 0.7, 0.8, 0.9, 1, 2, 3]);
    assert.deepEqual(labelsOf([0.5, 0.6, 0.9, 1, 2]), [0.5, null, null, 1, 2]);
    assert.deepEqual(labelsOf([0.1, 0.2, 1, 5]), [0.1, null, 1, null]);
    assert.deepEqual(lines(0.05, 2e29), [0.1, 1e5, 1e11, 1e17, 1e23, 1e29]);
  });

  it("begins at the least where values have no place on it", () => {
    for (const min of [Infinity, 0, -1, LEAST / 2, LEAST]) assert.equal(lowerEnd(min), LEAST);
  });
});

describe("the labels beside an axis", () => {
  it("are as short as their digits allow", () => {
    const values = [0.00005, 0.0005, 0.001, 0.125, 1.25, 20, 1500, 15000, 1.5e23];
    const labels = ["5e-5", "5e-4", "0.001", "0.125", "1.25", "20", "1,500", "1.5e4", "1.5e23"];
    assert.deepEqual(values.map(axisLabel), labels);
    assert.equal(axisLabel(0.1 + 0.2), "0.3");
  });

  it("are empty where there is no room for one", () => {
    assert.deepEqual(axisLabels(null, [0.1, null, 1]), ["0.1", "", "1"]);
  });
});
