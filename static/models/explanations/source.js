/**
 * @typedef {import("../../protocol/types.js").RunState} RunState
 */

/**
 * @typedef {object} Explanation how a displayed number was computed
 * @property {string} formula with its numbers plugged in
 * @property {string} address where the API gives what it was computed from, one address a line;
 *   empty if that is no longer there
 * @property {string} numpy one line that gives the number, before it is rounded for display; may be
 *   empty, too
 */

/** @typedef {string | { name: string, batch: number }} Named a tensor, with its batch if not the source's */

/** Where to find the tensors behind a displayed number: the present ones, or those at a batch. */
export class Source {
  #path;
  #batch;
  #updated;
  #before;

  /**
   * @param {string} id the run's
   * @param {number | null} [batch] null for the present
   * @param {object} [options]
   * @param {boolean} [options.updated] whether the parameters have moved since the forward pass
   * @param {number | null} [options.before] the batch whose parameters the forward pass used, if some
   *   were set by hand since, so that subtracting the step is not enough
   */
  constructor(id, batch = null, { updated = batch !== null, before = null } = {}) {
    this.#path = `/api/runs/${id}`;
    this.#batch = batch;
    this.#updated = updated;
    this.#before = updated ? before : null;
  }

  /**
   * Python that gives the tensor.
   *
   * @param {string} name
   */
  tensor(name) {
    return this.#batch === null ? `tensor("${name}")` : `tensor_at("${name}", ${this.#batch})`;
  }

  /**
   * Python that gives part of a parameter as the forward pass used it.
   *
   * @param {string} name
   * @param {string} part "137" or "137, 406"
   */
  used(name, part) {
    if (this.#before !== null) return `tensor_at("${name}", ${this.#before})[${part}]`;
    const now = `${this.tensor(name)}[${part}]`;
    return this.#updated ? `(${now} - ${this.tensor(`${name}.step`)}[${part}])` : now;
  }

  /**
   * The tensors that `used` reads.
   *
   * @param {...string} names
   * @returns {Named[]}
   */
  namesUsed(...names) {
    const batch = this.#before;
    if (batch !== null) return names.map((name) => ({ name, batch }));
    return this.#updated ? names.flatMap((name) => [name, `${name}.step`]) : names;
  }

  /**
   * @param {string} formula
   * @param {readonly Named[]} names of the tensors
   * @param {string} numpy
   * @returns {Explanation}
   */
  fromTensors(formula, names, numpy) {
    return { formula, address: this.addressOf(names), numpy };
  }

  /**
   * Where the API gives the tensors, one a line.
   *
   * @param {readonly Named[]} names
   */
  addressOf(names) {
    const addresses = names.map((named) => {
      const { name, batch } =
        typeof named === "string" ? { name: named, batch: this.#batch } : named;
      return `GET ${this.#path}/tensors/${name}${batch === null ? "" : `?batch=${batch}`}`;
    });
    return addresses.join("\n");
  }

  /**
   * @param {string} formula
   * @param {string} view
   * @param {string} numpy
   * @returns {Explanation}
   */
  fromView(formula, view, numpy) {
    return { formula, address: `GET ${this.#path}/views/${view}`, numpy };
  }

  /**
   * @param {string} formula
   * @param {string} numpy
   * @returns {Explanation}
   */
  fromState(formula, numpy) {
    return { formula, address: `GET ${this.#path}`, numpy };
  }

  /**
   * @param {string} formula
   * @param {string} numpy
   * @returns {Explanation}
   */
  fromSeries(formula, numpy) {
    return { formula, address: `GET ${this.#path}/series`, numpy };
  }
}

/**
 * For numbers from before a step on a drawing. At their address the API now has what that step
 * computed, which would explain the wrong number, so only the formula is given.
 */
class Nowhere extends Source {
  /**
   * @override
   * @param {string} formula
   * @returns {Explanation}
   */
  fromTensors(formula) {
    const words =
      "Computed before the step on a drawing, whose tensors have replaced those it came from.";
    return { formula: `${formula}\n${words}`, address: "", numpy: "" };
  }
}

/** @type {readonly (string | null)[]} */
const ORDER = [null, "draw", "forward", "loss", "backward", "update"];

/**
 * The source of what a phase computed. It names a batch if the phase has yet to run in the present
 * batch (its numbers are then from the batch before), while the network trains, and after a change
 * by hand: otherwise other values could have replaced them by the time they are read.
 *
 * @param {RunState} state
 * @param {import("../../protocol/types.js").Phase} phase
 */
export function sourceOf(state, phase) {
  const ran = ORDER.indexOf(state.phase) >= ORDER.indexOf(phase);
  const isAtRest = state.phase === "update";
  if (state.trained_apart && (isAtRest || !ran)) return new Nowhere(state.id);
  const isSetHere = state.actions.some(({ batch, set }) => batch === state.batch && set.weight);
  const before = isSetHere ? state.batch - 1 : null;
  const moves = state.state === "playing" && isAtRest;
  return ran && !moves && !state.edit
    ? new Source(state.id, null, { updated: isAtRest, before })
    : new Source(state.id, state.batch, { before });
}

/**
 * The source of present values: parameters, settings.
 *
 * @param {RunState} state
 */
export function sourceNow(state) {
  return new Source(state.id);
}

/**
 * The source of what the last update left, shown beside that update's numbers.
 *
 * @param {RunState} state
 */
export function sourceAfter(state) {
  return state.trained_apart ? new Nowhere(state.id) : sourceNow(state);
}

/** @param {RunState} state */
export function lastLayer(state) {
  return state.config.layers.length;
}

/**
 * The names of everything that is learned, layer by layer.
 *
 * @param {RunState} state
 */
export function parameterNames({ config }) {
  return config.layers.flatMap((_, i) => [`layer${i + 1}.weights`, `layer${i + 1}.bias`]);
}
