import assert from "node:assert/strict";
import { it, mock } from "node:test";
import { signal } from "@preact/signals-core";
import { RunModel } from "../../static/models/run.js";
import { play } from "../../static/protocol/commands.js";

/** @typedef {import("../../static/protocol/types.js").Command} Command */

/** A link that keeps the commands it is given. */
function recordingLink() {
  /** @type {Command[]} */
  const commands = [];
  const state = /** @type {import("../../static/protocol/types.js").RunState} */ (
    /** @type {unknown} */ ({ state: "playing" })
  );
  return {
    commands,
    command: async (/** @type {Command} */ command) => {
      commands.push(command);
      return state;
    },
    look: () => {},
    ack: () => {},
  };
}

it("keeps a command that is given before the run is open, and sends it then", async () => {
  const run = new RunModel((callback) => callback());
  const link = recordingLink();
  const asked = run.act(play());
  run.attach(link);
  assert.equal(await asked, null);
  assert.deepEqual(link.commands, [play()]);
});

it("watches whether the run is gone only as long as a command waits for it", async () => {
  const run = new RunModel((callback) => callback());
  let unwatched = 0;
  run.gone = signal(null, { unwatched: () => (unwatched += 1) });
  const asked = run.act(play());
  assert.equal(unwatched, 0);
  run.attach(recordingLink());
  await asked;
  assert.equal(unwatched, 1);
});

it("refuses such a command once it is known that there is no run", async () => {
  const run = new RunModel((callback) => callback());
  const gone = { code: "server_full", message: "There is no room for another run.", hint: null };
  const asked = run.act(play());
  run.gone.value = gone;
  assert.deepEqual(await asked, gone);
});

it("tells of everything that can be followed, and ten times a second of what cannot", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const run = new RunModel((callback) => callback());
  /** How often it tells of `states` that come at once. @param {object[]} states */
  const told = (...states) => {
    const before = run.news.value;
    for (const state of states) {
      run.reply(/** @type {import("../../static/protocol/types.js").RunState} */ (state));
    }
    return run.news.value - before;
  };
  const slow = { state: "playing", speed: 2 };
  const fast = { state: "playing", speed: null };
  const rest = { state: "paused", speed: null };
  assert.equal(told(rest, slow, slow), 3);
  assert.equal(told(fast, fast, fast), 1);
  mock.timers.tick(100);
  assert.equal(told(), 0);
  assert.equal(told(fast, fast), 0);
  mock.timers.tick(100);
  assert.equal(told(rest), 1, "the pause is told at once");
  mock.timers.reset();
});

/** @param {object} [changes] */
const stateAt = (changes = {}) =>
  /** @type {import("../../static/protocol/types.js").RunState} */ (
    /** @type {unknown} */ ({
      ...{ state: "paused", phase: "update", batch: 10, furthest: 10, timeline: 0, actions: [] },
      ...changes,
    })
  );

it("asks on a return for what follows the series it has, by the series's own timeline", () => {
  const run = new RunModel((callback) => callback());
  const column = { data: new Float64Array(10) };
  const file = {
    metadata: { from_batch: "1", tests_from: "0", actions: "[]" },
    tensors: new Map([
      ["loss", column],
      ["accuracy", column],
    ]),
  };
  const frame = /** @type {import("../../static/protocol/frames.js").Frame} */ (
    /** @type {unknown} */ ({ frame: 1, state: stateAt(), series: file, views: new Map() })
  );
  run.frame(frame);
  // Away, the run went back to batch 5, and with another rate on to 20.
  const state = stateAt({ batch: 20, furthest: 20, timeline: 1 });
  run.hello({ type: "hello", writable: false, state });
  assert.deepEqual(run.missing(), { from_batch: 11, timeline: 0 });
});

it("goes back a batch for each time it is told to, each after the one before", async () => {
  const run = new RunModel((callback) => callback());
  run.state.value = stateAt();
  /** @type {Command[]} */
  const commands = [];
  run.attach({
    look: () => {},
    ack: () => {},
    command: async (command) => {
      commands.push(command);
      await null; // the answer takes a while
      const batch = /** @type {{ batch: number }} */ (/** @type {unknown} */ (command)).batch;
      run.reply(stateAt({ batch }));
      return stateAt({ batch });
    },
  });
  await Promise.all([run.back(), run.back(), run.back()]);
  assert.deepEqual(
    commands,
    [9, 8, 7].map((batch) => ({ type: "seek", batch })),
  );
});
