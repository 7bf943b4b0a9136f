import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { openFile, openRecipe } from "../../static/protocol/opening.js";

const MADE = { id: "abc", pending: 12 };

/**
 * A server that makes a run, and refuses all commands or none.
 *
 * @param {boolean} refuses
 * @returns {string[]} the types of the commands that have come
 */
function serve(refuses) {
  /** @type {string[]} */
  const commands = [];
  const error = { code: "worker_lost", message: "", hint: "" };
  globalThis.fetch = async (path, options) => {
    if (path === "/api/runs") return Response.json(MADE, { status: 201 });
    assert.equal(path, "/api/runs/abc/commands");
    commands.push(JSON.parse(String(options?.body)).type);
    return refuses ? Response.json({ error }, { status: 503 }) : Response.json({});
  };
  return commands;
}

describe("a recipe that is opened", () => {
  const { fetch } = globalThis;
  afterEach(() => {
    globalThis.fetch = fetch;
  });

  for (const refuses of [false, true]) {
    it(`is a run to be shown, its commands ${refuses ? "refused" : "carried out"}`, async () => {
      const commands = serve(refuses);
      assert.equal(await openRecipe({}), "abc");
      assert.deepEqual(commands, ["seek"]);
      assert.equal(await openFile(new Blob(["{}"])), "abc");
      assert.deepEqual(commands, ["seek", "set", "seek"]);
    });
  }
});
