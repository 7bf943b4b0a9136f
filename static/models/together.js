import { computed, effect, signal } from "@preact/signals-core";
import * as commands from "../protocol/commands.js";
import { isUnconnected } from "../protocol/socket.js";
import { batchOf, nextGoal, Rounds } from "./rounds.js";
import { until } from "./turns.js";

/**
 * @typedef {import("./run.js").RunModel} RunModel
 * @typedef {import("../protocol/types.js").ApiError} ApiError
 * @typedef {import("../protocol/types.js").Command} Command
 */

const PHASES_PER_BATCH = 5;

/** Controls several runs at once, each on its own or in step, so that none gets far ahead. */
export class Together {
  inStep = signal(false);
  /**
   * In step, the batches of a round, and so the largest lead; a round is at most a second's
   * batches.
   */
  stride = signal(8);
  /** Batches a second; null: as fast as the machine allows. */
  /** @type {import("@preact/signals-core").Signal<number | null>} */
  pace = signal(null);
  /** @type {import("@preact/signals-core").Signal<ApiError | null>} */
  trouble = signal(null);
  #runs;
  /** The runs last set running; null: all. */
  /** @type {readonly RunModel[] | null} */
  #racing = null;
  /** Whether the rounds continue until held. */
  #endless = false;
  /** Counts the requests: a later one replaces any that waits. */
  #asked = 0;
  /** The number of the `run` request not answered yet; 0: none. */
  #starting = 0;
  #rounds = new Rounds((runs, command) => this.#tell(runs, command));

