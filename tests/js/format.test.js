import assert from "node:assert/strict";
import { it } from "node:test";
import * as format from "../../static/format.js";

it("writes a loss with four significant digits", () => {
  const cases = [
    [0.23714, "0.2371"],
    [2.30261, "2.303"],
    [12.3456, "12.35"],
    [1234.56, "1,235"],
    [0.02, "0.02000"],
    [0.00012344, "0.0001234"],
    [99999.4, "99,999"],
    [123456, "1.235e5"],
    [0.00001234, "1.234e-5"],
    [0, "0.000"],
    [null, "–"],
  ];
  for (const [value, text] of cases) {
    assert.equal(format.formatLoss(/** @type {number | null} */ (value)), text);
  }
});

it("writes shares as percentages", () => {
  assert.equal(format.formatPercent(0.9453125), "94.5 %");
  assert.equal(format.formatPercent(0.9783, 2), "97.83 %");
  assert.equal(format.formatPercent(null), "–");
  const halves = { 0.0625: "6.2 %", 0.1875: "18.8 %", 0.9375: "93.8 %", 0.3125: "31.2 %" };
  for (const [value, text] of Object.entries(halves)) {
    assert.equal(format.formatPercent(Number(value)), text);
  }
  assert.equal(format.formatPercent(0.00155, 2), "0.15 %");
  assert.equal(format.formatSmallPercent(0.00062), "0.062 %");
  assert.equal(format.formatSmallPercent(9.377), "938 %");
  assert.equal(format.formatSmallPercent(4_400_000), "4.4e8 %");
});

it("groups counts by thousands", () => {
  assert.equal(format.formatCount(407050), "407,050");
  assert.equal(format.formatCount(999), "999");
  assert.equal(format.formatCount(1234567), "1,234,567");
});

it("writes rates, settings and values short", () => {
  assert.equal(format.formatRate(0), "0.0");
  assert.equal(format.formatRate(9.96), "10");
  assert.equal(format.formatRate(612.4), "612");
  assert.equal(format.formatSetting(0.001), "0.001");
  assert.equal(format.formatSetting(1e21), "1e21");
  assert.equal(format.formatValue(-0.0425), "−0.043");
  assert.equal(format.formatValue(0.00001), "1e-5");
  assert.equal(format.formatValue(-13_245_000_000), "−1.3e10");
  assert.equal(format.formatValue(123_456, 3), "123,456");
  assert.equal(format.formatValue(-9902.27, 2), "−9,902");
  assert.equal(format.formatValue(999_999.7), "1e6");
  assert.equal(format.formatValue(-4e117), "−4e117");
  assert.equal(format.formatValue(2.718e-200, 4), "2.718e-200");
  assert.equal(format.formatValue(0), "0");
});

it("has the article that goes with a digit", () => {
  assert.equal(format.aDigit(8), "an 8");
  assert.equal(format.aDigit(3), "a 3");
});

it("says an error in sentences", () => {
  const error = { message: "expected a number, got “x”", hint: "0.001 is usual" };
  assert.equal(format.formatError(error), "Expected a number, got “x”. 0.001 is usual.");
  assert.equal(format.formatError({ message: "Try again.", hint: null }), "Try again.");
});

it("writes a value so that what was added to it is seen", () => {
  for (const [value, added, digits] of [
    [0.151, 1.2e-4, 6],
    [0.5, 0.25, 3],
    [1e-5, 3, 3],
    [3e9, 1e-3, 7],
    [0, 1, 3],
    [-0.02, -0.003, 4],
  ]) {
    assert.equal(format.digitsBeside(value ?? 0, added ?? 0), digits);
  }
});

it("reads numbers as people type them", () => {
  const cases = { "−0,05": -0.05, " 1e-3 ": 0.001, "+,5": 0.5, "1e999": Infinity, 3: 3 };
  for (const [text, value] of Object.entries(cases)) assert.equal(format.parseNumber(text), value);
  for (const text of ["", "one", "1,2,3", "Infinity", "0x10", "1,234", " −12,000 "]) {
    assert.ok(Number.isNaN(format.parseNumber(text)), text);
  }
});

it("reads no comma that may stand for a point or for thousands, and says so", () => {
  assert.equal(
    format.doubtAbout("−1,234"),
    "“−1,234” can be read in two ways: type −1.234 or −1234.",
  );
  for (const text of ["0,123", "1,23", "1,2345", "1234", "1.234", "1,234,567", "one"]) {
    assert.equal(format.doubtAbout(text), "", text);
  }
});
