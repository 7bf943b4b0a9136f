import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { filled, sheet, THEME, words } from "./sheet.js";

// After the sheet, which stands in for the page.
const { digitsPainter } = await import("../../static/draw/digits.js");
const { forwardPainter } = await import("../../static/draw/forward.js");
const { drawMarks } = await import("../../static/draw/chart.js");
const { drawGauge } = await import("../../static/draw/gauge.js");
const { gradientsPainter } = await import("../../static/draw/gradients.js");
const { drawHistogram } = await import("../../static/draw/histogram.js");
const { legendPainter } = await import("../../static/draw/legend.js");
const { drawLosses } = await import("../../static/draw/losses.js");
const { stripsPainter } = await import("../../static/draw/strips.js");
const { unitLayout, unitsBetween, unitsPainter } = await import("../../static/draw/units.js");

const SIZE = { width: 200, height: 100, ratio: 1 };

/** @param {(context: CanvasRenderingContext2D) => void} draw */
function drawn(draw) {
  const { context, strokes } = sheet();
  draw(context);
  return strokes;
}

describe("the forward pass", () => {
  const probabilities = Float32Array.of(0.5, 0.25, 0, 0, 0, 0, 0, 0, 0, 0.25);
  /** @param {object} [changes] */
  const strokesOf = (changes = {}) =>
    drawn((context) =>
      forwardPainter()(
        context,
        {
          activations: [Float32Array.of(-1, 0, 1, 0.5), probabilities],
          label: 0,
          sample: 0,
          pixels: Uint8Array.of(0, 10, 20, 30),
          activation: "tanh",
          ...changes,
        },
        SIZE,
        THEME,
      ),
    );

  it("has a bar a digit, as long as its probability, from the same base", () => {
    const bars = filled(strokesOf(), "sequential");
    assert.equal(bars.length, 10);
    const lengths = bars.map(([, , , length]) => length);
    const [longest = 0] = lengths;
    assert.ok(longest > 15); // a half; all of it reaches up to the cells, at 45 of 100
    assert.deepEqual(
      lengths.map((length) => length / longest),
      [...probabilities].map((p) => p / 0.5),
    );
    assert.equal(new Set(bars.map(([, y, , length]) => y + length)).size, 1);
    for (let i = 1; i < 10; i++) assert.ok((bars[i]?.[0] ?? 0) > (bars[i - 1]?.[0] ?? 0));
  });

  it("hatches a wrong guess, and no right one", () => {
    const hatches = (/** @type {number} */ label) =>
      strokesOf({ label }).filter(({ call }) => call === "clip").length;
    assert.deepEqual([hatches(0), hatches(1)], [0, 1]);
  });

  it("shows the digit by its pixels, and what may be negative by its sign", () => {
    const pixels = (/** @type {string} */ activation) =>
      strokesOf({ activation }).filter(({ call }) => call === "drawImage");
    const [digit, cells] = pixels("tanh");
    assert.deepEqual(digit?.pixels, [3000, 3010, 3020, 3030]);
    assert.deepEqual(cells?.pixels.slice(0, 3), [1001, 1128, 1255]);
    assert.equal(pixels("sigmoid")[1]?.pixels[1], 2000);
  });
});

it("shows a batch's digits row by row, the followed one in its frame", () => {
  const pixels = Uint8Array.of(1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4);
  const picture = { pixels, labels: new Uint8Array(4), count: 4, size: 4, sample: 3 };
  const strokes = drawn((context) =>
    digitsPainter()(context, picture, { ...SIZE, width: 100 }, THEME),
  );
  const image = strokes.find(({ call }) => call === "drawImage");
  assert.deepEqual(image?.pixels.slice(0, 5), [3001, 3001, 0, 3002, 3002]);
  const frame = strokes.find(({ call }) => call === "strokeRect");
  assert.deepEqual(frame?.args, [50, 50, 50, 50]);
});

it("draws the losses from the largest, the mean at its height", () => {
  const picture = { perSample: Float32Array.of(4, 2, 1, 1), mean: 2, marked: 1 };
  const strokes = drawn((context) => drawLosses(context, picture, SIZE, THEME));
  const heights = filled(strokes, "muted").map(([, , , height]) => height);
  const [[, top, , second] = [0, 0, 0, 0]] = filled(strokes, "accent");
  assert.deepEqual([second * 2, second, second / 2, second / 2], heights);
  const line = strokes.find(({ call }) => call === "moveTo");
  assert.ok(Math.abs(Number(line?.args[1]) - top) < 1);
});

