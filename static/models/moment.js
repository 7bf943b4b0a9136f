/** @typedef {import("./run.js").RunModel} RunModel */

/**
 * Where runs stand, in a text that changes when one of them moves.
 *
 * @param {readonly RunModel[]} runs
 */
export function momentOf(runs) {
  return runs
    .map(({ state: { value: state } }) =>
      state ? [state.timeline, state.batch, state.phase, state.learning_rate].join() : "",
    )
    .join(";");
}
