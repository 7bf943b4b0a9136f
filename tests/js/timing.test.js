import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";
import { Classifier } from "../../static/models/classifier.js";
import { Dragged } from "../../static/models/dragged.js";
import { Latest } from "../../static/models/latest.js";
import { Painter } from "../../static/models/painter.js";
import { Pending } from "../../static/models/pending.js";
import { RunModel } from "../../static/models/run.js";
import { Turns } from "../../static/models/turns.js";
import { set } from "../../static/protocol/commands.js";
import { settled } from "./settled.js";

describe("Latest", () => {
  it("sends the first and the last value, one at a time and not too soon", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    /** @type {number[]} */
    const sent = [];
    const latest = new Latest(async (/** @type {number} */ value) => sent.push(value), 100);
    latest.push(1);
    latest.push(2);
    latest.push(3);
    await settled();
    mock.timers.tick(99);
    await settled();
    assert.deepEqual(sent, [1]);
    mock.timers.tick(1);
    await settled();
    assert.deepEqual(sent, [1, 3]);
    mock.timers.reset();
  });

  it("sends at once, where something else is to follow, what waits, and that once", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    /** @type {number[]} */
    const sent = [];
    const latest = new Latest(async (/** @type {number} */ value) => sent.push(value), 100);
    latest.flush();
    latest.push(1);
    latest.push(2);
    latest.flush();
    latest.flush();
    assert.deepEqual(sent, [1, 2]);
    await settled();
    mock.timers.tick(100);
    await settled();
    assert.deepEqual(sent, [1, 2]);
    mock.timers.reset();
  });
});

describe("Dragged", () => {
  /** A run whose commands are answered when they are let. */
  function runAndAnswers() {
    const run = new RunModel((callback) => callback());
    /** @type {string[]} */
    const sent = [];
    /** @type {(() => void)[]} */
    const answers = [];
    run.attach({
      look() {},
      ack() {},
      command: ({ type, ...values }) => {
        sent.push(`${type} ${Object.values(values)}`.trim());
        return new Promise((resolve) => answers.push(() => resolve(/** @type {any} */ ({}))));
      },
    });
    const dragged = new Dragged(run, "speed", (/** @type {number} */ speed) =>
      run.do(set({ speed })),
    );
    return { run, sent, answers, dragged, shown: () => run.pending.shown("speed", 2) };
  }

  it("is shown where it has been dragged to until that is answered", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    const { sent, answers, dragged, shown } = runAndAnswers();
    for (const speed of [5, 10, 20]) dragged.to(speed);
    assert.equal(shown(), 20);
    answers.shift()?.();
    await settled();
    assert.equal(shown(), 20, "it does not jump back to what has been answered");
    mock.timers.tick(120);
    await settled();
    assert.deepEqual(sent, ["set 5", "set 20"]);
    answers.shift()?.();
    await settled();
    assert.equal(shown(), 2);
    mock.timers.reset();
  });

  it("is sent before what is asked for next", () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    const { run, sent, dragged } = runAndAnswers();
    for (const speed of [5, 10, 20]) dragged.to(speed);
    run.play();
    assert.deepEqual(sent, ["set 5", "set 20", "play"]);
    mock.timers.reset();
  });
});

describe("Painter", () => {
  it("paints once a frame, and calls back after the paint", () => {
    /** @type {(() => void)[]} */
    const frames = [];
    /** @type {string[]} */
    const log = [];
    const painter = new Painter((callback) => frames.push(callback));
    const job = () => log.push("paint");
    painter.after(() => log.push("after"));
    painter.request(job);
    painter.request(job);
    assert.equal(frames.length, 1);
    frames[0]?.();
    assert.deepEqual(log, ["paint", "after"]);
    painter.request(job);
    painter.cancel(job);
    frames[1]?.();
    assert.deepEqual(log, ["paint", "after"]);
  });

  it("paints at once where it is told to, and not again in the frame", () => {
    /** @type {(() => void)[]} */
    const frames = [];
    /** @type {string[]} */
    const log = [];
    const painter = new Painter((callback) => frames.push(callback));
    painter.request(() => log.push("paint"));
    painter.paint();
    assert.deepEqual(log, ["paint"]);
    frames[0]?.();
    assert.deepEqual(log, ["paint"]);
  });

  it("paints what it can where a job fails, tells of it, and calls back", (context) => {
    /** @type {unknown[]} */
    const told = [];
    const before = globalThis.reportError;
    globalThis.reportError = (error) => told.push(error);
    context.after(() => {
      globalThis.reportError = before;
    });
    /** @type {(() => void)[]} */
    const frames = [];
    /** @type {string[]} */
    const log = [];
    const painter = new Painter((callback) => frames.push(callback));
    const error = new Error("no");
    painter.request(() => {
      throw error;
    });
    painter.request(() => log.push("paint"));
    painter.after(() => log.push("after"));
    frames[0]?.();
    assert.deepEqual(log, ["paint", "after"]);
    assert.deepEqual(told, [error]);
  });
});

describe("Pending", () => {
  it("shows what was asked for until its own answer has come", () => {
    const pending = new Pending();
    const first = pending.ask({ speed: 5 });
    const second = pending.ask({ speed: 10 });
    assert.equal(pending.shown("speed", 2), 10);
    first();
    assert.equal(pending.shown("speed", 2), 10);
    second();
    assert.equal(pending.shown("speed", 2), 2);
  });
});

