import assert from "node:assert/strict";
import { it } from "node:test";
import { RunModel } from "../../static/models/run.js";
import { Together } from "../../static/models/together.js";
import { settled } from "./settled.js";

/**
 * A run that does what it is told, and keeps it.
 *
 * @param {(type: string, ...values: unknown[]) => void} told
 * @param {string[]} [stuck] the commands whose end it never tells of
 */
function runThat(told, stuck = []) {
  const run = new RunModel((callback) => callback());
  const state = (/** @type {object} */ changes) =>
    /** @type {import("../../static/protocol/types.js").RunState} */ (
      /** @type {unknown} */ ({
        ...{ phase: "update", batch: 5, batch_in_epoch: 5, batches_per_epoch: 469, furthest: 5 },
        ...run.state.peek(),
        ...changes,
      })
    );
  run.state.value = state({ state: "paused" });
  run.connection.value = "open";
  run.attach({
    look: () => {},
    ack: () => {},
    command: async ({ type, ...command }) => {
      told(type, ...Object.values(command));
      const after = /** @type {{ [type: string]: string }} */ ({ play: "playing", set: "" })[type];
      if (after !== "") {
        run.reply(state({ state: stuck.includes(type) ? "stepping" : (after ?? "paused") }));
      }
      return state({});
    },
  });
  return run;
}

/** Two runs, "a" and "b", of which what they are told is kept in one list; no step of them ends. */
function twoThatStep() {
  /** @type {string[]} */
  const told = [];
  const runOf = (/** @type {string} */ name) =>
    runThat((type) => told.push(`${name} ${type}`), ["step"]);
  return { told, a: runOf("a"), b: runOf("b") };
}

it("goes on in another pace with those that were set running, and no others", async () => {
  /** @type {string[]} */
  const told = [];
  const runs = ["a", "b", "c"].map((name) => runThat((type) => told.push(`${name} ${type}`)));
  const together = new Together(() => runs);
  await together.run(runs.slice(1));
  told.length = 0;
  await together.change(() => {
    together.pace.value = 10;
  });
  assert.deepEqual(told.filter((line) => line.endsWith(" play")).sort(), ["b play", "c play"]);
});

it("leaves at rest, in another pace or in step, what rested beside the run that plays", async () => {
  for (const inStep of [false, true]) {
    const { told, a, b } = twoThatStep();
    const together = new Together(() => [a, b]);
    await a.play();
    told.length = 0;
    const changed = together.change(() => {
      together.pace.value = 10;
      together.inStep.value = inStep;
    });
    await (inStep ? settled() : changed);
    assert.ok(told.includes(inStep ? "a step" : "a play"), told.join());
    assert.deepEqual(
      told.filter((line) => /^b (play|step)/.test(line)),
      [],
    );
  }
});

it("leaves out of a race who rests meanwhile, until all go on", async () => {
  const [a, b, c] = ["a", "b", "c"].map(() => runThat(() => {}));
  assert.ok(a && b && c);
  const together = new Together(() => [a, b, c]);
  assert.ok(!together.leavesOut(c));
  await together.run([a, b]);
  assert.deepEqual(
    [a, b, c].map((run) => together.leavesOut(run)),
    [false, false, true],
  );
  await together.hold();
  assert.ok(!together.leavesOut(c));
  await together.step("batch");
  await together.run();
  assert.ok(!together.leavesOut(c));
});

it("does not run for a run that was deleted while it played", async () => {
  const run = runThat(() => {});
  const together = new Together(() => [run]);
  await together.run();
  assert.equal(together.running.value, true);
  run.connection.value = "gone";
  assert.equal(together.running.value, false);
});

it("is free again when a run that is on its way is taken out", async () => {
  const ready = runThat(() => {});
  const behind = runThat(() => {}, ["step"]);
  let runs = [ready, behind];
  const together = new Together(() => runs);
  together.inStep.value = true;
  together.run();
  await settled();
  assert.equal(together.running.value, true);
  runs = [ready];
  behind.connection.value = "gone"; // as its connection leaves it
  await together.hold();
  assert.equal(together.running.value, false);
});

it("keeps a race level: in rounds of a few batches, of one where that takes a second", async () => {
  for (const [pace, batches] of /** @type {const} */ ([
    [null, 8],
    [1, 1],
  ])) {
    /** @type {unknown[]} */
    const told = [];
    const runs = [1, 2].map(() => runThat((...command) => told.push(command), ["step"]));
    const together = new Together(() => runs);
    together.pace.value = pace;
    together.race(runs);
    await settled();
    assert.equal(together.inStep.value, true);
    assert.deepEqual(told, [
      ["step", "batch", batches],
      ["step", "batch", batches],
    ]);
  }
});

