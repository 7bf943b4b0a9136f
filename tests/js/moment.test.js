import assert from "node:assert/strict";
import { it } from "node:test";
import { signal } from "@preact/signals-core";
import { momentOf } from "../../static/models/moment.js";

it("is another moment when any of the runs has moved", () => {
  const state = { timeline: 0, batch: 3, phase: "update", learning_rate: 0.1, loss: 1 };
  const runs = [signal(state), signal(null)].map((one) => /** @type {any} */ ({ state: one }));
  const before = momentOf(runs);
  runs[0].state.value = { ...state, loss: 2 };
  assert.equal(momentOf(runs), before);
  const seen = new Set([before]);
  for (const moved of [{ batch: 4 }, { timeline: 1 }, { phase: "draw" }, { learning_rate: 1 }]) {
    runs[0].state.value = { ...state, ...moved };
    seen.add(momentOf(runs));
  }
  runs[1].state.value = state;
  seen.add(momentOf(runs));
  assert.equal(seen.size, 6);
});
