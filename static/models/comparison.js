import { computed, effect, signal } from "@preact/signals-core";
import { MOST_OTHERS } from "./comparison-address.js";
import { partName, unitsThere } from "./weight-parts.js";

/**
 * @typedef {import("./run.js").RunModel} RunModel
 * @typedef {import("../protocol/types.js").ApiError} ApiError
 */

/**
 * @typedef {object} Compared
 * @property {string} id
 * @property {number} slot 0 to 3: decides its letter, hue and dash while it is compared
 * @property {RunModel} run
 */

/** @typedef {Compared & { close: () => void }} Other */

/** The view whose images are compared. */
export const COMPARED_VIEW = "layer1.weights";

/** How many units of each run are shown. */
export const UNITS_SHOWN = 24;

export const LETTERS = ["A", "B", "C", "D"];

/** The runs that stand side by side: the page's own, and up to three others. */
export class Comparison {
  /** @type {import("@preact/signals-core").Signal<readonly Other[]>} */
  others = signal([]);
  /** Whether the comparison is in sight; if not, the others send only their series, and seldom. */
  inSight = signal(false);
  /** The first unit shown. */
  first = signal(0);
  /** Whether any of the runs is running. */
  running = signal(false);
  #open;

  /**
   * @param {RunModel} main
   * @param {(id: string) => { run: RunModel, close: () => void }} open
   */
  constructor(main, open) {
    this.#open = open;
    const mainId = computed(() => main.state.value?.id ?? null);
    /** @type {import("@preact/signals-core").ReadonlySignal<readonly Compared[]>} */
    this.all = computed(() => {
      const id = mainId.value;
      return id === null ? [] : [{ id, slot: 0, run: main }, ...this.others.value];
    });
    effect(() => {
      const others = this.others.value;
      const seen = this.inSight.value && main.pageVisible.value;
      for (const { run } of others) {
        run.pageVisible.value = seen;
        run.want("comparison", this.#shownOf(run));
      }
      // A paused page's own run gets all units, so that its grid is complete when the reader
      // returns to it.
      const ofMain = this.running.value ? this.#shownOf(main) : [COMPARED_VIEW];
      main.want("comparison", seen && others.length > 0 ? ofMain : []);
    });
  }

  /**
   * The view of the units shown; none until it is known how many units there are.
   *
   * @param {RunModel} run
   */
  #shownOf(run) {
    const view = run.state.value?.views.find(({ view }) => view === COMPARED_VIEW);
    const [first, last] = [this.first.value, this.first.value + UNITS_SHOWN];
    return view ? [partName(COMPARED_VIEW, unitsThere(view.shape, { first, last }))] : [];
  }

  /** @param {string} id */
  has(id) {
    return this.all.peek().some((compared) => compared.id === id);
  }

  /**
   * @param {string} id
   * @returns {ApiError | null} why it can't be added
   */
  add(id) {
    if (this.has(id)) return refusal("already_compared", "This run is already in the comparison.");
    const others = this.others.peek();
    if (others.length >= MOST_OTHERS) {
      return refusal(
        "too_many_compared",
        `At most ${MOST_OTHERS + 1} runs fit side by side.`,
        "Take one out first; that does not delete it.",
      );
    }
    const taken = new Set(others.map(({ slot }) => slot));
    const slot = [1, 2, 3].find((free) => !taken.has(free)) ?? MOST_OTHERS;
    const { run, close } = this.#open(id);
    this.#set([...others, { id, slot, run, close }]);
    return null;
  }

  /** @param {string} id */
  remove(id) {
    this.keepOnly(this.others.peek().flatMap((other) => (other.id === id ? [] : [other.id])));
  }

  /**
   * Takes all runs but these out of the comparison; the runs themselves go on.
   *
   * @param {readonly string[]} ids
   */
  keepOnly(ids) {
    const others = this.others.peek();
    const kept = others.filter((other) => ids.includes(other.id));
    for (const other of others) if (!kept.includes(other)) other.close();
    if (kept.length < others.length) this.#set(kept);
  }

  /** @param {readonly Other[]} others */
  #set(others) {
    this.others.value = others.toSorted((one, other) => one.slot - other.slot);
  }
}

/**
 * @param {string} code
 * @param {string} message
 * @param {string | null} [hint]
 * @returns {ApiError}
 */
function refusal(code, message, hint = null) {
  return { code, message, hint };
}
