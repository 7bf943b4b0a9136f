import assert from "node:assert/strict";
import { it } from "node:test";
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

it("refuses such a command once it is known that there is no run", async () => {
  const run = new RunModel((callback) => callback());
  const gone = { code: "server_full", message: "There is no room for another run.", hint: null };
  const asked = run.act(play());
  run.gone.value = gone;
  assert.deepEqual(await asked, gone);
});