describe("Classifier", () => {
  /** A classifier whose clock and answers the test moves on. */
  function setUp() {
    const clock = { now: 1000 };
    /** @type {{ callback: () => void, ms: number }[]} */
    const timers = [];
    /** @type {{ resolve: (reading: any) => void, reject: (error: Error) => void }[]} */
    const requests = [];
    /** @type {{ resolve: (status: any) => void, reject: (error: Error) => void }[]} */
    const questions = [];
    const classifier = new Classifier({
      read: () => new Promise((resolve, reject) => requests.push({ resolve, reject })),
      trained: () => new Promise((resolve, reject) => questions.push({ resolve, reject })),
      now: () => clock.now,
      setTimer: (callback, ms) => timers.push({ callback, ms }),
    });
    const fire = () => {
      const timer = timers.shift();
      assert.ok(timer);
      clock.now += timer.ms;
      timer.callback();
    };
    return { classifier, clock, timers, requests, questions, fire };
  }
  const reading = { digit: 7, probabilities: [], pixels: [] };

  it("reads at once, and not again while it waits for the answer", async () => {
    const { classifier, timers, requests, fire } = setUp();
    classifier.drawingChanged();
    classifier.drawingChanged();
    assert.deepEqual(
      timers.map(({ ms }) => ms),
      [0],
    );
    fire();
    classifier.drawingChanged();
    assert.equal(requests.length, 1);
    assert.equal(timers.length, 0);
    requests[0]?.resolve(reading);
    await settled();
    assert.equal(classifier.reading.value, reading);
    assert.equal(timers[0]?.ms, 100);
  });

  it("waits longer when only the network has changed", async () => {
    const { classifier, clock, timers, requests, fire } = setUp();
    classifier.networkChanged();
    fire();
    requests[0]?.resolve(reading);
    await settled();
    clock.now += 50;
    classifier.networkChanged();
    assert.equal(timers[0]?.ms, 100);
  });

  it("forgets an answer that comes after the drawing was cleared", async () => {
    const { classifier, requests, fire } = setUp();
    classifier.drawingChanged();
    fire();
    classifier.clear();
    requests[0]?.resolve(reading);
    await settled();
    assert.equal(classifier.reading.value, null);
  });

  it("keeps the error where there is no answer", async () => {
    const { classifier, requests, fire } = setUp();
    classifier.drawingChanged();
    fire();
    const error = Object.assign(new Error("Not ready."), { code: "network_not_ready", hint: null });
    requests[0]?.reject(error);
    await settled();
    assert.equal(classifier.error.value?.code, "network_not_ready");
    assert.equal(classifier.reading.value, null);
  });

  it("does not ask weights again that read nothing, before they have changed", async () => {
    const { classifier, timers, requests, fire } = setUp();
    classifier.drawingChanged();
    fire();
    requests[0]?.reject(Object.assign(new Error("Too large."), { code: "not_finite", hint: null }));
    await settled();
    classifier.drawingChanged();
    assert.equal(timers.length, 0);
    classifier.networkChanged();
    fire();
    assert.equal(requests.length, 2);
  });

  it("knows whether what it has read is the drawing as it is now", async () => {
    const { classifier, requests, fire } = setUp();
    classifier.drawingChanged();
    fire();
    classifier.drawingChanged();
    requests[0]?.resolve(reading);
    await settled();
    assert.equal(classifier.reading.value, reading);
    assert.equal(classifier.isCurrent.value, false);
    fire();
    requests[1]?.resolve(reading);
    await settled();
    assert.equal(classifier.isCurrent.value, true);
    classifier.networkChanged();
    assert.equal(classifier.isCurrent.value, true);
    classifier.clear();
    assert.equal(classifier.isCurrent.value, false);
  });

  it("asks how far the trained network is until it is ready, in one place at a time", async () => {
    const { classifier, timers, questions, fire } = setUp();
    const status = { ready: false, progress: 0.4, epoch: 2, epochs: 5 };
    for (const reader of /** @type {const} */ (["trained", "run", "trained"])) {
      classifier.choose(reader);
    }
    for (const question of questions) question.resolve(status);
    await settled();
    assert.equal(classifier.progress.value, "Still training: epoch 2 of 5, 40 %.");
    timers.splice(0, timers.length - 1); // the drawing's, for the run
    fire();
    assert.equal(questions.length, 3);
    questions[2]?.resolve({ ...status, ready: true });
    await settled();
    assert.equal(classifier.progress.value, null);
  });
});

describe("Turns", () => {
  it("takes one after the other, and drops those that still wait", async () => {
    const turns = new Turns();
    /** @type {string[]} */
    const log = [];
    /** @type {(() => void)[]} */
    const ends = [];
    const take = (/** @type {string} */ name) => () => {
      log.push(name);
      return new Promise((/** @type {(value: void) => void} */ resolve) => ends.push(resolve));
    };
    turns.add(take("first"));
    turns.add(take("second"));
    await settled();
    assert.deepEqual(log, ["first"]);
    ends[0]?.();
    await settled();
    assert.deepEqual(log, ["first", "second"]);
    turns.add(take("third"));
    turns.drop();
    assert.equal(turns.busy, false);
    turns.add(take("fourth"));
    ends[1]?.();
    await settled();
    assert.deepEqual(log, ["first", "second", "fourth"]);
    ends[2]?.();
    await settled();
    assert.equal(turns.busy, false);
  });

  it("come one after the other, also after one that failed", async () => {
    const turns = new Turns();
    /** @type {string[]} */
    const log = [];
    const failing = turns.add(async () => {
      log.push("first");
      throw new Error("no");
    });
    const next = turns.add(async () => {
      log.push("second");
    });
    assert.ok(turns.busy);
    await assert.rejects(failing, /no/);
    await next;
    assert.deepEqual(log, ["first", "second"]);
    assert.ok(!turns.busy);
  });
});
