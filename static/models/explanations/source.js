/**
 * @typedef {import("../../protocol/types.js").RunState} RunState
 */

/**
 * @typedef {object} Explanation how a displayed number came about
 * @property {string} formula with its numbers plugged in
 * @property {string} address where the API gives what it was computed from; several, one a line
 * @property {string} numpy one line that gives the number, once rounded as displayed
 */

/** Where the tensors of a displayed number are: those of now, or as they were at a batch. */
export class Source {
  #path;
  #batch;
  #updated;

  /**
   * @param {string} id the run's
   * @param {number | null} [batch] null: now
   * @param {boolean} [updated] whether the parameters have moved since the forward pass
   */
  constructor(id, batch = null, updated = batch !== null) {
    this.#path = `/api/runs/${id}`;
    this.#batch = batch;
    this.#updated = updated;
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
   * Python that gives a part of a parameter as the forward pass used it.
   *
   * @param {string} name
   * @param {string} part "137" or "137, 406"
   */
  used(name, part) {
    const now = `${this.tensor(name)}[${part}]`;
    return this.#updated ? `(${now} - ${this.tensor(`${name}.step`)}[${part}])` : now;
  }

  /**
   * The names of the tensors that `used` takes.
   *
   * @param {...string} names
   */
  namesUsed(...names) {
    return this.#updated ? names.flatMap((name) => [name, `${name}.step`]) : names;
  }

  /**
   * @param {string} formula
   * @param {readonly string[]} names of the tensors
   * @param {string} numpy
   * @returns {Explanation}
   */
  fromTensors(formula, names, numpy) {
    const query = this.#batch === null ? "" : `?batch=${this.#batch}`;
    const address = names.map((name) => `GET ${this.#path}/tensors/${name}${query}`).join("\n");
    return { formula, address, numpy };
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

/** @type {readonly (string | null)[]} */
const ORDER = [null, "draw", "forward", "loss", "backward", "update"];

/**
 * The source of what a phase computed. Where it has yet to run in the batch at hand, a later phase
 * of it may already have replaced what it is to be seen with: then it is that of the batch before.
 * So it is while the network trains, and after a change by hand.
 *
 * @param {RunState} state
 * @param {import("../../protocol/types.js").Phase} phase
 */
export function sourceOf(state, phase) {
  const ran = ORDER.indexOf(state.phase) >= ORDER.indexOf(phase);
  const moves = state.state === "playing" && state.phase === "update";
  return ran && !moves && !state.edit
    ? new Source(state.id, null, state.phase === "update")
    : new Source(state.id, state.batch);
}

/**
 * The source of what holds now: parameters, settings.
 *
 * @param {RunState} state
 */
export function sourceNow(state) {
  return new Source(state.id);
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
