import { configOf, isFromStart, isNow, settingsOf } from "./races.js";

/**
 * @typedef {import("./comparison.js").Comparison} Comparison
 * @typedef {import("./races.js").Race} Race
 * @typedef {import("./races.js").Side} Side
 * @typedef {import("./run.js").RunModel} RunModel
 * @typedef {import("../protocol/types.js").RunConfig} RunConfig
 */

/**
 * @typedef {object} Makers
 * @property {(config: RunConfig) => Promise<{ id: string }>} create
 * @property {(id: string, batch: number, set: { [setting: string]: unknown }) => Promise<{ id: string }>} branch
 * @property {(id: string) => Promise<unknown>} remove
 */

/**
 * Puts the runs of a race into the comparison. Sides already there take part, the others are made,
 * and runs on no side are taken out, except the page's own. If the race fails, the runs made for it
 * are deleted again.
 *
 * @param {Race} race
 * @param {"start" | "now"} from where the sides part: batch 0, or the page's present batch
 * @param {{ comparison: Comparison, makers: Makers, signal: AbortSignal }} parts `signal` is aborted
 *   when the race is no longer wanted
 * @returns {Promise<RunModel[]>} the runs that race
 * @throws {Error} the server's refusal, or the abortion, before anything is taken out
 */
export async function prepareRace(race, from, { comparison, makers, signal }) {
  const compared = comparison.all.peek();
  const main = compared[0];
  const state = main?.run.state.peek();
  if (!main || !state) throw new Error("This page's run is not open yet. Try again in a moment.");
  const isSide = (/** @type {typeof main} */ { run }, /** @type {Side} */ side) => {
    const now = run.state.peek();
    if (!now || !run.writable.peek()) return false;
    // Branches start at a batch of the page's own run, so only that run can be a side itself.
    return from === "now"
      ? run === main.run && isNow(now, side)
      : isFromStart(now, state.config, side);
  };
  const make = (/** @type {Side} */ side) =>
    from === "now"
      ? makers.branch(main.id, state.batch, settingsOf(side))
      : makers.create(configOf(state.config, side));
  /** @type {string[]} */
  const racing = [];
  /** @type {string[]} */
  const made = [];
  try {
    for (const side of race.sides) {
      signal.throwIfAborted();
      const there = compared.find((candidate) => isSide(candidate, side));
      const id = there?.id ?? (await make(side)).id;
      if (!there) made.push(id);
      racing.push(id);
    }
    signal.throwIfAborted();
  } catch (error) {
    // A run that cannot be deleted now stays in the list of runs, where the reader can delete it.
    await Promise.allSettled(made.map((id) => makers.remove(id)));
    throw error;
  }
  comparison.keepOnly(racing);
  for (const id of racing) if (!comparison.has(id)) comparison.add(id);
  return comparison.all.peek().flatMap(({ id, run }) => (racing.includes(id) ? [run] : []));
}
