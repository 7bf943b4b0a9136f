import { effect } from "@preact/signals-core";

/**
 * Things that are done one after the other: each waits for the one before. What still waits can be
 * dropped, what is under way goes on.
 */
export class Turns {
  #last = Promise.resolve();
  #ahead = 0;
  #round = 0;

  /** Whether something is under way or waits for its turn. */
  get busy() {
    return this.#ahead > 0;
  }

  /**
   * @param {() => Promise<void>} take
   * @returns {Promise<void>} done, or dropped; rejected if this one failed
   */
  add(take) {
    const round = this.#round;
    this.#ahead += 1;
    const done = this.#last.then(async () => {
      if (round !== this.#round) return;
      try {
        await take();
      } finally {
        if (round === this.#round) this.#ahead -= 1;
      }
    });
    this.#last = done.catch(() => {}); // the next has its turn all the same
    return done;
  }

  drop() {
    this.#round += 1;
    this.#ahead = 0;
  }
}

/**
 * @param {() => boolean} holds reads signals
 * @returns {Promise<void>}
 */
export function until(holds) {
  return new Promise((resolve) => {
    const stop = effect(() => {
      if (!holds()) return;
      resolve();
      queueMicrotask(() => stop());
    });
  });
}
