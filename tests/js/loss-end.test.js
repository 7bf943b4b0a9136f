import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  countAbove,
  drawAbove,
  neededByAll,
  neededEnd,
  roundEnd,
} from "../../static/draw/loss-end.js";
import { aboveParts, comparedAboveParts } from "../../static/models/above.js";
import { textOf } from "../../static/models/captions.js";
import { SeriesStore } from "../../static/models/series.js";
import { sheet } from "./sheet.js";

/**
 * @param {readonly number[]} loss
 * @param {readonly number[]} [testLosses]
 */
function seriesOf(loss, testLosses = []) {
  const series = new SeriesStore();
  const test = testLosses.flatMap((value, batch) => [batch, value, 0.5]);
  series.apply({ fromBatch: 1, testsFrom: 0, loss, accuracy: loss, test });
  return series;
}

/** @param {number} length @param {(i: number) => number} value */
const losses = (length, value) => Array.from({ length }, (_, i) => value(i));
const falling = (/** @type {number} */ i) => 0.2 + 2.1 * Math.exp(-i / 40);

describe("the end of a linear axis of losses", () => {
  it("is above all losses of an ordinary run, the test losses too", () => {
    assert.equal(neededEnd(seriesOf(losses(400, falling))), falling(0));
    assert.equal(neededEnd(seriesOf([2, 2.5, 1], [2, 3])), 3);
    assert.equal(neededEnd(seriesOf([], [2])), 2);
    assert.equal(neededEnd(seriesOf([])), 0);
  });

  it("is not ruled by a few losses far above the others", () => {
    const some = losses(1500, (i) => (i % 100 === 99 ? 14 : i % 10 === 0 ? 3 : 0.1));
    const needed = neededEnd(seriesOf(some));
    assert.ok(needed >= 3 && needed < 5, `${needed}`);
    assert.equal(countAbove(some, needed), 15);
    const spike = losses(400, (i) => (i === 200 ? 1e10 : falling(i)));
    assert.equal(neededEnd(seriesOf(spike, [2.3, 1e9, 0.2])), falling(0));
  });

  it("is not ruled by one of a few losses either", () => {
    for (let length = 3; length < 30; length++) {
      const exploded = losses(length, (i) => (i === length - 1 ? 5e34 : falling(i)));
      assert.equal(neededEnd(seriesOf(exploded)), falling(0), `${length}`);
    }
  });

  it("has 95 of 100 losses on the axis, wherever a run explodes", () => {
    for (const length of [40, 400, 4_000]) {
      for (const from of [0, 0.1, 0.5, 0.9, 0.97, 1]) {
        const exploded = losses(length, (i) => (i < from * length ? falling(i) : 1e6 * (i % 7)));
        const needed = neededEnd(seriesOf(exploded));
        const share = countAbove(exploded, needed) / length;
        assert.ok(share <= 0.06, `${share} of ${length} above, from ${from}`);
      }
    }
  });

  it("is as high as the mean line goes where that is not far", () => {
    const raised = losses(2_000, (i) => (i >= 900 && i < 960 ? 7 : falling(i)));
    assert.equal(neededEnd(seriesOf(raised)).toFixed(3), "7.000");
  });

  it("is the same for a long run, of which it looks at a part", () => {
    const spiked = (/** @type {number} */ length) =>
      neededEnd(seriesOf(losses(length, (i) => (i % 50 === 0 ? 12 : falling(i)))));
    assert.equal(spiked(100_000), spiked(1_000));
  });

  it("is round and above what is needed, however large or small", () => {
    for (let power = -7; power < 33; power += 0.013) {
      const needed = 10 ** power;
      const end = roundEnd(needed, 0);
      assert.ok(end > needed && end < 1.4 * needed, `${needed} → ${end}`);
      assert.match(end.toExponential(), /^([12345689]|1\.2|[12]\.5)e/);
    }
    assert.equal(roundEnd(0, 8), 2.5);
  });

  it("stays where it is while it holds what is needed and is not much too long", () => {
    assert.equal(roundEnd(2.3, 0), 2.5);
    assert.equal(roundEnd(2.46, 2.5), 3);
    assert.equal(roundEnd(2.44, 3), 3);
    assert.equal(roundEnd(1.9, 3), 2);
  });
});

