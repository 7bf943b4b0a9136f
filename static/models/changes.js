import { formatCount, formatSetting, formatValue } from "../format.js";
import { OPTIMIZER_TITLES } from "./words.js";

/**
 * @typedef {import("../protocol/types.js").Action} Action
 * @typedef {import("../protocol/types.js").RunConfig} RunConfig
 */

/** @typedef {{ name: string, learning_rate: number, momentum: number, batch_size: number }} Settings */

/** @typedef {{ batch: number, words: string }} Change an action's changes, in words */

/**
 * The log of changes in words: "learning rate 0.001 → 0.01". The values before come from the
 * configuration and the earlier changes.
 *
 * @param {RunConfig} config
 * @param {readonly Action[]} actions in the order of the batches
 * @returns {Change[]}
 */
export function changesOf(config, actions) {
  let settings = firstSettings(config);
  return actions.map((action) => {
    const after = settingsAfter(settings, action);
    const words = [...settingWords(settings, after), ...handWords(action)].join(", ");
    settings = after;
    return { batch: action.batch, words };
  });
}

/**
 * The settings with which the batch after `batch` is trained.
 *
 * @param {RunConfig} config
 * @param {readonly Action[]} actions
 * @param {number} batch
 * @returns {Settings}
 */
export function settingsAt(config, actions, batch) {
  return actions
    .filter((action) => action.batch <= batch)
    .reduce(settingsAfter, firstSettings(config));
}

/**
 * A change in the few words that fit above a chart: "lr 0.01", "SGD", "size 64".
 *
 * @param {Action} action
 */
export function markOf(action) {
  const { set } = action;
  const name = optimizerOf(set)?.name;
  const parts = [];
  if (name !== undefined) parts.push(titleOf(name));
  if (typeof set.learning_rate === "number") parts.push(`lr ${formatSetting(set.learning_rate)}`);
  if (typeof set.momentum === "number") parts.push(`momentum ${formatSetting(set.momentum)}`);
  if (typeof set.batch_size === "number") parts.push(`size ${formatCount(set.batch_size)}`);
  if (isObject(set.weight)) parts.push("by hand");
  if (isObject(set.drawing)) parts.push("drawing");
  return parts.join(", ");
}

/**
 * The marks without those that repeat a text for the same batch.
 *
 * @template {{ batch: number, text: string }} T
 * @param {readonly T[]} marks
 */
export function eachOnce(marks) {
  const told = new Set();
  return marks.filter(({ batch, text }) => told.size < told.add(`${batch} ${text}`).size);
}

/**
 * Whether `undo` would take back a change by hand, of that kind.
 *
 * @param {Pick<import("../protocol/types.js").RunState, "can_undo" | "actions">} state
 * @param {import("../protocol/types.js").Edit["kind"]} kind
 */
export function canUndo({ can_undo, actions }, kind) {
  return can_undo && isObject(actions.at(-1)?.set[kind]);
}

/** @param {number} count of changes */
export function countWords(count) {
  if (count === 0) return "no changes";
  return count === 1 ? "1 change" : `${count} changes`;
}

/** @param {string} optimizer */
function titleOf(optimizer) {
  return OPTIMIZER_TITLES[optimizer] ?? optimizer;
}

/**
 * @param {RunConfig} config
 * @returns {Settings}
 */
function firstSettings({ optimizer, batch_size }) {
  const { name, learning_rate, momentum = 0 } = optimizer;
  return { name, learning_rate, momentum, batch_size };
}

/**
 * @param {Settings} before
 * @param {Action} action
 * @returns {Settings}
 */
function settingsAfter(before, { set }) {
  const after = { ...before };
  const optimizer = optimizerOf(set);
  if (optimizer && optimizer.name !== before.name) after.momentum = 0;
  if (optimizer) after.name = optimizer.name;
  for (const given of [optimizer ?? {}, set]) {
    if ("learning_rate" in given) after.learning_rate = Number(given.learning_rate);
    if ("momentum" in given) after.momentum = Number(given.momentum);
  }
  if (typeof set.batch_size === "number") after.batch_size = set.batch_size;
  return after;
}

/**
 * @param {Settings} before
 * @param {Settings} after
 */
function settingWords(before, after) {
  const words = [];
  const arrow = (
    /** @type {string} */ what,
    /** @type {number} */ old,
    /** @type {number} */ now,
  ) => `${what} ${formatSetting(old)} → ${formatSetting(now)}`;
  if (after.name !== before.name) {
    const momentum = after.momentum > 0 ? `, momentum ${formatSetting(after.momentum)}` : "";
    const rate = `learning rate ${formatSetting(after.learning_rate)}`;
    words.push(`optimizer ${titleOf(before.name)} → ${titleOf(after.name)} (${rate}${momentum})`);
  } else {
    if (after.learning_rate !== before.learning_rate) {
      words.push(arrow("learning rate", before.learning_rate, after.learning_rate));
    }
    if (after.momentum !== before.momentum) {
      words.push(arrow("momentum", before.momentum, after.momentum));
    }
  }
  if (after.batch_size !== before.batch_size) {
    const [old, now] = [before, after].map(({ batch_size }) => formatCount(batch_size));
    words.push(`batch size ${old} → ${now}`);
  }
  return words;
}

/** @param {Action} action */
function handWords({ set }) {
  const words = [];
  if (isObject(set.weight)) words.push(weightWords(set.weight));
  if (isObject(set.drawing)) words.push(`one step on a drawing of ${set.drawing.label}`);
  return words;
}

/** @param {{ [key: string]: unknown }} weight */
function weightWords({ tensor, index, value }) {
  const [, layer, kind] = /^layer(\d+)\.(\w+)$/.exec(String(tensor)) ?? [];
  const what = kind === "bias" ? "bias" : "weight";
  const place = Array.isArray(index) ? index.join(", ") : String(index);
  return `${what} ${place} of layer ${layer ?? "?"} set to ${formatValue(Number(value), 7)}`;
}

/**
 * @param {Action["set"]} set
 * @returns {{ name: string, [key: string]: unknown } | null}
 */
function optimizerOf({ optimizer }) {
  if (typeof optimizer === "string") return { name: optimizer };
  return isObject(optimizer) && "name" in optimizer
    ? { ...optimizer, name: String(optimizer.name) }
    : null;
}

/**
 * @param {unknown} value
 * @returns {value is { [key: string]: unknown }}
 */
function isObject(value) {
  return typeof value === "object" && value !== null;
}
