/**
 * @typedef {import("../protocol/types.js").RunConfig} RunConfig
 * @typedef {import("../protocol/types.js").RunState} RunState
 * @typedef {import("../protocol/types.js").OptimizerConfig} OptimizerConfig
 */

/**
 * @typedef {object} Side the settings of one run of a race; everything else is the same for all
 * @property {{ name: string, learning_rate: number, momentum?: number }} [optimizer]
 * @property {number} [batch_size]
 */

/**
 * @typedef {object} Race
 * @property {string} title
 * @property {string} about
 * @property {readonly Side[]} sides
 */

/**
 * @param {string} name
 * @param {number} learning_rate
 * @param {number} [momentum]
 * @returns {Side}
 */
const optimizer = (name, learning_rate, momentum) => ({
  optimizer: { name, learning_rate, ...(momentum === undefined ? {} : { momentum }) },
});

/** @type {readonly Race[]} */
export const RACES = [
  {
    title: "SGD 0.1 against RMSprop 0.001",
    about: "one rate for all weights, against one for each weight, set by its own gradients",
    sides: [optimizer("sgd", 0.1), optimizer("rmsprop", 0.001)],
  },
  {
    title: "RMSprop 0.001 against 0.01",
    about: "steps ten times as long: faster down, or too far?",
    sides: [optimizer("rmsprop", 0.001), optimizer("rmsprop", 0.01)],
  },
  {
    title: "Adam 0.001 against RMSprop 0.001",
    about: "what Adam adds: a running mean of the gradient, and a correction for its start",
    sides: [optimizer("adam", 0.001), optimizer("rmsprop", 0.001)],
  },
  {
    title: "SGD 0.1 without and with momentum 0.9",
    about: "does it help when earlier steps carry on?",
    sides: [optimizer("sgd", 0.1, 0), optimizer("sgd", 0.1, 0.9)],
  },
  {
    title: "SGD 0.01, 0.1 and 1",
    about: "three rates, each ten times the one before",
    sides: [optimizer("sgd", 0.01), optimizer("sgd", 0.1), optimizer("sgd", 1)],
  },
  {
    title: "Batches of 32 against 512",
    about: "many small noisy steps, or a few calm ones; the batches are not the same",
    sides: [{ batch_size: 32 }, { batch_size: 512 }],
  },
];

/**
 * The configuration of a side: that of the page's run, with the side's settings.
 *
 * @param {RunConfig} config
 * @param {Side} side
 * @returns {RunConfig}
 */
export function configOf(config, side) {
  return { ...config, ...settingsOf(side) };
}

/**
 * The settings that make a branch a side of the race.
 *
 * @param {Side} side
 */
export function settingsOf(side) {
  return {
    ...(side.optimizer ? { optimizer: { ...side.optimizer } } : {}),
    ...(side.batch_size ? { batch_size: side.batch_size } : {}),
  };
}

/**
 * Whether a run has been that side of a race, from the start of `config`, all along.
 *
 * @param {RunState} state
 * @param {RunConfig} config
 * @param {Side} side
 */
export function isFromStart(state, config, side) {
  if (state.actions.length > 0) return false;
  const { optimizer: wanted, ...rest } = configOf(config, side);
  const { optimizer: own, ...others } = state.config;
  return sameOptimizer(own, wanted) && isDeepEqual(rest, others);
}

/**
 * Whether a run, going on from now, is that side.
 *
 * @param {RunState} state
 * @param {Side} side
 */
export function isNow(state, side) {
  const { optimizer: wanted, batch_size } = side;
  return (
    (!wanted || sameOptimizer(state.optimizer, wanted)) &&
    (batch_size === undefined || state.batch_size === batch_size)
  );
}

/**
 * @param {OptimizerConfig} one
 * @param {OptimizerConfig} other
 */
function sameOptimizer(one, other) {
  return (
    one.name === other.name &&
    one.learning_rate === other.learning_rate &&
    (one.momentum ?? 0) === (other.momentum ?? 0)
  );
}

/**
 * @param {object} one
 * @param {object} other
 */
function isDeepEqual(one, other) {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

/**
 * The same value with its keys sorted, at any depth.
 *
 * @param {unknown} value
 * @returns {unknown}
 */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}