  /** @param {() => readonly RunModel[]} runs gives all compared runs */
  constructor(runs) {
    this.#runs = runs;
    this.running = computed(() => this.#rounds.going.value || this.#runs().some(isPlaying));
    effect(() => {
      const { value: trouble } = this.trouble;
      if (trouble && isUnconnected(trouble) && this.#runs().every(isConnected)) {
        this.trouble.value = null;
      }
    });
  }

  /** Whether a run is paused while others race without it. @param {RunModel} run */
  leavesOut(run) {
    if (this.#racing === null || this.#racing.includes(run)) return false;
    return this.running.peek() && run.state.peek()?.state === "paused";
  }

  /** Starts a race, in step so that it is fair. @param {readonly RunModel[]} runs */
  race(runs) {
    this.inStep.value = true;
    return this.run(runs);
  }

  /** @param {readonly RunModel[] | null} [runs] all by default */
  async run(runs = null) {
    const asked = this.#ask(runs);
    this.#starting = asked;
    await this.#endRounds();
    const wanted = runs ?? this.#runs();
    await Promise.all(wanted.map(tried));
    await Promise.race(wanted.map(opened)); // without any run, the rounds would end at once
    if (asked !== this.#asked) return;
    const able = () => this.#able().filter((run) => !runs || runs.includes(run));
    const pace = this.pace.peek();
    if (this.inStep.peek()) {
      this.#starting = 0;
      await this.#goRounds(able, () => Number.POSITIVE_INFINITY);
      return;
    }
    const speed = pace === null ? null : pace * PHASES_PER_BATCH;
    // Sent together, so that a request made meanwhile comes after both.
    const told = [commands.set({ speed }), commands.play()];
    for (const command of told) this.#tellLate(command, runs);
    await Promise.all(told.map((command) => this.#tell(able(), command)));
    if (this.#starting === asked) this.#starting = 0;
  }

  /**
   * Changes how runs go; those that run continue in the new way.
   *
   * @param {() => void} change
   */
  async change(change) {
    const inRounds = this.#rounds.going.peek();
    const playing = this.#runs().filter(isPlaying);
    const isStarting = this.#starting !== 0 && this.#starting === this.#asked;
    if (!inRounds && !isStarting && playing.length === 0) {
      change();
      return;
    }
    const held = this.hold();
    const asked = this.#asked;
    await held;
    change();
    if (asked !== this.#asked) return;
    // In rounds, runs pause for moments and must go on; otherwise a paused run stays paused.
    await this.run(inRounds || isStarting ? this.#racing : playing);
  }

  async hold() {
    this.#asked += 1;
    this.#tellLate(commands.pause());
    if (this.#rounds.going.peek()) await this.#rounds.hold(this.#able());
    else await this.#tell(this.#able(), commands.pause());
  }

  async restart() {
    this.#ask(null);
    this.#tellLate(commands.reset());
    await this.#endRounds();
    await this.#tell(this.#able(), commands.reset());
  }

  /** @param {"batch" | "epoch"} unit */
  async step(unit) {
    const asked = this.#ask(null);
    if (!this.inStep.peek()) {
      this.#tellLate(commands.step(unit));
      await this.#endRounds();
      if (asked !== this.#asked) return;
      await this.#tell(this.#able(), commands.step(unit));
      return;
    }
    if (this.#endless) await this.#endRounds();
    if (asked !== this.#asked) return;
    await this.#goRounds(
      () => this.#able(),
      () => goalOf(this.#able(), unit),
    );
  }

  /**
   * Starts a new request.
   *
   * @param {readonly RunModel[] | null} runs the runs to set running; null: all
   * @returns {number} its number, which equals `#asked` until the next request
   */
  #ask(runs) {
    for (const run of this.#runs()) run.flush();
    this.trouble.value = null;
    this.#racing = runs;
    this.#asked += 1;
    return this.#asked;
  }

  /**
   * @param {() => readonly RunModel[]} able
   * @param {() => number} goal
   */
  async #goRounds(able, goal) {
    this.#endless = goal() === Number.POSITIVE_INFINITY;
    const round = () => {
      const pace = this.pace.peek();
      return { stride: Math.min(this.stride.peek(), pace ?? Infinity), pace };
    };
    await this.#rounds.go(able, goal, round);
  }

  async #endRounds() {
    if (this.#rounds.going.peek()) await this.#rounds.hold(this.#able());
  }

  /** The runs that are open, may be commanded and have not failed. */
  #able() {
    return this.#runs().filter(
      (run) => run.writable.peek() && run.state.peek() !== null && !isOut(run),
    );
  }

  /**
   * Sends a command to each run that is not open yet, once it is, unless something else has been
   * asked for by then. A reset is sent even then.
   *
   * @param {Command} command
   * @param {readonly RunModel[] | null} [runs] all by default
   */
  #tellLate(command, runs = null) {
    const asked = this.#asked;
    for (const late of (runs ?? this.#runs()).filter((run) => run.state.peek() === null)) {
      opened(late).then(() => {
        const able = this.#able().filter((run) => run === late);
        if (asked === this.#asked || command.type === "reset") this.#tell(able, command);
      });
    }
  }

  /**
   * @param {readonly RunModel[]} runs
   * @param {Command} command
   * @returns {Promise<boolean>} whether no run has refused it
   */
  async #tell(runs, command) {
    const errors = (await Promise.all(runs.map((run) => run.tell(command)))).filter(
      (error) => error !== null,
    );
    if (errors[0]) this.trouble.value = errors[0];
    return errors.every(isUnconnected);
  }
}

/** Whether a run has stopped for good: it has failed or is gone. @param {RunModel} run */
export function isOut(run) {
  return run.connection.peek() === "gone" || run.state.peek()?.state === "failed";
}

/** Whether a run is connected, or gone so that no connection is needed. @param {RunModel} run */
function isConnected({ connection: { value } }) {
  return value === "open" || value === "gone";
}

/** @param {RunModel} run */
function isPlaying(run) {
  return run.state.value?.state === "playing" && run.connection.value !== "gone";
}

/**
 * The next batch for all runs, or the end of the epoch that the run ahead is in.
 *
 * @param {readonly RunModel[]} runs
 * @param {"batch" | "epoch"} unit
 */
function goalOf(runs, unit) {
  if (unit === "batch") return nextGoal(runs.map(batchOf), 1);
  const ahead = Math.max(...runs.map(batchOf));
  const state = runs.find((run) => batchOf(run) === ahead)?.state.peek();
  return state ? ahead + state.batches_per_epoch - state.batch_in_epoch : ahead;
}

/**
 * Resolves once the run's first state is here, or it is known not to exist.
 *
 * @param {RunModel} run
 */
function opened(run) {
  return until(() => run.state.value !== null || run.connection.value === "gone");
}

/**
 * Resolves once the run is open or a first attempt to open it has failed. Opening may take for
 * ever, and the others must not wait.
 *
 * @param {RunModel} run
 */
function tried(run) {
  return until(() => run.state.value !== null || run.connection.value !== "connecting");
}
