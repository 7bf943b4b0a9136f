import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decimate, thinned } from "../../static/draw/decimate.js";
import * as grid from "../../static/draw/grid.js";
import { niceCeiling } from "../../static/draw/losses.js";

describe("decimate", () => {
  const count = 10000;
  const x = Float64Array.from({ length: count }, (_, i) => i + 1);
  const y = Float64Array.from({ length: count }, (_, i) => Math.sin(i / 7));
  y[4321] = 50;
  y[8765] = -50;

  it("leaves a short series as it is", () => {
    const { x: xs, y: ys } = decimate([1, 2, 3], [5, 4, 6], [5, 5, 5], 64);
    assert.deepEqual([...xs], [1, 2, 3]);
    assert.deepEqual([...ys], [5, 4, 6]);
  });

  it("keeps every spike, in its place", () => {
    const thin = decimate(x, y, y, 600);
    assert.ok(thin.x.length <= 600);
    assert.equal(thin.x[thin.y.indexOf(50)], 4322);
    assert.equal(thin.x[thin.y.indexOf(-50)], 8766);
    for (let i = 1; i < thin.x.length; i++) assert.ok((thin.x[i] ?? 0) > (thin.x[i - 1] ?? 0));
  });

  it("takes the second series at the same places", () => {
    const thin = decimate(x, y, x, 600);
    assert.deepEqual([...thin.line], [...thin.x]);
  });

  it("does not change the past when a point is added", () => {
    const before = decimate(x.subarray(0, 9000), y.subarray(0, 9000), y.subarray(0, 9000), 600);
    const after = decimate(x.subarray(0, 9001), y.subarray(0, 9001), y.subarray(0, 9001), 600);
    const settled = before.x.length - 4;
    assert.deepEqual([...after.x.subarray(0, settled)], [...before.x.subarray(0, settled)]);
  });
});

describe("thinned", () => {
  const marks = Array.from({ length: 1400 }, (_, epoch) => ({ batch: 469 * epoch }));

  it("leaves marks that do not touch", () => {
    assert.deepEqual(thinned(marks, 100), marks);
    assert.deepEqual(thinned([], 100), []);
  });

  it("leaves out the others, but for the last", () => {
    const few = thinned(marks, 20_000);
    assert.equal(few.length, Math.ceil(marks.length / (32_768 / 469)) + 1);
    assert.deepEqual([few[0], few.at(-1)], [marks[0], marks.at(-1)]);
  });

  it("does not change the past when a mark is added, or the axis gets a little longer", () => {
    const before = thinned(marks.slice(0, 1000), 20_000);
    const after = thinned(marks.slice(0, 1001), 20_020);
    assert.deepEqual(after.slice(0, -1), before.slice(0, -1));
  });
});

describe("the grid of images", () => {
  it("shows all 512 units in whole device pixels", () => {
    for (const [width, ratio] of [
      [1074, 1],
      [358 * 3, 3],
      [700, 1.5],
      [1800, 2],
    ]) {
      const layout = grid.gridLayout(512, 28, width ?? 0, ratio ?? 1);
      assert.ok(layout.columns * layout.rows >= 512);
      assert.ok(layout.width <= (width ?? 0));
      assert.ok(Number.isInteger(layout.scale));
    }
  });

  it("shows few units as large as the height kept for 512 has room for", () => {
    const all = grid.gridLayout(512, 28, 1074, 1);
    assert.deepEqual([all.scale, all.height], [1, 405]);
    for (const [count, width, ratio] of [
      [10, 1074, 1],
      [10, 332, 1],
      [10, 332 * 3, 3],
      [1, 1074, 2],
    ]) {
      const { scale, height, ...few } = grid.gridLayout(count ?? 0, 28, width ?? 0, ratio ?? 1);
      assert.ok(Number.isInteger(scale) && scale > 1);
      assert.ok(height <= 405 * (ratio ?? 1) && few.width <= (width ?? 0));
      assert.ok(height > 250 * (ratio ?? 1));
    }
    assert.equal(grid.gridLayout(10, 28, 1074, 1).scale, 7);
  });

  it("keeps no more room for a layer than 512 images take", () => {
    assert.equal(grid.keptHeight(1074, 1), 405);
    assert.equal(grid.keptHeight(1440, 1), 318); // 49 in a row
    assert.equal(grid.keptHeight(332, 1), 405); // a phone
    assert.equal(grid.keptHeight(1440, 1), grid.gridLayout(512, 28, 1440, 1).height);
    assert.ok(grid.gridLayout(10, 28, 1440, 1).height <= 318);
  });

  it("has at least one column, however narrow", () => {
    assert.equal(grid.gridLayout(3, 28, 5, 1).columns, 1);
  });

  it("finds the image at a point, and the corner of an image", () => {
    const layout = grid.gridLayout(512, 28, 1074, 1);
    for (const index of [0, 36, 37, 511]) {
      const { x, y, size } = grid.cornerOf(layout, index);
      assert.equal(grid.imageAt(layout, 512, x, y), index);
      assert.equal(grid.imageAt(layout, 512, x + size - 1, y + size - 1), index);
    }
    assert.equal(grid.imageAt(layout, 512, 1073.5, layout.height - 1), null);
  });

  it("writes each image at its place through the table", () => {
    const table = Uint32Array.from({ length: 256 }, (_, code) => code * 10);
    const pixels = new Uint32Array(5 * 5);
    grid.writeImages(
      pixels,
      Uint8Array.from({ length: 16 }, (_, i) => i + 1),
      2,
      2,
      table,
    );
    assert.deepEqual(
      [...pixels],
      [
        [10, 20, 0, 50, 60],
        [30, 40, 0, 70, 80],
        [0, 0, 0, 0, 0],
        [90, 100, 0, 130, 140],
        [110, 120, 0, 150, 160],
      ].flat(),
    );
  });

  it("fills a box with squares as large as they go", () => {
    const { columns, cell } = grid.squaresIn(128, 190, 122);
    assert.ok(columns * cell <= 190 && Math.ceil(128 / columns) * cell <= 122);
    assert.equal(grid.squaresIn(4, 100, 100).cell, 50);
  });
});

it("ends an axis at 1, 2 or 5 times a power of ten", () => {
  const cases = [
    [0.3, 0.5],
    [1, 1],
    [1.1, 2],
    [4.9, 5],
    [7, 10],
    [23, 50],
    [0, 1],
  ];
  for (const [value, ceiling] of cases) assert.equal(niceCeiling(value ?? 0), ceiling);
});
