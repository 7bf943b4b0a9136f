/**
 * Paints once a frame: a job requested several times runs once, and callbacks that wait for the
 * paint (acknowledgements) run after it.
 */
export class Painter {
  /** @type {Set<() => void>} */
  #jobs = new Set();
  /** @type {(() => void)[]} */
  #after = [];
  #scheduled = false;
  #nextFrame;

  /** @param {(callback: () => void) => void} nextFrame */
  constructor(nextFrame) {
    this.#nextFrame = nextFrame;
  }

  /** @param {() => void} job the same function each time, so that it runs once */
  request(job) {
    this.#jobs.add(job);
    this.#schedule();
  }

  /** @param {() => void} job */
  cancel(job) {
    this.#jobs.delete(job);
  }

  /** @param {() => void} callback */
  after(callback) {
    this.#after.push(callback);
    this.#schedule();
  }

  /** Paints what is due now, without waiting for the frame. */
  paint() {
    this.#scheduled = false;
    const jobs = [...this.#jobs];
    this.#jobs.clear();
    for (const job of jobs) attempt(job);
    for (const callback of this.#after.splice(0)) attempt(callback);
  }

  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#nextFrame(() => this.paint());
  }
}

/**
 * If one job fails, the others are still painted, and the frame is acknowledged.
 *
 * @param {() => void} call
 */
function attempt(call) {
  try {
    call();
  } catch (error) {
    reportError(error);
  }
}
