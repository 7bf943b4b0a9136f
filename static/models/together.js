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

/** The controls of several runs at once: each for itself, or in step: none gets far ahead. */
export class Together {
  inStep = signal(false);
  /** Batches of one round, in step, and no more than those of a second: none gets further ahead. */
  stride = signal(8);
  /** Batches a second; null: as fast as the machine allows. */
  /** @type {import("@preact/signals-core").Signal<number | null>} */
  pace = signal(null);
  /** @type {import("@preact/signals-core").Signal<ApiError | null>} */
  trouble = signal(null);
  #runs;
  /** Those that were last set running; null: all. */
  /** @type {readonly RunModel[] | null} */
  #racing = null;
  /** Whether the rounds go on until they are held. */
  #endless = false;
  /** How often something has been asked for: what comes later takes the place of what waits. */
  #asked = 0;
  /** Which of these is a `run` that is not answered yet; 0: none. */
  #starting = 0;
  #rounds = new Rounds((runs, command) => this.#tell(runs, command));

  /** @param {() => readonly RunModel[]} runs all that are compared */
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

  /** Whether a run rests while others race, and has no part in it. @param {RunModel} run */
  leavesOut(run) {
    if (this.#racing === null || this.#racing.includes(run)) return false;
    return this.running.peek() && run.state.peek()?.state === "paused";
  }

  /** A race is level: none gets far ahead. @param {readonly RunModel[]} runs */
  race(runs) {
    this.inStep.value = true;
    return this.run(runs);
  }

  /** @param {readonly RunModel[] | null} [runs] all, where nothing is said */
  async run(runs = null) {
    const asked = this.#ask(runs);
    this.#starting = asked;
    await this.#endRounds();
    const wanted = runs ?? this.#runs();
    await Promise.all(wanted.map(tried));
    await Promise.race(wanted.map(opened)); // rounds of none would end at once
    if (asked !== this.#asked) return;
    const able = () => this.#able().filter((run) => !runs || runs.includes(run));
    const pace = this.pace.peek();
    if (this.inStep.peek()) {
      this.#starting = 0;
      await this.#goRounds(able, () => Number.POSITIVE_INFINITY);
      return;
    }
    const speed = pace === null ? null : pace * PHASES_PER_BATCH;
    // Not one after the other: what is asked for meanwhile is to come after both.
    const told = [commands.set({ speed }), commands.play()];
    for (const command of told) this.#tellLate(command, runs);
    await Promise.all(told.map((command) => this.#tell(able(), command)));
    if (this.#starting === asked) this.#starting = 0;
  }

  /**
   * Changes how they go; what runs goes on in the new way.
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
    // In rounds a run rests for moments; without them, one that rests is to go on resting.
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
   * Something else is to be done.
   *
   * @param {readonly RunModel[] | null} runs those that are to run; null: all
   * @returns {number} its number: no more the latest once anything else has been asked for
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

  /** Those that are here, may be commanded, and have not failed. */
  #able() {
    return this.#runs().filter(
      (run) => run.writable.peek() && run.state.peek() !== null && !isOut(run),
    );
  }

  /**
   * Tells each that is not open yet, once it is, unless something else has been asked for by then;
   * a reset comes before whatever that is.
   *
   * @param {Command} command
   * @param {readonly RunModel[] | null} [runs] all, where nothing is said
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
   * @returns {Promise<boolean>} whether none has refused it
   */
  async #tell(runs, command) {
    const errors = (await Promise.all(runs.map((run) => run.tell(command)))).filter(
      (error) => error !== null,
    );
    if (errors[0]) this.trouble.value = errors[0];
    return errors.every(isUnconnected);
  }
}

/** Whether a run goes on no more: it has failed, or is gone. @param {RunModel} run */
export function isOut(run) {
  return run.connection.peek() === "gone" || run.state.peek()?.state === "failed";
}

/** Whether nothing keeps a run from being told. @param {RunModel} run */
function isConnected({ connection: { value } }) {
  return value === "open" || value === "gone";
}

/** @param {RunModel} run */
function isPlaying(run) {
  return run.state.value?.state === "playing" && run.connection.value !== "gone";
}

/**
 * The next batch that all reach, or the end of the epoch of the one ahead.
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
 * The run is known: its first state is here, or it is known not to exist.
 *
 * @param {RunModel} run
 */
function opened(run) {
  return until(() => run.state.value !== null || run.connection.value === "gone");
}

/**
 * The run is known, or could not be opened so far: that may go on for ever, and the others go on.
 *
 * @param {RunModel} run
 */
function tried(run) {
  return until(() => run.state.value !== null || run.connection.value !== "connecting");
}
