import assert from "node:assert/strict";
import { it } from "node:test";
import { Backoff } from "../../static/protocol/backoff.js";

it("doubles its ceiling up to the longest wait", () => {
  const backoff = new Backoff({ firstMs: 100, longestMs: 1000, random: () => 1 });
  const waits = Array.from({ length: 6 }, () => backoff.next());
  assert.deepEqual(waits, [100, 200, 400, 800, 1000, 1000]);
});

it("draws each wait from the upper half below the ceiling", () => {
  const low = new Backoff({ firstMs: 100, longestMs: 1000, random: () => 0 });
  assert.deepEqual([low.next(), low.next()], [50, 100]);
});

it("begins anew after a success", () => {
  const backoff = new Backoff({ firstMs: 100, longestMs: 1000, random: () => 1 });
  backoff.next();
  backoff.next();
  backoff.reset();
  assert.equal(backoff.next(), 100);
});
