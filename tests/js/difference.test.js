import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { signedCode } from "../../static/draw/colours.js";
import { comparedLayout, comparedPainter } from "../../static/draw/compared-units.js";
import { axisEnd, labelPlaces } from "../../static/draw/run-lines.js";
import { textOf } from "../../static/models/captions.js";
import { lastOfAll, lossParts, unitParts } from "../../static/models/compared-readout.js";
import {
  codesOf,
  codesOn,
  comparable,
  difference,
  differenceCoder,
  endsIn,
  extremes,
  valuesOf,
} from "../../static/models/difference.js";
import { filled, sheet, THEME } from "./sheet.js";

/**
 * @param {number[][]} values
 * @param {number} scale
 * @returns {import("../../static/models/run.js").WeightView}
 */
const viewOf = (values, scale) => ({
  codes: Uint8Array.from(values.flat(), (value) => signedCode(value, scale)),
  first: 0,
  shape: [values.length, values[0]?.length ?? 0],
  scale,
  coding: "signed",
  batch: 1,
});

/**
 * @param {object} state
 * @param {boolean} isGone
 */
const runOf = (state, isGone) => ({
  state: { peek: () => state },
  gone: { peek: () => (isGone ? { code: "unknown_run" } : null) },
});

/** Half a step of the coding at a value: the derivative of s² · scale, half a code wide. */
const resolution = (/** @type {number} */ value, /** @type {number} */ scale) =>
  (Math.sqrt(Math.abs(value) / scale) / 127 + 0.25 / 127 ** 2) * scale;

describe("the values behind codes", () => {
  it("are by hand: half the range is a quarter of the scale", () => {
    const values = valuesOf({ scale: 0.4, coding: "signed" });
    assert.equal(values[128], 0);
    assert.equal(values[255], 0.4);
    assert.equal(values[1], -0.4);
    assert.ok(Math.abs((values[128 + 64] ?? 0) - 0.4 * (64 / 127) ** 2) < 1e-12);
  });
});

