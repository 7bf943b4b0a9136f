import assert from "node:assert/strict";
import { it, mock } from "node:test";
import { batch, signal } from "@preact/signals-core";
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

it("runs no more once it is gone, whatever it did last", () => {
  const run = new RunModel((callback) => callback());
  run.hello({ type: "hello", writable: true, state: stateAt({ state: "playing" }) });
  assert.equal(run.running.value, true);
  run.connection.value = "gone";
  assert.equal(run.running.value, false);
});

it("takes no step that waited behind one that could not be taken", async () => {
  const run = new RunModel((callback) => callback());
  const told = /** @type {string[]} */ ([]);
  const link = recordingLink();
  run.attach({
    ...link,
    command: async ({ type }) => {
      told.push(type);
      throw Object.assign(new Error("No connection."), { code: "not_connected" });
    },
  });
  await Promise.all([run.step("batch"), run.step("batch"), run.step("batch")]);
  assert.deepEqual(told, ["step"]);
  assert.equal(run.notice.value?.code, "not_connected");
  assert.equal(run.isStepping, false);
  await run.step("batch");
  assert.deepEqual(told, ["step", "step"]);
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

it("refuses what is asked of a run that is gone, and what waited for its connection, for that", async () => {
  const run = new RunModel((callback) => callback());
  const gone = { code: "unknown_run", message: "This run does not exist, or no longer." };
  let lose = (/** @type {Error} */ _error) => {};
  const link = recordingLink();
  const command = () => new Promise((_, reject) => (lose = reject));
  run.attach({ ...link, command });
  const waited = run.act(play(), { running: true });
  run.connection.value = "gone";
  run.gone.value = gone;
  lose(Object.assign(new Error("Closed."), { code: "closed" }));
  assert.deepEqual(await waited, gone);
  run.attach(link);
  assert.deepEqual(await run.act(play()), gone);
  assert.deepEqual(link.commands, []);
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
      views: [{ view: "layer1.weights", shape: [9, 4] }],
      ...changes,
    })
  );

/**
 * @param {ReturnType<typeof stateAt>} state
 * @param {{ [name: string]: number }} [weights] by view, a code that all of them have
 */
function frameOf(state, weights = {}) {
  const column = { data: new Float64Array(10) };
  const series = {
    metadata: { from_batch: "1", tests_from: "0", actions: "[]" },
    tensors: new Map([
      ["loss", column],
      ["accuracy", column],
    ]),
  };
  const views = Object.entries(weights).map(([name, code]) => {
    const values = { shape: [1, 4], data: new Uint8Array(4).fill(code) };
    const metadata = { coding: "signed", scale: "1", batch: String(state.batch) };
    const file = { metadata, tensors: new Map([["values", values]]) };
    return /** @type {const} */ ([name, file]);
  });
  return /** @type {import("../../static/protocol/frames.js").Frame} */ (
    /** @type {unknown} */ ({ frame: 1, state, series, views: new Map(views) })
  );
}

it("does not go back to a state that an answer has overtaken, but takes its pictures", () => {
  const run = new RunModel((callback) => callback());
  run.hello({ type: "hello", writable: true, state: stateAt({ version: 5, batch: 8 }) });
  run.reply(stateAt({ version: 8, batch: 10, learning_rate: 0.5 }));
  const older = stateAt({ version: 7, batch: 9, learning_rate: 0.1, state: "stepping" });
  run.frame(frameOf(older, { "layer1.weights": 3 }));
  const { batch, state, learning_rate } = /** @type {ReturnType<typeof stateAt>} */ (
    run.state.value
  );
  assert.deepEqual([batch, state, learning_rate], [10, "paused", 0.5]);
  run.reply(older);
  assert.equal(run.running.value, false, "nor is a step under way that is over");
  assert.equal(run.weights("layer1.weights").value?.batch, 9);
  run.frame(frameOf(stateAt({ version: 9, batch: 11 })));
  assert.equal(run.state.value?.batch, 11);
});

it("knows of which moment its series and pictures are, where an answer comes before them", () => {
  const run = new RunModel((callback) => callback());
  const shown = () => [run.shown.value?.batch, run.shown.value?.loss];
  run.hello({ type: "hello", writable: true, state: stateAt({ version: 1, batch: 4, loss: 2 }) });
  assert.deepEqual(shown(), [4, 2], "before the first frame, that of the beginning");
  run.frame(frameOf(stateAt({ version: 2, batch: 8, loss: 1 })));
  run.reply(stateAt({ version: 4, batch: 16, loss: 0.5, name: "steep" }));
  assert.deepEqual(shown(), [8, 1]);
  run.frame(frameOf(stateAt({ version: 3, batch: 12, loss: 0.7 })));
  assert.deepEqual(shown(), [12, 0.7], "an older one too, whose series came with it");
  assert.equal(run.shown.value?.name, "steep", "which frames leave out");
  assert.equal(run.state.value?.batch, 16);
});

it("has the name it is given elsewhere, which no frame brings", () => {
  const run = new RunModel((callback) => callback());
  run.rename("before it is open");
  assert.equal(run.state.peek(), null);
  run.hello({ type: "hello", writable: true, state: stateAt({ version: 1, batch: 4 }) });
  run.rename("steep");
  run.frame(frameOf(stateAt({ version: 2, batch: 8 })));
  assert.equal(run.state.value?.name, "steep");
  assert.equal(run.shown.value?.name, "steep");
});

it("takes whatever state a new connection begins with: another machine's clock may be behind", () => {
  const run = new RunModel((callback) => callback());
  run.reply(stateAt({ version: 900, batch: 8 }));
  run.hello({ type: "hello", writable: true, state: stateAt({ version: 5, batch: 7 }) });
  run.reply(stateAt({ version: 6, batch: 8 }));
  assert.equal(run.state.value?.batch, 8);
});

it("keeps weights that frames leave out since they have not changed, till their past is gone", () => {
  const run = new RunModel((callback) => callback());
  const name = "layer1.weights";
  const shown = () => run.weights(name).value?.codes[0] ?? null;
  const untrained = { batch: 0, phase: null };
  run.frame(frameOf(stateAt({ version: 1, ...untrained }), { [name]: 1 }));
  run.frame(frameOf(stateAt({ version: 2, ...untrained })));
  run.frame(frameOf(stateAt({ version: 3, batch: 0, phase: "draw" })));
  assert.equal(shown(), 1);
  // The answer to a reset comes before the frame.
  run.reply(stateAt({ version: 5, timeline: 1, ...untrained }));
  assert.equal(shown(), 1);
  run.frame(frameOf(stateAt({ version: 5, timeline: 1, ...untrained })));
  assert.equal(shown(), null);
  run.frame(frameOf(stateAt({ version: 6, timeline: 1, batch: 4 }), { [name]: 2 }));
  run.frame(frameOf(stateAt({ version: 7, timeline: 1, batch: 2, phase: null })));
  assert.equal(shown(), null);
});

/**
 * A run that rests at batch 10, and the commands it is sent.
 *
 * @param {(run: RunModel, batch: number) => Promise<ReturnType<typeof stateAt>>} answer to each,
 *   which names that batch
 */
function answered(answer) {
  const run = new RunModel((callback) => callback());
  run.state.value = stateAt();
  /** @type {Command[]} */
  const commands = [];
  run.attach({
    look: () => {},
    ack: () => {},
    command: async (command) => {
      commands.push(command);
      const state = await answer(run, Number(command.batch));
      run.reply(state);
      return state;
    },
  });
  return { run, commands };
}

it("goes back from where a slow step back has led", async () => {
  const { run, commands } = answered(async (run, batch) => {
    setTimeout(() => run.frame(frameOf(stateAt({ batch }))));
    return stateAt({ state: "stepping" });
  });
  await Promise.all([run.back(), run.back()]);
  assert.deepEqual(
    commands.map(({ batch }) => batch),
    [9, 8],
  );
});

it("asks on a return for what follows the series it has, by the series's own timeline", () => {
  const run = new RunModel((callback) => callback());
  run.frame(frameOf(stateAt()));
  // Away, the run went back to batch 5, and with another rate on to 20.
  const state = stateAt({ batch: 20, furthest: 20, timeline: 1 });
  run.hello({ type: "hello", writable: false, state });
  assert.deepEqual(run.missing(), { from_batch: 11, timeline: 0 });
});

it("goes back a batch for each time it is told to, each after the one before", async () => {
  const { run, commands } = answered(async (_, batch) => {
    await null; // the answer takes a while
    return stateAt({ batch });
  });
  await Promise.all([run.back(), run.back(), run.back()]);
  assert.deepEqual(
    commands,
    [9, 8, 7].map((batch) => ({ type: "seek", batch })),
  );
});

/** A run, and what the server is told that its page looks at. */
function lookedAt() {
  const run = new RunModel((callback) => callback());
  /** @type {import("../../static/protocol/types.js").Look[]} */
  const looks = [];
  run.attach({
    look: (look) => looks.push(look),
    ack: () => {},
    command: async () => stateAt(),
  });
  return { run, looks, views: () => looks.map(({ views }) => views) };
}

it("forgets what is picked no more when the server hears so, which sends it when it is picked again", () => {
  const { run, views } = lookedAt();
  const picked = run.view("exciters/3");
  const seen = { tensors: new Map(), metadata: {}, fresh: true };
  run.want("unit", ["exciters/3"]);
  picked.value = seen;
  batch(() => {
    run.want("unit", []);
    run.want("unit", ["exciters/3"]);
  });
  assert.equal(picked.value, seen);
  run.want("unit", []);
  assert.equal(picked.value, null);
  assert.deepEqual(views(), [[], ["exciters/3"], ["exciters/3"], []]);
});

it("forgets a study that nobody looks at once the run has gone on, and no other", () => {
  const { run } = lookedAt();
  const health = run.view("health");
  const at = (/** @type {number} */ batch) => frameOf(stateAt({ state: "playing", batch }));
  const found = { tensors: new Map(), metadata: { "study.batch": "10", layers: "[]" } };
  const isKept = () => health.value !== null;
  run.want("health", ["health"]);
  run.frame({ ...at(10), views: new Map([["health", /** @type {any} */ (found)]]) });
  run.frame(at(500));
  assert.ok(isKept(), "in sight it stays until the next is there");
  run.want("health", []);
  assert.ok(isKept());
  run.frame(at(10));
  assert.ok(isKept(), "of the present moment");
  run.frame(at(501));
  assert.ok(!isKept());
  run.want("health", ["health"]);
  run.frame({ ...at(501), views: new Map([["health", /** @type {any} */ (found)]]) });
  run.pageVisible.value = false;
  run.frame(at(900));
  assert.ok(!isKept(), "in a page that nobody sees");
});

it("tells the news at full speed with what is read, of the same moment", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  let now = 1000;
  const clock = mock.method(performance, "now", () => now);
  const pass = (/** @type {number} */ ms) => {
    now += ms;
    mock.timers.tick(ms);
  };
  const run = new RunModel((callback) => callback());
  const at = (/** @type {number} */ batch) => stateAt({ batch, state: "playing", speed: null });
  const told = (/** @type {() => void} */ happens) => {
    const before = run.news.value;
    happens();
    return run.news.value - before;
  };
  const values = { metadata: { values: "{}" }, tensors: new Map() };
  const withValues = (/** @type {number} */ batch) => {
    const frame = frameOf(at(batch));
    return { ...frame, views: new Map([["values", /** @type {any} */ (values)]]) };
  };
  assert.equal(
    told(() => run.frame(withValues(1))),
    1,
  );
  for (const gap of [100, 90, 110]) {
    pass(33);
    assert.equal(
      told(() => run.frame(frameOf(at(2)))),
      0,
      "of another moment",
    );
    pass(gap - 33);
    assert.equal(
      told(() => run.frame(withValues(3))),
      1,
    );
  }
  run.frame(frameOf(at(4)));
  assert.equal(
    told(() => pass(249)),
    0,
  );
  assert.equal(
    told(() => pass(1)),
    1,
    "where none comes",
  );
  assert.equal(
    told(() => run.frame(frameOf(at(5)))),
    0,
  );
  assert.equal(
    told(() => pass(100)),
    1,
    "then as often as it can be read",
  );
  // At a pace all comes with each frame.
  const paced = (/** @type {number} */ batch) => stateAt({ batch, state: "playing", speed: 50 });
  const frame = withValues(6);
  pass(100);
  const count = told(() => {
    for (let i = 0; i < 30; i++) {
      run.frame({ ...frame, state: paced(7 + i) });
      pass(33);
    }
  });
  assert.ok(8 <= count && count <= 10, `${count} times in a second`);
  clock.mock.restore();
  mock.timers.reset();
});

