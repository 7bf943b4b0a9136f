import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { Backoff } from "../../static/protocol/backoff.js";
import { RunSocket } from "../../static/protocol/socket.js";
import { settled } from "./settled.js";

/** The browser's WebSocket as a test drives it: no network, every message at hand. */
class Wire extends EventTarget {
  /** @type {Wire[]} */
  static all = [];
  binaryType = "blob";
  /** @type {any[]} */
  sent = [];

  /** @param {string} url */
  constructor(url) {
    super();
    this.url = url;
    Wire.all.push(this);
  }

  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.dispatchEvent(new Event("close"));
  }

  /** @param {object} message */
  say(message) {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(message) }));
  }
}

/** @param {Partial<import("../../static/protocol/socket.js").SocketHandlers>} [handlers] */
function setUp(handlers = {}) {
  /** @type {string[]} */
  const log = [];
  const socket = new RunSocket({
    url: "ws://here/ws/runs/r",
    backoff: new Backoff({ firstMs: 100, random: () => 1 }),
    WebSocketClass: /** @type {any} */ (Wire),
    handlers: {
      hello: () => log.push("hello"),
      frame: () => log.push("frame"),
      reply: () => log.push("reply"),
      trouble: () => log.push("trouble"),
      away: (refusal) => log.push(refusal ? `away: ${refusal.code}` : "away"),
      resume: () => null,
      stillThere: async () => true,
      gone: () => log.push("gone"),
      ...handlers,
    },
  });
  socket.connect();
  return { socket, log, wire: () => /** @type {Wire} */ (Wire.all.at(-1)) };
}

const HELLO = { type: "hello", writable: true, state: {} };

describe("RunSocket", () => {
  beforeEach(() => {
    Wire.all = [];
    mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  });
  afterEach(() => mock.timers.reset());

  it("keeps commands until the hello, then sends them in order", () => {
    const { socket, wire } = setUp();
    socket.look({ views: ["loop"], rate: 30, rates: {}, sample: 0, repeat: false });
    socket.command({ type: "play" });
    socket.command({ type: "pause" });
    assert.deepEqual(wire().sent, []);
    wire().say(HELLO);
    assert.deepEqual(
      wire().sent.map(({ type }) => type),
      ["look", "play", "pause"],
    );
  });

  it("matches replies and errors to their commands", async () => {
    const { socket, wire } = setUp();
    wire().say(HELLO);
    const played = socket.command({ type: "play" });
    const set = socket.command({ type: "set", learning_rate: -1 });
    const [first, second] = wire().sent;
    wire().say({
      type: "error",
      id: second.id,
      error: { code: "bad", message: "No.", hint: "0.1" },
    });
    wire().say({ type: "reply", id: first.id, state: { state: "playing" } });
    assert.deepEqual(await played, { state: "playing" });
    await assert.rejects(set, { name: "CommandError", code: "bad", hint: "0.1" });
  });

  it("comes back by itself and asks for what it missed", async () => {
    const missing = { from_batch: 138, timeline: 2 };
    const { socket, log, wire } = setUp({ resume: () => missing });
    const look = { views: ["loop"], rate: 30, rates: {}, sample: 4, repeat: false };
    socket.look(look);
    wire().say(HELLO);
    wire().close();
    await settled();
    assert.equal(Wire.all.length, 1);
    mock.timers.tick(100);
    assert.equal(Wire.all.length, 2);
    wire().say(HELLO);
    assert.deepEqual(wire().sent, [
      { type: "resume", ...missing },
      { type: "look", ...look },
    ]);
    assert.deepEqual(log, ["hello", "away", "hello"]);
  });

  it("waits longer after each failure", async () => {
    const { wire } = setUp();
    for (const [attempt, wait] of [100, 200, 400].entries()) {
      wire().close();
      await settled();
      mock.timers.tick(wait - 1);
      assert.equal(Wire.all.length, attempt + 1);
      mock.timers.tick(1);
      assert.equal(Wire.all.length, attempt + 2);
    }
  });

  it("asks a server that says nothing for a word, and takes none for a lost connection", async () => {
    const { socket, log, wire } = setUp();
    wire().say(HELLO);
    const first = wire();
    const pings = () => first.sent.filter(({ type }) => type === "ping").length;
    for (let time = 0; time < 10; time++) {
      mock.timers.tick(7_999);
      assert.equal(pings(), time);
      mock.timers.tick(1);
      assert.equal(pings(), time + 1);
      first.say({ type: "pong", id: null });
    }
    const lost = socket.command({ type: "play" });
    first.close = () => {}; // a connection without a network has no end
    mock.timers.tick(24_000);
    await assert.rejects(lost, { code: "connection_lost" });
    await settled();
    mock.timers.tick(100);
    assert.equal(Wire.all.length, 2);
    first.say({ type: "pong", id: null });
    wire().say(HELLO);
    assert.deepEqual(log, ["hello", "away", "hello"]);
  });

  it("tries again where a connection is not made", async () => {
    const { log, wire } = setUp();
    wire().close = () => {};
    mock.timers.tick(24_000);
    await settled();
    mock.timers.tick(100);
    wire().say(HELLO);
    assert.equal(Wire.all.length, 2);
    assert.deepEqual(log, ["away", "hello"]);
  });

  it("refuses the commands that a lost connection leaves without an answer", async () => {
    const { socket, wire } = setUp();
    wire().say(HELLO);
    const lost = socket.command({ type: "play" });
    wire().close();
    await assert.rejects(lost, { code: "connection_lost" });
  });

  it("gives up a command that finds no connection", async () => {
    const { socket } = setUp();
    const command = socket.command({ type: "play" });
    mock.timers.tick(8000);
    await assert.rejects(command, { code: "not_connected" });
  });

  it("says and hears nothing more from when it is closed", () => {
    const { socket, log, wire } = setUp();
    wire().say(HELLO);
    const said = wire().sent.length;
    wire().close = () => {}; // its end takes a while, and more arrives
    socket.close();
    wire().say({ type: "error", id: null, error: {} });
    socket.ack(7);
    assert.equal(wire().sent.length, said);
    assert.deepEqual(log, ["hello"]);
  });

  it("tells why it is refused for the time being, and comes again", async () => {
    let asked = 0;
    const stillThere = async () => Boolean(++asked);
    const { log, wire } = setUp({ stillThere });
    wire().say({ type: "closing", error: { code: "too_many_viewers", message: "", hint: "" } });
    wire().close();
    await settled();
    assert.deepEqual([...new Set(log)], ["away: too_many_viewers"]);
    assert.equal(asked, 0);
    mock.timers.tick(100);
    assert.equal(Wire.all.length, 2);
    wire().close();
    assert.equal(log.at(-1), "away"); // this time it has not been told why
  });

  it("stops where the run is gone, and keeps nobody waiting", async () => {
    const { socket, log, wire } = setUp({ stillThere: async () => false });
    const waits = assert.rejects(socket.command({ type: "play" }), { code: "closed" });
    wire().close();
    await waits;
    mock.timers.tick(60_000);
    assert.deepEqual(log, ["away", "gone"]);
    assert.equal(Wire.all.length, 1);
  });
});
