import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeriesStore } from "../../static/models/series.js";

/**
 * @param {number} fromBatch
 * @param {number[]} loss
 * @param {number[][]} [test]
 * @param {number} [testsFrom]
 */
const part = (fromBatch, loss, test = [], testsFrom = fromBatch) => ({
  fromBatch,
  testsFrom,
  loss,
  accuracy: loss.map((value) => 1 - value / 10),
  test: test.flat(),
});

describe("SeriesStore", () => {
  it("appends what follows", () => {
    const series = new SeriesStore();
    assert.ok(series.apply(part(1, [3, 2])));
    assert.ok(series.apply(part(3, [1])));
    assert.deepEqual([...series.batches], [1, 2, 3]);
    assert.deepEqual([...series.loss], [3, 2, 1]);
    assert.deepEqual([...series.accuracy], [0.7, 0.8, 0.9]);
  });

  it("cuts back before it appends, so that nothing is doubled", () => {
    const series = new SeriesStore();
    series.apply(part(1, [5, 4, 3]));
    series.apply(part(2, [4, 3, 2]));
    assert.deepEqual([...series.loss], [5, 4, 3, 2]);
  });

  it("drops a future that has been discarded", () => {
    const series = new SeriesStore();
    series.apply(
      part(
        1,
        [5, 4, 3, 2],
        [
          [0, 9, 0.1],
          [3, 8, 0.2],
        ],
      ),
    );
    series.apply(part(3, [7], [[3, 6, 0.3]]));
    assert.deepEqual([...series.loss], [5, 4, 7]);
    assert.deepEqual(series.tests, [
      { batch: 0, loss: 9, accuracy: 0.1 },
      { batch: 3, loss: 6, accuracy: 0.3 },
    ]);
    series.apply(part(3, []));
    assert.equal(series.length, 2);
  });

  it("replaces measurements that arrived before, from a batch of their own on", () => {
    const series = new SeriesStore();
    series.apply(
      part(
        1,
        [5, 4, 3],
        [
          [0, 9, 0.1],
          [2, 8, 0.2],
        ],
      ),
    );
    series.apply(
      part(
        4,
        [2],
        [
          [2, 8, 0.2],
          [3, 7, 0.3],
        ],
        2,
      ),
    );
    assert.deepEqual(
      series.tests.map(({ batch }) => batch),
      [0, 2, 3],
    );
  });

  it("takes nothing where batches would be missing", () => {
    const series = new SeriesStore();
    series.apply(part(1, [5]));
    assert.equal(series.apply(part(3, [4])), false);
    assert.deepEqual([...series.loss], [5]);
  });

  it("forgets what lies beyond a batch", () => {
    const series = new SeriesStore();
    series.apply(part(1, [5, 4, 3], [[3, 1, 0.5]]));
    series.cutTo(2);
    assert.deepEqual([...series.loss], [5, 4]);
    assert.deepEqual(series.tests, []);
    series.cutTo(10);
    assert.equal(series.length, 2);
  });

  it("smooths by the mean of the last fifty, or of as many as there are", () => {
    const series = new SeriesStore();
    series.apply(part(1, [1e30, 4, 2, ...Array(60).fill(1)]));
    assert.deepEqual([...series.smooth.subarray(0, 2)], [1e30, (1e30 + 4) / 2]);
    assert.equal(series.smooth[49], (1e30 + 6 + 47) / 50);
    assert.equal(series.smooth[50], (4 + 2 + 48) / 50); // the huge one has left nothing
    assert.equal(series.smooth[62], 1);
  });

  it("smooths the same after a cut as without one", () => {
    const once = new SeriesStore();
    once.apply(part(1, [4, 3, 2, 1]));
    const twice = new SeriesStore();
    twice.apply(part(1, [4, 3, 9, 9]));
    twice.apply(part(3, [2, 1]));
    assert.deepEqual([...twice.smooth], [...once.smooth]);
  });

  it("grows beyond its first room", () => {
    const series = new SeriesStore();
    for (let batch = 1; batch <= 3000; batch += 100) {
      series.apply(
        part(
          batch,
          Array.from({ length: 100 }, (_, i) => batch + i),
        ),
      );
    }
    assert.equal(series.length, 3000);
    assert.deepEqual([...series.loss], [...series.batches]);
  });
});
