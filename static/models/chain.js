import { computed, signal } from "@preact/signals-core";
import { apiErrorOf } from "../protocol/api.js";
import { Latest } from "./latest.js";

/**
 * @typedef {import("../protocol/types.js").ApiError} ApiError
 * @typedef {import("../protocol/types.js").ChainQuestion} ChainQuestion
 * @typedef {import("../protocol/types.js").ChainAnswer} ChainAnswer
 * @typedef {import("../protocol/types.js").ChainFactor} ChainFactor
 */

/**
 * @template T
 * @typedef {import("@preact/signals-core").Signal<T>} Signal
 */

/** The least time between two questions while a slider is dragged. */
const GAP_MS = 40;

/** @typedef {{ question: ChainQuestion, answer: ChainAnswer }} Answered */

/** @typedef {{ before: number, after: number }} Outcome f at the two ends of a step */

/**
 * The textbook chain: the question, the server's answer, and how far back the reader has walked.
 */
export class ChainModel {
  /** @type {Signal<ChainQuestion>} */
  question;
  /** The last answer, with the question it belongs to. */
  /** @type {Signal<Answered | null>} */
  answered = signal(null);
  /** @type {Signal<ApiError | null>} */
  error = signal(null);
  /** How many factors of the walk have been found. */
  reached = signal(0);
  /** What the last step did, until the reader moves a weight or chooses another chain. */
  /** @type {Signal<Outcome | null>} */
  outcome = signal(null);
  /** Whether the region is visible: while it is not, nothing is asked. */
  visible = signal(false);
  walk = computed(() => walkOf(this.answered.value?.answer ?? null));
  #latest;
  /** How many steps wait for the answer for the present W. */
  #stepsAsked = 0;

  /**
   * @param {ChainQuestion} question
   * @param {(question: ChainQuestion) => Promise<ChainAnswer>} ask
   */
  constructor(question, ask) {
    this.question = signal(question);
    this.#latest = new Latest((asked) => this.#ask(asked, ask), GAP_MS);
  }

  /** @param {boolean} visible */
  seen(visible) {
    this.visible.value = visible;
    this.#refresh();
  }

  /** The server is back: asks again what it did not answer. */
  back() {
    if (this.error.peek() !== null) this.#refresh();
  }

  /**
   * @param {"a" | "b" | "c"} place
   * @param {string} name
   */
  choose(place, name) {
    this.outcome.value = null;
    this.#stepsAsked = 0;
    this.#change({ [place]: name });
  }

  /**
   * @param {number} index 0 for W1
   * @param {number} value
   */
  setWeight(index, value) {
    this.outcome.value = null;
    this.#stepsAsked = 0;
    this.#change({ weights: this.question.peek().weights.with(index, value) });
  }

  /** @param {number} step */
  setStep(step) {
    this.#change({ step });
  }

  /** Finds one more factor. */
  next() {
    this.reached.value = Math.min(this.reached.peek() + 1, this.walk.peek().length);
  }

  startOver() {
    this.reached.value = 0;
  }

  /** Moves W to W − step · gradient, once the answer for the present W is there. */
  takeStep() {
    this.#stepsAsked += 1;
    this.#step();
  }

  #step() {
    const { question, answer } = this.answered.peek() ?? {};
    if (this.#stepsAsked === 0 || !answer || question !== this.question.peek()) return;
    this.#stepsAsked -= 1;
    const { weights, value } = answer.after;
    if (weights === null || value === null) {
      this.#stepsAsked = 0;
      return;
    }
    this.outcome.value = { before: answer.value, after: value };
    this.#change({ weights });
  }

  /** @param {Partial<ChainQuestion>} change */
  #change(change) {
    this.question.value = { ...this.question.peek(), ...change };
    this.#refresh();
  }

  #refresh() {
    const question = this.question.peek();
    if (this.visible.peek() && this.answered.peek()?.question !== question) {
      this.#latest.push(question);
    }
  }

  /**
   * @param {ChainQuestion} question
   * @param {(question: ChainQuestion) => Promise<ChainAnswer>} ask
   */
  async #ask(question, ask) {
    try {
      this.answered.value = { question, answer: await ask(question) };
      this.error.value = null;
    } catch (error) {
      this.error.value = apiErrorOf(error);
      this.#stepsAsked = 0;
    }
    this.#step();
  }
}

/**
 * The factors in the order in which the gradient function multiplies them, from f back, each once.
 *
 * @param {ChainAnswer | null} answer
 * @returns {ChainFactor[]}
 */
export function walkOf(answer) {
  /** @type {Map<string, ChainFactor>} */
  const found = new Map();
  for (const { factors } of Object.values(answer?.gradients ?? {})) {
    for (const factor of factors) found.set(factor.name, found.get(factor.name) ?? factor);
  }
  return [...found.values()];
}
