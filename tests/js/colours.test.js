import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as colours from "../../static/draw/colours.js";
import { legendTicks } from "../../static/draw/legend.js";

/** @param {number | undefined} pixel */
function channels(pixel = 0) {
  return [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255, pixel >>> 24];
}

describe("the colour tables", () => {
  const signed = colours.signedTable([200, 100, 0], [240, 240, 240], [0, 100, 200]);

  it("have zero in the middle and the full colours at the ends", () => {
    assert.equal(signed.length, 256);
    assert.deepEqual(channels(signed[128]), [240, 240, 240, 255]);
    assert.deepEqual(channels(signed[255]), [0, 100, 200, 255]);
    assert.deepEqual(channels(signed[1]), [200, 100, 0, 255]);
    assert.deepEqual(channels(signed[0]), [200, 100, 0, 255]);
  });

  it("go up in one direction without a jump", () => {
    for (let code = 2; code < 256; code++) {
      const [, , before = 0] = channels(signed[code - 1]);
      const [, , now = 0] = channels(signed[code]);
      if (code <= 128) assert.ok(now >= before);
      else assert.ok(now <= before);
      assert.ok(Math.abs(now - before) <= 2);
    }
  });

  it("run from low to high for unsigned values", () => {
    const table = colours.sequentialTable([255, 255, 255], [0, 0, 0]);
    assert.deepEqual(channels(table[0]), [255, 255, 255, 255]);
    assert.deepEqual(channels(table[255]), [0, 0, 0, 255]);
  });
});

describe("codes", () => {
  it("stand for the values that the protocol gives them", () => {
    assert.equal(colours.valueOfCode(128, 0.004, "signed"), 0);
    assert.equal(colours.valueOfCode(255, 0.004, "signed"), 0.004);
    assert.equal(colours.valueOfCode(1, 0.004, "signed"), -0.004);
    assert.equal(colours.valueOfCode(255, 2, "unsigned"), 2);
    assert.equal(colours.valueOfCode(0, 2, "unsigned"), 0);
  });

  it("stand at their ends for all beyond, and say so", () => {
    assert.equal(colours.textOfCode(255, 0.27, "signed"), "≥ 0.27");
    assert.equal(colours.textOfCode(1, 0.27, "signed"), "≤ −0.27");
    assert.equal(colours.textOfCode(128, 0.27, "signed"), "0");
    assert.equal(colours.textOfCode(255, 2, "unsigned"), "≥ 2");
    assert.equal(colours.textOfCode(1, 255 ** 2, "unsigned"), "1");
  });

  it("come back from their values", () => {
    for (let code = 1; code < 256; code++) {
      assert.equal(colours.signedCode(colours.valueOfCode(code, 3, "signed"), 3), code);
      assert.equal(colours.unsignedCode(colours.valueOfCode(code, 3, "unsigned"), 3), code);
    }
  });

  it("stop at the end of the scale", () => {
    assert.equal(colours.signedCode(-9, 3), 1);
    assert.equal(colours.signedCode(9, 3), 255);
    assert.equal(colours.unsignedCode(-1, 3), 0);
  });

  it("have legend ticks where a quarter of the scale is half way", () => {
    for (const { at, text } of legendTicks(0.004, "signed")) {
      const value = colours.valueOfCode(Math.round(128 + (at - 0.5) * 254), 0.004, "signed");
      assert.ok(
        Math.abs(value - Number(text.replace(/[≤≥] /, "").replace("−", "-"))) < 0.00002,
        text,
      );
    }
  });
});

describe("parseColour", () => {
  it("reads what a style sheet and a computed style say", () => {
    assert.deepEqual(colours.parseColour("#1b1f27"), [27, 31, 39]);
    assert.deepEqual(colours.parseColour("rgb(27, 31, 39)"), [27, 31, 39]);
  });

  it("says what it expected", () => {
    assert.throws(() => colours.parseColour("violet"), /expected a colour such as.*got “violet”/);
  });
});