describe("the difference of two runs", () => {
  const first = [
    [0.1, -0.2, 0],
    [0.05, 0.3, -0.01],
  ];
  const other = [
    [0.12, -0.1, 0],
    [-0.05, 0.28, -0.02],
  ];

  it("is that of the values, to the resolution of their codes", () => {
    const found = difference(viewOf(first, 0.4), viewOf(other, 0.4), { from: 0, count: 2 });
    first.flat().forEach((value, i) => {
      const second = other.flat()[i] ?? NaN;
      const within = resolution(value, 0.4) + resolution(second, 0.4);
      assert.ok(Math.abs((found[i] ?? NaN) - (second - value)) <= within, `weight ${i}`);
    });
  });

  it("is not the difference of codes", () => {
    const [a, b] = [viewOf([[0.1]], 0.4), viewOf([[0.2]], 0.4)];
    const [value] = difference(a, b, { from: 0, count: 1 });
    const ofCodes = (Number(b.codes[0]) - Number(a.codes[0])) / 127;
    assert.ok(Math.abs((value ?? NaN) - 0.1) < 0.005);
    assert.ok(Math.abs(ofCodes ** 2 * 0.4 - 0.1) > 0.05);
  });

  it("takes each run's own scale, and some units alone", () => {
    const found = difference(viewOf(first, 0.4), viewOf(other, 0.8), { from: 1, count: 5 });
    assert.equal(found.length, 3);
    assert.ok(Math.abs((found[0] ?? NaN) + 0.1) < 0.01);
  });

  it("is the same where only those units are here, of either run", () => {
    const [a, b] = [viewOf(first, 0.4), viewOf(other, 0.8)];
    const units = { from: 1, count: 5 };
    const all = (/** @type {typeof a} */ one, /** @type {typeof a} */ two) => [
      difference(one, two, units),
      differenceCoder()(one, two, units, 0.4),
      codesOn(two, units, 0.4),
      endsIn(two, units),
      extremes(one, two, 1),
    ];
    const some = (/** @type {typeof a} */ view) => ({
      ...view,
      codes: view.codes.subarray(view.shape[1]),
      first: 1,
    });
    assert.deepEqual(all(some(a), some(b)), all(a, b));
    assert.deepEqual(all(a, some(b)), all(a, b));
  });

  it("needs a weight for each weight", () => {
    assert.ok(comparable(viewOf(first, 0.4), viewOf(other, 0.8)));
    assert.ok(!comparable(viewOf(first, 0.4), viewOf([[1, 2, 3]], 0.4)));
  });

  it("goes back to codes on the scale of the legend", () => {
    assert.deepEqual([...codesOf([0, 0.4, -0.4, 0.1, 9], 0.4)], [128, 255, 1, 128 + 64, 255]);
  });

  it("is coded as its values are", () => {
    const [a, b] = [viewOf(first, 0.4), viewOf(other, 0.8)];
    const units = { from: 0, count: 2 };
    const code = differenceCoder();
    assert.deepEqual([...code(a, b, units, 0.4)], [...codesOf(difference(a, b, units), 0.4)]);
    assert.deepEqual([...code(b, a, units, 0.8)], [...codesOf(difference(b, a, units), 0.8)]);
  });

  const extremesOf = (/** @type {number[]} */ one, /** @type {number[]} */ two) =>
    extremes(viewOf([two, one], 0.4), viewOf([one, two], 0.4), 1);

  it("has extremes", () => {
    const { min, max } = extremesOf([0.1, -0.1, 0], [-0.1, 0.2, 0]);
    assert.ok(Math.abs(min.value + 0.2) < 0.01 && Math.abs(max.value - 0.3) < 0.01);
    assert.deepEqual([min.side, max.side], [0, 0]);
  });

  it("has bounds of them where a weight may lie beyond its scale", () => {
    // Of the second weight the difference is −0.4 or less, of the third 0.4 or more.
    const bounded = extremesOf([0.1, 9, -9], [0.1, 0, 0]);
    assert.deepEqual(bounded.min, { value: -0.4, side: -1 });
    assert.deepEqual(bounded.max, { value: 0.4, side: 1 });
    // 0.8 or more: the least is not known to be that, but no more than the other's.
    const above = extremesOf([-9, 0], [9, 0.4 / 4]);
    assert.equal(above.min.side, 0);
    assert.deepEqual(above.max, { value: 0.8, side: 1 });
    const alone = extremesOf([-9, -9], [9, 9]);
    assert.equal(alone.min.value, Infinity);
    // Both beyond the same end: anything.
    const both = extremesOf([9], [9]);
    assert.deepEqual([both.min.value, both.max.value], [Infinity, -Infinity]);
  });

  it("says which weights are at an end", () => {
    const view = viewOf(
      [
        [0.1, 0.2],
        [-9, 0],
        [0.3, 9],
      ],
      0.4,
    );
    assert.deepEqual([...endsIn(view, { from: 1, count: 5 })], [1, 0, 0, 1]);
  });
});

describe("the unit read out", () => {
  const seen = (/** @type {number} */ slot, /** @type {number[]} */ values, isGone = false) => {
    const run = runOf({ id: "ab"[slot] }, isGone);
    return /** @type {any} */ ({
      compared: { slot, id: "ab"[slot], run },
      view: viewOf([values], 0.4),
    });
  };

  it("says of a difference no more than its weights tell", () => {
    const parts = unitParts([seen(0, [9, -9, 0]), seen(1, [0.1, 0.1, 0])], 0);
    const text = textOf(parts);
    assert.match(text, /A ≤ −0.4 to ≥ 0.4; B 0 to 0.1; B − A ≤ −0.3 to ≥ 0.5$/);
    const figure = parts.findLast((part) => typeof part !== "string");
    const { formula, numpy } = figure?.explanation() ?? assert.fail();
    assert.match(formula, /over the weights of unit 0: 0.5 or more, since a weight at the end/);
    assert.ok(numpy.endsWith("[(b > -127) & (a < 127)].max()"), numpy);
  });

  it("says so where nothing is known", () => {
    const text = textOf(unitParts([seen(0, [9]), seen(1, [9])], 0));
    assert.match(text, /B − A unknown to unknown$/);
  });

  it("has no explanation of a run that is gone", () => {
    const parts = unitParts([seen(0, [0.1, 0]), seen(1, [0.2, 0], true)], 0);
    assert.equal(textOf(parts), "unit 0: A 0 to 0.1; B 0 to 0.2; B − A 0 to 0.099");
    assert.equal(parts.filter((part) => typeof part !== "string").length, 2); // A's
  });
});