it("draws the losses from device pixel to device pixel, the followed one in sight among many", () => {
  for (const ratio of [1, 1.5, 2]) {
    for (const count of [1, 30, 128, 300, 4096]) {
      const perSample = Float32Array.from({ length: count }, (_, i) => count - i);
      const picture = { perSample, mean: 1, marked: count - 1 };
      const size = { width: 178, height: 100, ratio };
      const strokes = drawn((context) => drawLosses(context, picture, size, THEME));
      const edges = filled(strokes, "muted").map(([x, , width]) => [
        x * ratio,
        (x + width) * ratio,
      ]);
      // Between them there is nothing, or a gap as wide as all.
      const apart = edges.slice(1).map(([left = 0], i) => left - (edges[i]?.[1] ?? 0));
      for (const edge of edges.flat()) assert.ok(Math.abs(edge - Math.round(edge)) < 1e-9);
      if (count > 60) assert.ok(apart.every((gap) => gap < 1e-9));
      assert.deepEqual(edges.at(0)?.[0], 0);
      for (const [x, , width] of filled(strokes, "accent")) {
        assert.ok(width * ratio >= 1 - 1e-9 && x + width <= 178 + 1e-9);
      }
    }
  }
});

it("draws step sizes from 1e-6 to 1, the median at its place", () => {
  const histogram = Uint32Array.of(0, 4, 2, 0, 0, 0);
  const strokes = drawn((context) =>
    drawHistogram(context, { histogram, median: 1e-3, still: 0 }, SIZE, THEME),
  );
  const bars = filled(strokes, "muted");
  const heights = bars.map(([, , , height]) => height);
  assert.deepEqual(
    heights.map((height) => height / (heights[1] ?? 1)),
    [0, 1, 0.5, 0, 0, 0],
  );
  const at = new Map(words(strokes));
  assert.deepEqual([at.get("10⁻⁶"), at.get("1")], [0, 200]);
  assert.ok(Math.abs((at.get("median") ?? 0) - 100) <= 1);
});

it("draws gradients by their signs: images of units, and the last layer below them", () => {
  const picture = {
    images: Uint8Array.of(1, 2, 3, 4),
    units: [0],
    scale: 1,
    output: Uint8Array.of(5, 6, 7, 8, 9, 10),
    outputShape: /** @type {[number, number]} */ ([2, 3]),
    outputScale: 1,
  };
  const strokes = drawn((context) => gradientsPainter()(context, picture, SIZE, THEME));
  const [images, output] = strokes.filter(({ call }) => call === "drawImage");
  assert.deepEqual(images?.pixels, [1001, 1002, 1003, 1004]);
  assert.deepEqual(output?.pixels, [1005, 1006, 1007, 1008, 1009, 1010]);
  assert.ok(Number(output?.args[2]) > Number(images?.args[4]));
});

it("draws each unit's weights in its own strip", () => {
  const matrix = { codes: Uint8Array.of(1, 2, 3, 4), units: 2, inputs: 2, table: THEME.signed };
  const strokes = drawn((context) => stripsPainter()(context, matrix, SIZE, THEME));
  const strips = strokes.filter(({ call }) => call === "drawImage");
  assert.deepEqual(strips[0]?.pixels, [1001, 1002, 1003, 1004]);
  const rows = strips.map(({ args: [, x, y, width, height] }) => [x, y, width, height]);
  assert.deepEqual(rows, [
    [0, 0, 2, 1],
    [0, 1, 2, 1],
  ]);
  assert.ok(Number(strips[1]?.args[6]) > Number(strips[0]?.args[6]));
});

it("draws the units' images in their order, and the frame around the one pointed at", () => {
  const shape = /** @type {[number, number]} */ ([2, 4]);
  const codes = Uint8Array.of(1, 1, 1, 1, 2, 2, 2, 2);
  const coding = /** @type {const} */ ("signed");
  const view = { codes, first: 0, shape, scale: 1, coding, batch: 0 };
  const layout = unitLayout(shape, 200, 1);
  const strokes = drawn((context) =>
    unitsPainter()(context, { view, layout, pointed: 1 }, SIZE, THEME),
  );
  const pixels = strokes.find(({ call }) => call === "drawImage")?.pixels ?? [];
  assert.deepEqual([pixels[0], pixels.indexOf(1002) > pixels.indexOf(1001)], [1001, true]);
  const [x = 0, y = 0] = strokes.find(({ call }) => call === "strokeRect")?.args.map(Number) ?? [];
  assert.equal(layout.unitAt(x + 2, y + 2), 1);
});

