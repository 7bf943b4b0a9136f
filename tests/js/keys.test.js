import assert from "node:assert/strict";
import { it } from "node:test";
import { actionOf, SHORTCUTS } from "../../static/keys.js";

const PLAIN = { shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, repeat: false };
const PAGE = { tag: "body", role: null, editable: false };

it("knows every key of the list", () => {
  for (const { action, key, shift } of SHORTCUTS) {
    assert.equal(actionOf({ ...PLAIN, key, shiftKey: shift }, PAGE), action);
  }
});

it("leaves keys with a modifier to the browser", () => {
  for (const modifier of ["ctrlKey", "altKey", "metaKey"]) {
    assert.equal(actionOf({ ...PLAIN, key: "r", [modifier]: true }, PAGE), null);
  }
});

it("leaves keys to the field, slider or tab that has the focus", () => {
  const press = { ...PLAIN, key: "ArrowRight" };
  assert.equal(actionOf(press, { tag: "input", role: null, editable: false }), null);
  assert.equal(actionOf(press, { tag: "select", role: null, editable: false }), null);
  assert.equal(actionOf(press, { tag: "canvas", role: "slider", editable: false }), null);
  assert.equal(actionOf(press, { tag: "button", role: "tab", editable: false }), null);
  assert.equal(actionOf(press, { tag: "div", role: null, editable: true }), null);
});

it("leaves keys to a group that has the focus, since it scrolls", () => {
  const group = { tag: "div", role: "group", editable: false };
  assert.equal(actionOf({ ...PLAIN, key: "ArrowRight" }, group), null);
  assert.equal(actionOf({ ...PLAIN, key: " " }, group), null);
});

it("leaves the space bar to a button, and takes the arrows from it", () => {
  const button = { tag: "button", role: null, editable: false };
  assert.equal(actionOf({ ...PLAIN, key: " " }, button), null);
  assert.equal(actionOf({ ...PLAIN, key: "ArrowRight" }, button), "step_phase");
});

it("steps on while a key is held, but does not flip play and pause", () => {
  assert.equal(actionOf({ ...PLAIN, key: "ArrowRight", repeat: true }, PAGE), "step_phase");
  assert.equal(actionOf({ ...PLAIN, key: " ", repeat: true }, PAGE), null);
  assert.equal(actionOf({ ...PLAIN, key: "r", repeat: true }, PAGE), null);
});

it("tells a shifted arrow from a plain one", () => {
  assert.equal(actionOf({ ...PLAIN, key: "ArrowRight", shiftKey: true }, PAGE), "step_batch");
  assert.equal(actionOf({ ...PLAIN, key: "ArrowLeft", shiftKey: true }, PAGE), null);
});