describe("images on one scale", () => {
  const view = viewOf([[0.1], [-0.2], [0.4]], 0.4);

  it("are as they came where the scale is theirs", () => {
    const codes = codesOn(view, { from: 1, count: 2 }, 0.4);
    assert.deepEqual([...codes], [...view.codes.subarray(1, 3)]);
  });

  it("are coded anew on another", () => {
    const codes = codesOn(view, { from: 0, count: 3 }, 1.6);
    assert.equal(codes[2], 128 + 64); // a quarter of the scale: half of the range
  });
});

describe("the layout of compared images", () => {
  it("is of whole pixels and rows of equal length, and fits", () => {
    for (const width of [300, 347, 462, 684, 1050, 1500]) {
      const { columns, rows, scale, width: used } = comparedLayout(24, 28, width);
      assert.equal(columns * rows, 24);
      assert.ok(Number.isInteger(scale) && scale >= 1);
      assert.ok(used <= width, `${used} in ${width}`);
    }
  });

  it("takes the largest images", () => {
    const { columns, scale } = comparedLayout(24, 28, 684);
    assert.deepEqual([columns, scale], [8, 2]);
  });
});

describe("the letters at the ends of lines", () => {
  const room = { width: 20, height: 12, top: 100, bottom: 200 };
  const at = (/** @type {number[]} */ ...ys) => ys.map((y) => ({ x: 50, y }));

  it("stand beside their points, apart where these are near", () => {
    assert.deepEqual(labelPlaces(at(120, 150), room), [120, 150]);
    assert.deepEqual(labelPlaces(at(124, 120, 121), room), [144, 120, 132]);
    const apart = [...at(120), { x: 90, y: 121 }];
    assert.deepEqual(labelPlaces(apart, room), [120, 121]);
  });

  it("stay within the chart", () => {
    assert.deepEqual(labelPlaces(at(190, 198, 199, 199), room), [158, 170, 182, 194]);
    assert.deepEqual(labelPlaces(at(-4e30, 150), room), [106, 150]);
    assert.deepEqual(labelPlaces(at(-4e30, 100), room), [106, 118]);
  });
});

describe("the losses read out", () => {
  const compared = (/** @type {number} */ slot, /** @type {number} */ batches) => ({
    slot,
    id: "abc"[slot] ?? "",
    run: /** @type {any} */ ({
      ...runOf({ id: "abc"[slot] }, slot === 2),
      series: { length: batches, loss: Float64Array.from({ length: batches }, (_, i) => i + 1) },
    }),
  });
  const all = [compared(0, 3), compared(1, 40), compared(2, 44)];

  it("follow those that go on, and say of whom there is none", () => {
    assert.equal(
      lastOfAll(all, () => true),
      3,
    );
    assert.equal(
      lastOfAll(all, (run) => run !== all[0]?.run),
      40,
    );
    assert.equal(
      lastOfAll(all, () => false),
      3,
    );
    assert.equal(textOf(lossParts(all, 40)), "batch 40: loss A –, B 40.00, C 40.00");
    assert.equal(textOf(lossParts(all, 44)), "batch 44: loss A –, B –, C 44.00");
    const explained = lossParts(all, 40).filter((part) => typeof part !== "string");
    assert.equal(explained.length, 1); // B's: A has no such batch, and C is gone
    assert.deepEqual(lossParts(all, 45), []);
    assert.deepEqual(lossParts(all, 0), []);
  });
});

describe("compared images", () => {
  it("have a mark in the corner of the weights that are named", () => {
    const { context, strokes } = sheet();
    const layout = { columns: 2, rows: 1, side: 2, scale: 4, width: 20, height: 8 };
    const codes = Uint8Array.of(128, 255, 128, 128, 128, 128, 1, 128);
    const marked = Uint8Array.of(0, 1, 0, 0, 0, 0, 1, 0);
    const size = { width: 10, height: 4, ratio: 2 };
    comparedPainter()(context, { codes, marked, layout, pointed: null }, size, THEME);
    assert.deepEqual(filled(strokes, "ink"), [
      [2, 0, 1, 1],
      [6, 2, 1, 1],
    ]);
  });
});

describe("the end of the batch axis", () => {
  it("is a little beyond what has been reached", () => {
    assert.equal(axisEnd(0), 20);
    assert.equal(axisEnd(76), 80);
    assert.equal(axisEnd(469), 475);
    assert.equal(axisEnd(1000), 1000);
    assert.equal(axisEnd(1001), 1250);
  });
});