it("begins no race that is held, or taken back to the start, before its runs are open", async () => {
  for (const [instead, command] of /** @type {const} */ ([
    ["hold", "pause"],
    ["restart", "reset"],
  ])) {
    const { told, a: ready, b: late } = twoThatStep();
    const known = late.state.peek();
    late.state.value = null;
    const together = new Together(() => [ready, late]);
    const raced = together.race([ready, late]);
    await together[instead]();
    late.state.value = known;
    await raced;
    await settled();
    assert.deepEqual(told, [`a ${command}`, `b ${command}`], "who plays beside it is told as well");
    assert.equal(together.running.value, false);
  }
});

it("runs those that are open without one that can't be opened, which joins them once it is", async () => {
  for (const inStep of [false, true]) {
    const { told, a: ready, b: late } = twoThatStep();
    const known = late.state.peek();
    late.state.value = null;
    late.connection.value = "connecting";
    const together = new Together(() => [ready, late]);
    together.inStep.value = inStep;
    together.run();
    await settled();
    assert.deepEqual(told, [], "it may be there in a moment");
    late.connection.value = "away";
    await settled();
    assert.deepEqual(told.splice(0), inStep ? ["a step"] : ["a set", "a play"]);
    late.connection.value = "open";
    late.state.value = known;
    if (inStep) change(ready, { state: "paused", batch: 13 });
    await settled();
    assert.deepEqual(told, inStep ? ["b step"] : ["b set", "b play"]);
  }
});

it("runs in step as soon as one is open, where none can be opened at first", async () => {
  /** @type {string[]} */
  const told = [];
  const run = runThat((type) => told.push(type), ["step"]);
  const known = run.state.peek();
  run.state.value = null;
  run.connection.value = "away";
  const together = new Together(() => [run]);
  together.race([run]);
  await settled();
  run.connection.value = "open";
  run.state.value = known;
  await settled();
  assert.deepEqual(told, ["step"]);
});

it("leaves what is held while the way it goes is changed", async () => {
  /** @type {string[]} */
  const told = [];
  const run = runThat((type) => told.push(type));
  const together = new Together(() => [run]);
  await run.play();
  const changed = together.change(() => {
    together.pace.value = 10;
  });
  await together.hold();
  await changed;
  assert.equal(together.pace.value, 10);
  assert.deepEqual(told, ["play", "pause", "pause"]);
});

it("tells a run that is not open yet nothing that something else has taken the place of", async () => {
  /** @type {string[]} */
  const told = [];
  const late = runThat((type) => told.push(type));
  const known = late.state.peek();
  late.state.value = null;
  const together = new Together(() => [late]);
  await together.step("batch");
  await together.hold();
  late.state.value = known;
  await settled();
  assert.deepEqual(told, ["pause"]);
});

/**
 * Loses the run's connection as its socket does, upon a command of that type.
 *
 * @param {string} type
 */
function runThatLoses(type) {
  const run = runThat(() => {}, ["step"]);
  /** @type {string[]} */
  const told = [];
  run.attach({
    look: () => {},
    ack: () => {},
    command: async (command) => {
      told.push(command.type);
      if (command.type !== type) return /** @type {any} */ (run.state.peek());
      run.connection.value = "away";
      const error = { code: "connection_lost", message: "Lost." };
      throw Object.assign(new Error(error.message), error);
    },
  });
  return { run, told };
}

it("says no more that a connection was lost once it is back", async () => {
  const { run } = runThatLoses("pause");
  const together = new Together(() => [run]);
  await together.hold();
  assert.equal(together.trouble.value?.code, "connection_lost");
  run.connection.value = "open";
  assert.equal(together.trouble.value, null);
});

it("goes on in step once a lost connection is back, and not where it is held meanwhile", async () => {
  for (const held of [false, true]) {
    const { run, told } = runThatLoses("step");
    const together = new Together(() => [run]);
    together.race([run]);
    await settled();
    assert.equal(together.running.value, true);
    if (held) together.hold();
    run.connection.value = "open";
    await settled();
    assert.deepEqual(told, held ? ["step"] : ["step", "step"]);
    assert.equal(together.running.value, !held);
  }
});

/**
 * A run whose commands are answered when they are let.
 *
 * @param {(type: string, ...values: unknown[]) => void} told
 */
