import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deflateRawSync } from "node:zlib";
import { isOfThisComputer } from "../../static/models/addresses.js";
import { discardedWords, restoredWords, unsavedWords } from "../../static/models/survival.js";
import {
  holdsRecipe,
  LONGEST_FRAGMENT,
  RecipeLinkError,
  recipeFragment,
  recipeOf,
} from "../../static/protocol/recipe-link.js";

/** @typedef {import("../../static/protocol/types.js").RunState} RunState */

const RECIPE = {
  format: "descent.recipe",
  version: 1,
  name: "Größer, langsamer",
  config: {
    dataset: "mnist",
    layers: [
      { units: 512, activation: "relu" },
      { units: 10, activation: "softmax" },
    ],
    loss: "categorical_crossentropy",
    optimizer: { name: "rmsprop", learning_rate: 0.001 },
    batch_size: 128,
    seed: 0,
    dtype: "float32",
  },
  actions: [{ batch: 137, set: { learning_rate: 0.1 + 0.2 } }],
  batches: 512,
};

/** @param {Uint8Array} bytes */
const fragmentOf = (bytes) => `#recipe=${Buffer.from(bytes).toString("base64url")}`;

describe("a link that holds a recipe", () => {
  it("gives back the recipe without its name, every digit of it", async () => {
    const fragment = await recipeFragment(RECIPE);
    assert.match(fragment, /^#recipe=[A-Za-z0-9_-]+$/);
    assert.ok(fragment.length < 500);
    assert.ok(holdsRecipe(fragment));
    const { name: _name, ...rest } = RECIPE;
    assert.deepEqual(await recipeOf(fragment), rest);
  });

  it("is raw DEFLATE of JSON in URL-safe base64, as the protocol says", async () => {
    const json = Buffer.from(JSON.stringify({ format: "descent.recipe", version: 1 }));
    assert.deepEqual(await recipeOf(fragmentOf(deflateRawSync(json))), JSON.parse(String(json)));
  });

  it("is told from other fragments", () => {
    for (const other of ["", "#", "#loss", "#recipes=", "recipe=abc"]) {
      assert.ok(!holdsRecipe(other), other);
    }
  });

  it("is refused in words where a part of it is missing or wrong", async () => {
    const fragment = await recipeFragment(RECIPE);
    const damaged = [
      "#recipe=",
      "#recipe=%%%",
      fragment.slice(0, -20),
      `${fragment.slice(0, 60)}AAAA${fragment.slice(64)}`,
      fragmentOf(Buffer.from("not deflated")),
      fragmentOf(deflateRawSync(Buffer.from("not JSON"))),
      fragmentOf(deflateRawSync(Buffer.from("12"))),
      fragmentOf(deflateRawSync(Buffer.from([0xff, 0xfe]))),
    ];
    for (const link of damaged) await assert.rejects(recipeOf(link), RecipeLinkError, link);
  });

  it("does not unpack into a page's whole memory", async () => {
    const bomb = fragmentOf(deflateRawSync(Buffer.alloc(64 * 1024 * 1024, " ")));
    await assert.rejects(recipeOf(bomb), RecipeLinkError);
  });

  it("grows too long with drawings", async () => {
    let seed = 1;
    const pixels = Array.from({ length: 784 }, () => {
      seed = (seed * 48271) % 2147483647;
      return seed % 256;
    });
    const actions = Array.from({ length: 30 }, (_, batch) => ({
      batch,
      set: { drawing: { label: 4, pixels: pixels.map((value) => (value * (batch + 1)) % 256) } },
    }));
    assert.ok((await recipeFragment({ ...RECIPE, actions })).length > LONGEST_FRAGMENT);
  });
});

describe("what happened to a run", () => {
  /** @param {object} part */
  const words = (part) => restoredWords(/** @type {RunState} */ ({ state: "paused", ...part }));

  it("is said where its process was lost", () => {
    const restored = { batch: 1512, reason: "worker_lost", set_aside: [] };
    assert.equal(
      words({ state: "playing", restored }),
      "The process that trained this run stopped; the run has been restored at batch 1,512 and goes on.",
    );
    assert.match(words({ restored }), /batch 1,512 and is paused\.$/);
  });

  it("is said where the server was started again, with what was damaged", () => {
    const one = ["checkpoint-000256.safetensors"];
    const restored = { batch: 512, reason: "server_restarted", set_aside: one };
    assert.match(words({ restored }), /^The server was restarted; .* batch 512 and is paused\./);
    assert.match(words({ restored }), /A damaged checkpoint was set aside: checkpoint-000256/);
    const two = { ...restored, set_aside: [...one, "checkpoint-000512.safetensors"] };
    assert.match(words({ restored: two }), /Damaged checkpoints were set aside: .*256.*, .*512/);
  });

  it("is said where a damaged checkpoint was found on the way back", () => {
    const set_aside = ["checkpoint-000256.safetensors"];
    const restored = { batch: 300, reason: "checkpoint_damaged", set_aside };
    assert.match(
      words({ restored }),
      /^A damaged checkpoint was set aside: checkpoint-000256\.safetensors\. An earlier one was used/,
    );
  });

  it("is nothing most of the time", () => {
    assert.equal(words({ restored: null }), "");
    assert.equal(unsavedWords(/** @type {RunState} */ ({ saved: null })), "");
  });

  it("is said while it cannot be kept", () => {
    const saved = { code: "disk_full", message: "the disk is full", hint: "Make room" };
    assert.equal(unsavedWords(/** @type {RunState} */ ({ saved })), "The disk is full. Make room.");
  });
});

describe("a link", () => {
  it("is said to open on this computer only where its host is no other's", () => {
    for (const host of ["localhost", "page.localhost", "127.0.0.1", "127.1.2.3", "[::1]"]) {
      assert.ok(isOfThisComputer(host), host);
    }
    for (const host of ["192.168.1.7", "teacher.local", "localhost.example", "10.127.0.1"]) {
      assert.ok(!isOfThisComputer(host), host);
    }
  });
});

describe("what a reset has discarded", () => {
  it("is counted in words", () => {
    const words = (/** @type {RunState["discarded"]} */ discarded) =>
      discardedWords(/** @type {RunState} */ ({ discarded }));
    assert.equal(words(null), "");
    assert.equal(
      words({ batches: 1, changes: 0, pending: null }),
      "Reset: 1 batch discarded. Undo trains it again.",
    );
    assert.equal(
      words({ batches: 1234, changes: 2, pending: null }),
      "Reset: 1,234 batches and 2 changes discarded. Undo trains all 1,234 again.",
    );
    assert.equal(
      words({ batches: 4, changes: 1, pending: 20 }),
      "Reset: 4 batches, 1 change and the recipe up to batch 20 discarded. Undo trains all 4 again.",
    );
    assert.equal(
      words({ batches: 0, changes: 0, pending: 500 }),
      "Reset: the recipe up to batch 500 discarded.",
    );
    assert.equal(words({ batches: 0, changes: 1, pending: null }), "Reset: 1 change discarded.");
  });
});
