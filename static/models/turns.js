import { effect } from "@preact/signals-core";

/**
 * Does things one after another: each waits for the one before. Those still waiting can be dropped;
 * the one under way continues.
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
   * @returns {Promise<void>} resolved when done or dropped, rejected if this one failed
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
    this.#last = done.catch(() => {}); // the next still gets its turn
    return done;
  }

  drop() {
    this.#round += 1;
    this.#ahead = 0;
  }
}

/**
 * @param {() => boolean} holds a condition that reads signals
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