function runThatWaits(told) {
  const run = runThat(told);
  /** @type {(() => void)[]} */
  const answers = [];
  run.attach({
    look: () => {},
    ack: () => {},
    command: ({ type, ...command }) => {
      told(type, ...Object.values(command));
      const after = /** @type {{ [type: string]: object }} */ ({
        play: { state: "playing" },
        step: { state: "stepping" },
        set: {},
      })[type];
      return new Promise((resolve) => {
        answers.push(() => {
          change(run, after ?? { state: "paused" });
          resolve(/** @type {any} */ (run.state.peek()));
        });
      });
    },
  });
  const answer = async () => {
    for (const one of answers.splice(0)) one();
    await settled();
  };
  return { run, answer };
}

/**
 * @param {RunModel} run
 * @param {object} changes
 */
function change(run, changes) {
  run.reply(/** @type {any} */ ({ ...run.state.peek(), ...changes }));
}

it("rests where it is held, or taken back, before it is set running", async () => {
  for (const [instead, command] of /** @type {const} */ ([
    ["hold", "pause"],
    ["restart", "reset"],
  ])) {
    /** @type {string[]} */
    const told = [];
    const { run, answer } = runThatWaits((type) => told.push(type));
    const together = new Together(() => [run]);
    together.run();
    await settled();
    together[instead]();
    for (let answers = 0; answers < 3; answers++) await answer();
    assert.equal(told.at(-1), command);
    assert.equal(together.running.value, false);
  }
});

it("takes no step that is held before the rounds have ended", async () => {
  /** @type {string[]} */
  const told = [];
  const run = runThat((type) => told.push(type), ["step"]);
  const together = new Together(() => [run]);
  together.race([run]);
  await settled();
  together.step("epoch");
  together.hold();
  change(run, { state: "paused", batch: 13 });
  await settled();
  assert.deepEqual(told, ["step"]);
  assert.equal(together.running.value, false);
});

it("does not take up again the rounds that were held when others begin", async () => {
  /** @type {unknown[]} */
  const told = [];
  const run = runThat((...command) => told.push(command.join(" ")), ["step"]);
  const together = new Together(() => [run]);
  together.inStep.value = true;
  together.step("epoch");
  await settled();
  together.hold();
  together.step("batch");
  change(run, { state: "paused", batch: 13 });
  await settled();
  assert.deepEqual(told, ["step batch 8", "step batch 1"]);
});

it("goes on as was asked for last, however soon after another", async () => {
  /** @type {string[]} */
  const told = [];
  const { run, answer } = runThatWaits((...command) => told.push(command.join(" ")));
  const together = new Together(() => [run]);
  together.run();
  await settled();
  for (const pace of [10, 40]) {
    together.change(() => {
      together.pace.value = pace;
    });
    await answer();
  }
  for (let answers = 0; answers < 3; answers++) await answer();
  assert.deepEqual(told.slice(-2), ["set 200", "play"]);
  assert.equal(run.state.peek()?.state, "playing");
});

it("is held though a connection is lost", async () => {
  const { run } = runThatLoses("step");
  const together = new Together(() => [run]);
  together.race([run]);
  await settled();
  await together.hold();
  assert.equal(together.running.value, false);
});

it("goes on without a run that is taken out of a race", async () => {
  /** @type {string[]} */
  const told = [];
  const stays = runThat((type) => told.push(type), ["step"]);
  const leaves = runThat(() => {});
  leaves.attach({
    look: () => {},
    ack: () => {},
    command: async () => {
      leaves.connection.value = "gone";
      throw Object.assign(new Error("This page has closed the connection."), { code: "closed" });
    },
  });
  const together = new Together(() => [stays, leaves]);
  together.race([stays, leaves]);
  await settled();
  change(stays, { state: "paused", batch: 13 });
  await settled();
  assert.deepEqual(told, ["step", "step"]);
  assert.equal(together.trouble.value, null);
});

it("sends what is dragged before what is asked for, and not with each round", async () => {
  /** @type {string[]} */
  const told = [];
  const run = runThat((type) => told.push(type), ["step"]);
  const dragged = run.latest(async (/** @type {number} */ rate) => told.push(`set ${rate}`), 1000);
  for (const rate of [1, 2]) dragged.push(rate);
  const together = new Together(() => [run]);
  together.race([run]);
  await settled();
  dragged.push(3);
  change(run, { state: "paused", batch: 13 });
  await settled();
  assert.deepEqual(told, ["set 1", "set 2", "step", "step"]);
});
