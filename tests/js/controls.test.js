import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as rate from "../../static/models/learning-rate.js";
import * as speed from "../../static/models/speed.js";

describe("speed", () => {
  it("has a notch for every speed, and comes back to it", () => {
    speed.SPEEDS.forEach((value, notch) => {
      assert.equal(speed.speedOfNotch(notch), value);
      assert.equal(speed.notchOfSpeed(value), notch);
    });
  });

  it("takes the nearest notch on the logarithmic scale", () => {
    assert.equal(speed.SPEEDS[speed.notchOfSpeed(3)], 2);
    assert.equal(speed.SPEEDS[speed.notchOfSpeed(4)], 5);
    assert.equal(speed.SPEEDS[speed.notchOfSpeed(0.1)], 1);
    assert.equal(speed.SPEEDS[speed.notchOfSpeed(1e6)], 1000);
  });

  it("is said in words", () => {
    assert.equal(speed.speedText(1), "1 phase a second");
    assert.equal(speed.speedText(20), "20 phases a second");
    assert.equal(speed.speedText(null), "as fast as possible");
  });

  it("is slow up to twenty phases a second", () => {
    assert.ok(speed.isSlow(20));
    assert.ok(!speed.isSlow(50));
    assert.ok(!speed.isSlow(null));
  });
});

describe("learning rate", () => {
  it("is read in the ways people write it", () => {
    const cases = { 0.001: 0.001, "1e-3": 0.001, " .5 ": 0.5, "2.": 2, "1E-4": 1e-4, "0,01": 0.01 };
    for (const [text, value] of Object.entries(cases)) {
      assert.deepEqual(rate.parseLearningRate(text), { ok: true, value });
    }
  });

  it("is refused with a reason", () => {
    const reasons = {
      "": /Type a number/,
      abc: /“abc” is not a number/,
      "1,000.5": /is not a number/,
      "1,000": /in two ways: type 1\.000 or 1000/,
      NaN: /is not a number/,
      Infinity: /is not a number/,
      "0x10": /is not a number/,
      "1e999": /too large/,
      0: /above 0/,
      "-0.1": /above 0/,
    };
    for (const [text, reason] of Object.entries(reasons)) {
      const parsed = rate.parseLearningRate(text);
      assert.ok(!parsed.ok, text);
      assert.match(parsed.message, reason);
    }
  });

  it("has slider positions that come back to themselves", () => {
    for (let position = 0; position <= rate.SLIDER_MAX; position++) {
      assert.equal(rate.positionOfRate(rate.rateOfPosition(position)), position);
    }
    assert.equal(rate.rateOfPosition(30), 0.001);
    assert.equal(rate.positionOfRate(1e-12), 0);
    assert.equal(rate.positionOfRate(1e12), rate.SLIDER_MAX);
  });
});