describe("the end of the axis of several runs", () => {
  const ordinary = seriesOf(losses(400, falling));

  it("is that of each run alone, whichever needs most", () => {
    const stuck = seriesOf(losses(400, (i) => (i === 0 ? 2.3 : 14)));
    assert.equal(neededByAll([ordinary]), falling(0));
    assert.equal(neededByAll([ordinary, stuck]), 14);
    assert.equal(neededByAll([seriesOf([]), ordinary]), falling(0));
    assert.equal(neededByAll([seriesOf([])]), 0);
  });

  it("is not ruled by a run that explodes, early or late, for a moment or for good", () => {
    const exploded = [
      seriesOf([2.3, 1e10, 4e34]),
      seriesOf(losses(400, (i) => (i < 100 ? falling(i) : 560))),
    ];
    for (const one of exploded) {
      assert.equal(neededByAll([one, ordinary]), falling(0));
      assert.equal(neededByAll([one, seriesOf([falling(0)])]), falling(0));
    }
    assert.equal(neededByAll(exploded), falling(0));
  });
});

describe("losses above the axis", () => {
  const state = /** @type {any} */ ({ id: "r" });

  it("are told in numbers that explain themselves", () => {
    const above = { end: 4, losses: 3, tests: 0, highest: 12.44 };
    assert.equal(textOf(aboveParts(state, above, 1200)), "▲ 3 of 1,200 losses above, up to 12.4");
    assert.equal(textOf(aboveParts(state, above, 12_000)), "▲ 3 losses above, up to 12.4");
    const both = { ...above, tests: 1, highest: 1.118e30 };
    const text = "▲ 3 losses, 1 test above, up to 1.1e30";
    assert.equal(textOf(aboveParts(state, both, 1200)), text);
    assert.equal(
      textOf(aboveParts(state, { ...both, losses: 0, tests: 2 }, 1)),
      "▲ 2 tests above, up to 1.1e30",
    );
    const figures = aboveParts(state, above, 1200).filter((part) => typeof part !== "string");
    const numpy = figures.map((figure) => figure.explanation()?.numpy);
    assert.equal(numpy[0], '(np.array(series["loss"]) > 4).sum()');
    assert.match(numpy[1] ?? "", /^max\(/);
  });

  it("are told of each compared run that has some", () => {
    const run = (/** @type {string} */ id, /** @type {number[]} */ loss) => ({
      state: { peek: () => ({ id }) },
      gone: { peek: () => null },
      series: seriesOf(loss),
    });
    const all = /** @type {any} */ ([
      { slot: 0, run: run("a", [2.3, 1e10, 4e34]) },
      { slot: 2, run: run("c", [2.3, 3.1, 2]) },
    ]);
    const runs = [
      { slot: 0, losses: 2, highest: 4e34 },
      { slot: 2, losses: 1, highest: 3.1 },
    ];
    const parts = comparedAboveParts(all, { end: 3, runs });
    const text = "▲ above: A 2 of 3 losses, up to 4e34; C 1 of 3 losses, up to 3.1";
    assert.equal(textOf(parts), text);
    const figures = parts.filter((part) => typeof part !== "string");
    const said = figures.map((figure) => figure.explanation());
    assert.deepEqual(
      said.map((explanation) => explanation?.numpy),
      [0, 1].flatMap(() => ['(np.array(series["loss"]) > 3).sum()', 'max(series["loss"])']),
    );
    assert.equal(said[2]?.address, "GET /api/runs/c/series");
    assert.deepEqual(comparedAboveParts(all, { end: 3, runs: [] }), []);
  });

  it("are marked at the chart's edge, apart from each other", () => {
    const { context, strokes } = sheet();
    drawAbove(context, [10, 11, 15, 40], { top: 32, ratio: 1 });
    const tips = strokes.filter(({ call, args }) => call === "lineTo" && args[1] === 32);
    assert.deepEqual(
      tips.map(({ args }) => args[0]),
      [10, 40],
    );
  });
});
