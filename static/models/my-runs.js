import { formatCount, formatPercent } from "../format.js";
import { countWords } from "./changes.js";
import { optimizerSetting } from "./compared-words.js";
import { numberOfRun } from "./explanations/comparing.js";
import { batchOfLoss } from "./words.js";

/**
 * @typedef {import("../protocol/types.js").RunEntry} RunEntry
 * @typedef {import("./captions.js").Part} Part
 */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * "30 days", "4 hours", "10 minutes"
 *
 * @param {number} seconds
 */
export function periodText(seconds) {
  const [size, name] =
    seconds >= 2 * DAY ? [DAY, "day"] : seconds >= 2 * HOUR ? [HOUR, "hour"] : [MINUTE, "minute"];
  const count = Math.max(Math.round(seconds / Number(size)), 1);
  return `${count} ${name}${count === 1 ? "" : "s"}`;
}

/**
 * "just now", "3 hours ago"
 *
 * @param {number} then seconds since 1970
 * @param {number} now
 */
export function agoText(then, now) {
  const past = now - then;
  return past < MINUTE ? "just now" : `${periodText(past)} ago`;
}

/** @param {number} expiresAfter seconds */
export function keptText(expiresAfter) {
  return `A run is kept for ${periodText(expiresAfter)} after its last use, and then deleted.`;
}

/**
 * When a run was used, and how long it is kept from now on.
 *
 * @param {Pick<RunEntry, "used" | "expires">} run
 * @param {number} now seconds since 1970
 */
export function whenText({ used, expires }, now) {
  return `used ${agoText(used, now)}, kept for ${periodText(Math.max(expires - now, 0))}`;
}

/**
 * "RMSprop 0.001, batches of 128; 512 relu → 10 softmax; 3 changes". A run without a name already
 * has its optimizer and rate as title, so they are left out.
 *
 * @param {RunEntry} run
 */
export function settingsText({ name, optimizer, learning_rate, batch_size, layers, changes }) {
  const network = layers.map(({ units, activation }) => `${units} ${activation}`).join(" → ");
  const changed = changes === 0 ? "" : `; ${countWords(changes)}`;
  const setting = name === "" ? "" : `${optimizerSetting(optimizer, learning_rate)}, `;
  return `${setting}batches of ${formatCount(batch_size)}; ${network}${changed}`;
}

/**
 * @param {RunEntry} run
 * @returns {Part[]}
 */
export function reachedParts({ id, state, batch, furthest, phase, accuracy, test_accuracy }) {
  const figure = (
    /** @type {Parameters<typeof numberOfRun>[1]} */ field,
    /** @type {string} */ what,
    /** @type {string} */ text,
  ) => ({ text, explanation: () => numberOfRun(id, field, `${what} = ${text}`) });
  /** @type {Part[]} */
  const parts = ["batch ", figure("batch", "completed batches", formatCount(batch))];
  if (furthest > batch) {
    parts.push(
      " of ",
      figure("furthest", "the furthest batch it has reached", formatCount(furthest)),
    );
  }
  if (accuracy !== null) {
    const what = "share of the last batch's digits that it answered correctly";
    parts.push(" · accuracy ", figure("accuracy", what, formatPercent(accuracy)));
    const of = batchOfLoss({ batch, phase });
    if (of > batch) parts.push(` of batch ${formatCount(of)}`);
  }
  if (test_accuracy !== null) {
    const what = "share of all test images that it answered correctly, when last measured";
    parts.push(" · test ", figure("test_accuracy", what, formatPercent(test_accuracy, 2)));
  }
  if (state === "playing" || state === "stepping") parts.push(" · running now");
  if (state === "failed") parts.push(" · stopped by an error");
  return parts;
}

/** @param {readonly RunEntry[]} runs */
export function summaryText(runs) {
  const running = runs.filter(({ state }) => state === "playing" || state === "stepping").length;
  const count = `${runs.length} run${runs.length === 1 ? "" : "s"}`;
  return running === 0 ? `${count}, none running` : `${count}, ${running} running now`;
}
