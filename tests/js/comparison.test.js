import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { COMPARED_VIEW, Comparison } from "../../static/models/comparison.js";
import { RunModel } from "../../static/models/run.js";

/**
 * A comparison whose runs have no server behind them.
 *
 * @param {{ [id: string]: number }} [units] of a run's first layer, where it has not 512
 */
function made(units = {}) {
  /** @type {string[]} */
  const closed = [];
  /** @type {Map<string, import("../../static/protocol/types.js").Look>} */
  const looks = new Map();
  const modelOf = (/** @type {string} */ id) => {
    const run = new RunModel((callback) => callback(), 5);
    const views = [{ view: COMPARED_VIEW, shape: [units[id] ?? 512, 784] }];
    run.state.value = /** @type {any} */ ({ id, views });
    run.attach({
      command: () => Promise.reject(new Error("there is no server")),
      look: (look) => looks.set(id, look),
      ack() {},
    });
    return run;
  };
  const main = modelOf("main");
  const comparison = new Comparison(main, (id) => ({
    run: modelOf(id),
    close: () => closed.push(id),
  }));
  const viewsOf = (/** @type {string} */ id) => looks.get(id)?.views;
  const slots = () => comparison.all.value.map(({ id, slot }) => [id, slot]);
  return { comparison, main, closed, looks, viewsOf, slots };
}

describe("Comparison", () => {
  it("has the page's own run first", () => {
    const { comparison, slots } = made();
    assert.equal(comparison.add("b"), null);
    assert.equal(comparison.add("c"), null);
    assert.deepEqual(slots(), [
      ["main", 0],
      ["b", 1],
      ["c", 2],
    ]);
  });

  it("leaves each its letter when another is taken out, and gives that to the next", () => {
    const { comparison, closed, slots } = made();
    for (const id of ["b", "c", "d"]) comparison.add(id);
    comparison.remove("b");
    assert.deepEqual(closed, ["b"]);
    assert.deepEqual(slots().slice(1), [
      ["c", 2],
      ["d", 3],
    ]);
    comparison.add("e");
    assert.deepEqual(slots()[1], ["e", 1]);
  });

  it("refuses a run that is there, and a fifth one", () => {
    const { comparison, slots } = made();
    assert.equal(comparison.add("main")?.code, "already_compared");
    for (const id of ["b", "c", "d"]) comparison.add(id);
    assert.equal(comparison.add("b")?.code, "already_compared");
    assert.equal(comparison.add("e")?.code, "too_many_compared");
    assert.equal(slots().length, 4);
  });

  it("asks for images only in sight, and of the page's own run only beside others", () => {
    const { comparison, looks, viewsOf } = made();
    comparison.inSight.value = true;
    assert.deepEqual(viewsOf("main"), []);
    comparison.add("b");
    assert.deepEqual([viewsOf("main"), viewsOf("b")], [[COMPARED_VIEW], [`${COMPARED_VIEW}/0/24`]]);
    assert.equal(looks.get("b")?.rate, 5);
    comparison.inSight.value = false;
    assert.deepEqual([viewsOf("main"), viewsOf("b")], [[], []]);
    assert.equal(looks.get("b")?.rate, 1);
  });

  it("asks for the units shown alone, but at rest for all of the page's own run's", () => {
    const { comparison, viewsOf } = made();
    comparison.inSight.value = true;
    comparison.add("b");
    const views = () => ["main", "b"].map(viewsOf);
    comparison.running.value = true;
    assert.deepEqual(views(), [[`${COMPARED_VIEW}/0/24`], [`${COMPARED_VIEW}/0/24`]]);
    comparison.first.value = 504;
    assert.deepEqual(views(), [[`${COMPARED_VIEW}/504/512`], [`${COMPARED_VIEW}/504/512`]]);
    comparison.running.value = false;
    assert.deepEqual(views(), [[COMPARED_VIEW], [`${COMPARED_VIEW}/504/512`]]);
  });

  it("asks for what there is of a smaller layer, once it is known", () => {
    const { comparison, viewsOf } = made({ b: 16 });
    comparison.inSight.value = true;
    comparison.add("b");
    assert.deepEqual(viewsOf("b"), [`${COMPARED_VIEW}/0/16`]);
    comparison.first.value = 48; // of another network there are none
    assert.deepEqual(viewsOf("b"), [`${COMPARED_VIEW}/15/16`]);
    const run = comparison.others.value[0]?.run ?? assert.fail();
    run.state.value = null;
    assert.deepEqual(viewsOf("b"), []);
  });

  it("asks for nothing on a hidden page", () => {
    const { comparison, main, viewsOf } = made();
    comparison.add("b");
    comparison.inSight.value = true;
    main.pageVisible.value = false;
    assert.deepEqual([viewsOf("main"), viewsOf("b")], [[], []]);
  });
});
