import { computed, effect, signal } from "@preact/signals-core";
import * as commands from "../protocol/commands.js";

/**
 * @typedef {import("./run.js").RunModel} RunModel
 * @typedef {import("../protocol/types.js").ApiError} ApiError
 * @typedef {import("../protocol/types.js").Command} Command
 */

const PHASES_PER_BATCH = 5;

/**
 * The controls of several runs at once. In step, none gets ahead: those behind catch up first, then
 * all step by as many batches, and each waits for the others.
 */
export class Together {
  inStep = signal(false);
  /** Batches of one round, in step. */
  stride = signal(1);
  /** Batches a second; null: as fast as the machine allows. */
  /** @type {import("@preact/signals-core").Signal<number | null>} */
  pace = signal(null);
  /** @type {import("@preact/signals-core").Signal<ApiError | null>} */
  trouble = signal(null);
  #rounds = 0;
  #inRounds = signal(false);
  #runs;

  /** @param {() => readonly RunModel[]} runs all that are compared */
  constructor(runs) {
    this.#runs = runs;
    this.running = computed(
      () =>
        this.#inRounds.value || this.#runs().some((run) => run.state.value?.state === "playing"),
    );
  }

  /** @param {readonly RunModel[]} [runs] all, where nothing is said */
  async run(runs = this.#able()) {
    this.trouble.value = null;
    await Promise.all(runs.map(opened));
    this.#rounds += 1;
    if (this.inStep.peek()) {
      await this.#advance(runs, Infinity);
      return;
    }
    const pace = this.pace.peek();
    const speed = pace === null ? null : pace * PHASES_PER_BATCH;
    await this.#tell(runs, commands.set({ speed }));
    await this.#tell(runs, commands.play());
  }

  async hold() {
    this.#rounds += 1;
    await this.#tell(this.#able(), commands.pause());
  }

  async restart() {
    this.trouble.value = null;
    await this.hold();
    await this.#tell(this.#able(), commands.reset());
  }

  /** @param {"batch" | "epoch"} unit */
  async step(unit) {
    this.trouble.value = null;
    const runs = this.#able();
    if (!this.inStep.peek()) {
      this.#rounds += 1;
      await this.#tell(runs, commands.step(unit));
      return;
    }
    const reached = Math.max(...runs.map(batchOf));
    await this.#advance(runs, unit === "batch" ? nextBatch(runs) : reached + leftOf(runs[0]));
  }

  /** Those that are here, may be commanded, and have not failed. */
  #able() {
    return this.#runs().filter(
      (run) =>
        run.writable.peek() &&
        run.connection.peek() !== "gone" &&
        run.state.peek()?.state !== "failed",
    );
  }

  /**
   * In step up to a batch.
   *
   * @param {readonly RunModel[]} runs
   * @param {number} goal
   */
  async #advance(runs, goal) {
    const rounds = ++this.#rounds;
    const goesOn = () => rounds === this.#rounds && this.trouble.peek() === null;
    this.#inRounds.value = true;
    const playing = runs.filter((run) => run.state.peek()?.state !== "paused");
    await this.#tell(playing, commands.pause());
    while (goesOn()) {
      const able = this.#able().filter((run) => runs.includes(run));
      if (able.length === 0) break;
      const to = Math.min(nextGoal(able.map(batchOf), this.stride.peek()), goal);
      if (able.every((run) => batchOf(run) >= to)) break;
      const pace = this.pace.peek();
      const gap = pace === null ? null : delay((this.stride.peek() / pace) * 1000);
      await Promise.all(able.map((run) => this.#stepTo(run, to)));
      if (goesOn()) await gap;
    }
    if (rounds === this.#rounds) this.#inRounds.value = false;
  }

  /**
   * @param {RunModel} run
   * @param {number} batch
   */
  async #stepTo(run, batch) {
    const count = batch - batchOf(run);
    if (count <= 0) return;
    await this.#tell([run], commands.step("batch", count));
    await rested(run);
  }

  /**
   * @param {readonly RunModel[]} runs
   * @param {Command} command
   */
  async #tell(runs, command) {
    const errors = await Promise.all(runs.map((run) => run.act(command)));
    const error = errors.find((found) => found !== null);
    if (error) this.trouble.value = error;
  }
}

/**
 * Where a round leads: those behind come up to the one ahead; from equal batches all go on.
 *
 * @param {readonly number[]} batches
 * @param {number} stride
 */
export function nextGoal(batches, stride) {
  const ahead = Math.max(...batches);
  return batches.every((batch) => batch === ahead) ? ahead + stride : ahead;
}

/** @param {readonly RunModel[]} runs */
function nextBatch(runs) {
  return nextGoal(runs.map(batchOf), 1);
}

/** @param {RunModel} run */
function batchOf(run) {
  return run.state.peek()?.batch ?? 0;
}

/**
 * Batches to the end of the epoch.
 *
 * @param {RunModel | undefined} run
 */
function leftOf(run) {
  const state = run?.state.peek();
  return state ? state.batches_per_epoch - state.batch_in_epoch : 0;
}

/**
 * The run is known: its first state is here, or it is known not to exist.
 *
 * @param {RunModel} run
 */
function opened(run) {
  return until(() => run.state.value !== null || run.connection.value === "gone");
}

/** @param {RunModel} run */
function rested(run) {
  return until(() => run.state.value?.state !== "stepping" || run.connection.value === "gone");
}

/**
 * @param {() => boolean} holds reads signals
 * @returns {Promise<void>}
 */
function until(holds) {
  return new Promise((resolve) => {
    /** @type {() => void} */
    let stop = () => {};
    let done = false;
    stop = effect(() => {
      if (done || !holds()) return;
      done = true;
      resolve();
      queueMicrotask(() => stop());
    });
  });
}

/** @param {number} ms */
function delay(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