it("draws the rows of units that are here where they lie among all", () => {
  const shape = /** @type {[number, number]} */ ([40, 4]);
  const layout = unitLayout(shape, 200, 1);
  const { columns } = layout;
  assert.ok(columns < 20, "the part begins and ends within a row");
  const paint = unitsPainter();
  const coding = /** @type {const} */ ("signed");
  const part = (/** @type {number} */ first, /** @type {number} */ count) => {
    const view = {
      codes: new Uint8Array(4 * count).fill(1),
      first,
      shape,
      scale: 1,
      coding,
      batch: 0,
    };
    const strokes = drawn((context) =>
      paint(context, { view, layout, pointed: null }, { ...SIZE, ...layout }, THEME),
    );
    const image = strokes.find(({ call }) => call === "drawImage");
    const lit = image?.pixels.filter((pixel) => pixel === 1001).length;
    return { top: Number(image?.args[2]), units: Number(lit) / 4 };
  };
  assert.deepEqual(part(0, 40), { top: 0, units: 40 });
  const second = layout.frameOf(columns).y;
  assert.deepEqual(part(columns + 1, columns), { top: second, units: columns });
  // The same rows again, but fewer units: nothing is left of the others.
  assert.deepEqual(part(columns + 2, columns - 1), { top: second, units: columns - 1 });
});

it("knows which units lie between two heights", () => {
  const layout = unitLayout([40, 4], 200, 1);
  const { columns, rows, height } = layout;
  const between = (/** @type {number} */ top, /** @type {number} */ bottom) =>
    unitsBetween(layout, 40, { top, bottom });
  const second = layout.frameOf(columns);
  assert.deepEqual(between(0, 2), { first: 0, last: columns });
  assert.deepEqual(between(second.y + 1, second.y + second.height - 1), {
    first: columns,
    last: 2 * columns,
  });
  assert.deepEqual(between(0, height), { first: 0, last: 40 });
  // Below them, where there is room for more.
  assert.deepEqual(between(2 * height, 3 * height), { first: (rows - 1) * columns, last: 40 });
});

it("has the legend go from the lowest code to the highest, its ticks along it", () => {
  const legend = { scale: 0.4, coding: /** @type {const} */ ("signed") };
  const strokes = drawn((context) => legendPainter()(context, legend, SIZE, THEME));
  const bar = strokes.find(({ call }) => call === "drawImage");
  assert.deepEqual([bar?.pixels[0], bar?.pixels.at(-1)], [1001, 1255]);
  const ticks = words(strokes);
  assert.deepEqual([ticks[0]?.[0], ticks.at(-1)?.[0]], ["≤ −0.4", "≥ +0.4"]);
  assert.ok((ticks[0]?.[1] ?? 0) < (ticks.at(-1)?.[1] ?? 0));
});

it("has the legend say that values may lie beyond its ends, with room for the words", () => {
  for (const coding of /** @type {const} */ (["signed", "unsigned"])) {
    for (const [width, scale] of [
      [280, 0.4],
      [332, 0.00012],
      [140, 0.00012],
    ]) {
      const legend = { scale: scale ?? 0, coding };
      const size = { width: width ?? 0, height: 26, ratio: 1 };
      const said = words(drawn((context) => legendPainter()(context, legend, size, THEME)));
      assert.match(said.at(-1)?.[0] ?? "", /^≥ /);
      assert.match(said[0]?.[0] ?? "", coding === "signed" ? /^≤ −/ : /^0$/);
      for (const [text, x] of said) {
        const half = (6 * text.length) / 2; // as the sheet measures
        assert.ok(x - half >= 0 && x + half <= size.width, `${text} at ${x} of ${size.width}`);
      }
    }
  }
});

it("marks a figure where it lies on its axis", () => {
  const axis = {
    at: (/** @type {number} */ value) => value,
    usual: /** @type {[number, number]} */ ([0.5, 1]),
    ticks: /** @type {[number, string][]} */ ([
      [0, "low"],
      [1, "high"],
    ]),
  };
  const strokes = drawn((context) => drawGauge(context, { axis, at: 0.25 }, SIZE, THEME));
  const mark = strokes.find(({ call }) => call === "roundRect");
  assert.equal(Number(mark?.args[0]) + 2, 6 + 0.25 * 188);
  const usual = filled(strokes, "hairline")[1];
  assert.deepEqual([usual?.[0], usual?.[2]], [100, 94]);
});

it("shortens the words of a mark by whole settings", () => {
  const { context, strokes } = sheet();
  const ctx = new Proxy(context, {
    get: (target, name) => (name === "canvas" ? { width: 60 } : Reflect.get(target, name)), // 6 a character
  });
  const bbox = { left: 0, top: 20, width: 90, height: 50 };
  const plot = /** @type {any} */ ({ ctx, bbox, valToPos: () => 45 });
  const mark = { batch: 3, words: "size 4,096, by hand", colour: "ink", dash: [] };
  drawMarks(plot, [mark], 2, THEME);
  assert.deepEqual(
    words(strokes).map(([text]) => text),
    ["size 4,096 …"],
  );
});
