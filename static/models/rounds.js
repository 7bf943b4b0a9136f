import { signal } from "@preact/signals-core";
import * as commands from "../protocol/commands.js";
import { Turns, until } from "./turns.js";

/** @typedef {import("./run.js").RunModel} RunModel */

/**
 * @typedef {object} Round
 * @property {number} stride how many batches each round takes, once all are level
 * @property {number | null} pace batches a second; null: as fast as they go
 */

/**
 * Runs in step: those behind catch up first; then all step by the same number of batches, and each
 * waits for the others before the next round.
 */
export class Rounds {
  /** Whether rounds are under way. */
  going = signal(false);
  #tell;
  #turns = new Turns();
  /** How often the rounds were held: rounds begun before the last hold stop. */
  #holds = signal(0);
  /** Whether the round under way is at most a stride long, not a long catching up. */
  #short = false;
  #last = Promise.resolve();

  /**
   * @param {(runs: readonly RunModel[], command: import("./run.js").Command) => Promise<boolean>}
   *   tell sends a command to each run, and gives whether none refused it
   */
  constructor(tell) {
    this.#tell = tell;
  }

  /**
   * Goes in rounds up to a batch, after any rounds asked for earlier.
   *
   * @param {() => readonly RunModel[]} runs gives the runs that can go on, before each round
   * @param {() => number} goal gives the batch at which the rounds end, when their turn comes
   * @param {() => Round} round called before each round
   */
  go(runs, goal, round) {
    const holds = this.#holds.peek();
    const isHeld = () => holds !== this.#holds.value;
    this.#last = this.#turns.add(() => this.#go(runs, goal(), { round, isHeld }));
    return this.#last;
  }

  /**
   * Ends the rounds: after the present round if it is short, else at once.
   *
   * @param {readonly RunModel[]} runs
   */
  async hold(runs) {
    this.#holds.value += 1;
    this.#turns.drop();
    if (!this.#short) await this.#tell(runs, commands.pause());
    await this.#last.catch(() => {});
  }

  /**
   * @param {() => readonly RunModel[]} runs
   * @param {number} goal
   * @param {{ round: () => Round, isHeld: () => boolean }} how
   */
  async #go(runs, goal, { round, isHeld }) {
    this.going.value = true;
    try {
      const moving = runs().filter((run) => run.state.peek()?.state !== "paused");
      let followed = await this.#tell(moving, commands.pause());
      while (followed && !isHeld()) {
        const { stride, pace } = round();
        const able = runs();
        const to = Math.min(nextGoal(able.map(batchOf), stride), goal);
        const behind = able.filter((run) => batchOf(run) < to);
        if (behind.length === 0) break;
        this.#short = behind.every((run) => to - batchOf(run) <= stride);
        const gap = pace === null ? null : delay((stride / pace) * 1000);
        const steps = await Promise.all(behind.map((run) => this.#stepTo(run, to, isHeld)));
        followed = steps.every(Boolean);
        if (!isHeld()) await gap;
      }
    } finally {
      this.#short = false;
      this.going.value = false;
    }
  }

  /**
   * @param {RunModel} run
   * @param {number} batch
   * @param {() => boolean} isHeld
   */
  async #stepTo(run, batch, isHeld) {
    const followed = await this.#tell([run], commands.step("batch", batch - batchOf(run)));
    // If the connection was lost, the next round starts from where the run is by then.
    await until(() => isAtRest(run) || isLost(run, isHeld()));
    return followed;
  }
}

/**
 * The batch at which a round ends: that of the run ahead; if all are level, a stride further.
 *
 * @param {readonly number[]} batches
 * @param {number} stride
 */
export function nextGoal(batches, stride) {
  const ahead = Math.max(...batches);
  return batches.every((batch) => batch === ahead) ? ahead + stride : ahead;
}

/** @param {RunModel} run */
function isAtRest({ state, connection }) {
  return connection.value === "open" && state.value?.state !== "stepping";
}

/**
 * Whether to stop waiting for a run: it is gone, or disconnected while all are held.
 *
 * @param {RunModel} run
 * @param {boolean} isHeld
 */
function isLost({ connection }, isHeld) {
  return connection.value === "gone" || (isHeld && connection.value !== "open");
}

/** @param {RunModel} run */
export function batchOf(run) {
  return run.state.peek()?.batch ?? 0;
}

/** @param {number} ms */
function delay(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
