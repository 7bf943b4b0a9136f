/** @typedef {import("./run.js").RunModel} RunModel */

/**
 * A text that changes when one of the runs moves.
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
