import assert from "node:assert/strict";
import { it } from "node:test";
import { Comparison } from "../../static/models/comparison.js";
import { prepareRace } from "../../static/models/racing.js";
import { RunModel } from "../../static/models/run.js";

const RACE = {
  title: "three rates",
  about: "",
  sides: [0.01, 0.1, 1].map((learning_rate) => ({ optimizer: { name: "sgd", learning_rate } })),
};

/** A comparison beside whose run nothing is, and what is made and deleted for it. */
function made() {
  const runOf = (/** @type {string} */ id) => {
    const run = new RunModel((callback) => callback());
    const optimizer = { name: "rmsprop", learning_rate: 0.001 };
    run.state.value = /** @type {any} */ ({
      ...{ id, batch: 7, actions: [], views: [], optimizer },
      config: { optimizer },
    });
    return run;
  };
  const comparison = new Comparison(runOf("main"), (id) => ({ run: runOf(id), close() {} }));
  /** @type {string[]} */
  const runs = [];
  const closed = new AbortController();
  const make = async () => {
    runs.push(`made ${runs.length}`);
    return { id: runs.at(-1) ?? "" };
  };
  const makers = {
    create: make,
    branch: make,
    remove: async (/** @type {string} */ id) => runs.splice(runs.indexOf(id), 1),
  };
  const compared = () => comparison.others.peek().map(({ id }) => id);
  return { parts: { comparison, makers, signal: closed.signal }, runs, closed, compared };
}

it("puts the runs of a race side by side", async () => {
  const { parts, runs, compared } = made();
  const racing = await prepareRace(RACE, "start", parts);
  assert.equal(racing.length, 3);
  assert.deepEqual(compared(), runs);
});

for (const from of /** @type {const} */ (["start", "now"])) {
  it(`makes no run of a race from ${from} whose dialog is closed before the first`, async () => {
    const { parts, runs, closed } = made();
    const { remove } = parts.makers;
    /** @type {string[]} */
    const removed = [];
    parts.makers.remove = (id) => {
      removed.push(id);
      return remove(id);
    };
    closed.abort();
    await assert.rejects(prepareRace(RACE, from, parts), { name: "AbortError" });
    assert.deepEqual([runs, removed], [[], []]);
  });

  it(`leaves no run of a race from ${from} whose dialog is closed meanwhile`, async () => {
    for (const last of [1, 3]) {
      const { parts, runs, closed, compared } = made();
      const kind = from === "start" ? "create" : "branch";
      const make = parts.makers[kind];
      parts.makers[kind] = () => {
        if (runs.length === last - 1) closed.abort();
        return make();
      };
      await assert.rejects(prepareRace(RACE, from, parts), { name: "AbortError" });
      assert.deepEqual([runs, compared()], [[], []]);
    }
  });

  it(`leaves no run of a race from ${from} of which one is refused, and says why`, async () => {
    const { parts, runs, compared } = made();
    const kind = from === "start" ? "create" : "branch";
    const make = parts.makers[kind];
    parts.makers[kind] = async () => {
      if (runs.length === 2) throw new Error("There are too many runs.");
      return make();
    };
    await assert.rejects(prepareRace(RACE, from, parts), { message: "There are too many runs." });
    assert.deepEqual([runs, compared()], [[], []]);
  });
}

it("tells why a race can't be, though what was made for it can't be deleted", async () => {
  const { parts, runs } = made();
  const { create } = parts.makers;
  parts.makers.create = async () => {
    if (runs.length === 1) throw new Error("There are too many runs.");
    return create();
  };
  parts.makers.remove = () => Promise.reject(new Error("The server does not answer."));
  await assert.rejects(prepareRace(RACE, "start", parts), { message: "There are too many runs." });
});