it("asks for what is read no more often than it is, at full speed", () => {
  const { run, looks } = lookedAt();
  const rates = () => looks.splice(0).map((look) => look.rates);
  run.want("loop", ["loop", "layer1.weights/3/4"]);
  run.reply(stateAt({ state: "playing", speed: null }));
  run.frame(frameOf(stateAt({ state: "playing", speed: null, batch: 11 })));
  run.reply(stateAt({ state: "playing", speed: 50 }));
  run.reply(stateAt({ state: "playing", speed: 2 }));
  assert.deepEqual(rates(), [{}, {}, { loop: 10 }, {}], "each said once");
  run.frame(frameOf(stateAt({ state: "stepping" })));
  assert.deepEqual(rates(), [], "in a step by hand, which is over soon");
  run.reply(stateAt({ state: "stepping" })); // an answer that comes before the end of the step
  run.reply(stateAt());
  assert.deepEqual(rates(), [{ loop: 10 }, {}]);
});

it("shows some units of a layer where no part of the page asks for all", () => {
  const { run, views } = lookedAt();
  run.want("weights", ["layer1.weights/3/4"]);
  run.frame(frameOf(stateAt(), { "layer1.weights/3/4": 7 }));
  const view = run.weights("layer1.weights").value;
  assert.deepEqual([view?.first, view?.shape, view?.codes.length], [3, [9, 4], 4]);
  run.want("comparison", ["layer1.weights"]);
  run.want("weights", ["layer1.weights/3/4"]); // as before: not said again
  run.want("comparison", []);
  assert.deepEqual(views(), [
    [],
    ["layer1.weights/3/4"],
    ["layer1.weights"],
    ["layer1.weights/3/4"],
  ]);
});

it("asks once for the units of a layer that several parts of the page show, and all have theirs", () => {
  const { run, views } = lookedAt();
  run.want("weights", ["layer1.weights/3/5", "layer1.weights.step/3/5", "inside/1/2/3"]);
  run.want("comparison", ["layer1.weights/6/8"]);
  const joined = ["layer1.weights/3/8", "layer1.weights.step/3/5", "inside/1/2/3"];
  assert.deepEqual(views().at(-1), joined);
  run.want("comparison", ["layer1.weights/0/3"]);
  assert.equal(views().at(-1)?.[0], "layer1.weights/0/5");
  run.want("comparison", ["layer1.weights/3/5"]);
  assert.equal(views().at(-1)?.[0], "layer1.weights/3/5");
});
