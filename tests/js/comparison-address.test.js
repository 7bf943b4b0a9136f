import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  addressOf,
  addressWith,
  idIn,
  isInStep,
  othersIn,
} from "../../static/models/comparison-address.js";

const idOf = (/** @type {string} */ letter) => letter.repeat(32);
const A = idOf("a");
const B = idOf("b");
const C = idOf("c");
const D = idOf("d");
const E = idOf("e");

describe("the comparison in the address", () => {
  it("reads the others, each once, without the page's own", () => {
    assert.deepEqual(othersIn(`?run=${A}&with=${B},${C},${B},${A}`), [B, C]);
    assert.deepEqual(othersIn(`?run=${A}`), []);
  });

  it("reads escaped commas as well", () => {
    assert.deepEqual(othersIn(`?run=${A}&with=${B}%2C${C}`), [B, C]);
  });

  it("leaves out what is no id, and what is too many", () => {
    assert.deepEqual(othersIn(`?run=${A}&with=x,${B},../../etc`), [B]);
    assert.deepEqual(othersIn(`?run=${A}&with=${B},${C},${D},${E}`), [B, C, D]);
  });

  it("writes them, and keeps the rest of the address", () => {
    const href = `http://host/?run=${A}&x=1#recipe=abc`;
    const written = addressWith(href, [B, C], false);
    assert.equal(written, `http://host/?run=${A}&x=1&with=${B},${C}#recipe=abc`);
    assert.equal(addressWith(written, [], false), href);
  });

  it("is read as it was written", () => {
    for (const inStep of [true, false]) {
      const address = new URL(addressWith(`http://host/?run=${A}&in-step`, [C, B], inStep));
      assert.deepEqual(othersIn(address.search), [C, B]);
      assert.equal(isInStep(address.search), inStep);
    }
    assert.equal(addressWith(`http://host/?run=${A}`, [], true), `http://host/?run=${A}`);
  });

  it("makes another run the page's own", () => {
    assert.equal(addressOf(B, [A, B, C], false), `/?run=${B}&with=${A},${C}`);
    assert.equal(addressOf(B, [A, B, C], true), `/?run=${B}&with=${A},${C}&in-step`);
    assert.equal(addressOf(B, [B], true), `/?run=${B}`);
  });
});

describe("a run named by its reader", () => {
  it("is found by id and in links", () => {
    assert.equal(idIn(` ${A} `), A);
    assert.equal(idIn(`http://host:8000/?run=${B}&with=${C}`), B);
    assert.equal(idIn(`http://host/api/runs/${B}/series`), B);
  });

  it("is not guessed", () => {
    assert.equal(idIn("RMSprop"), null);
    assert.equal(idIn(`${A}0`), null);
    assert.equal(idIn(`/?run=${A}0`), null);
    assert.equal(idIn(""), null);
  });
});
