import { aDigit, formatCount, formatPercent } from "../format.js";
import {
  answerShare,
  classAccuracy,
  confusion,
  imagesOfClass,
  testImages,
} from "./explanations/mistakes.js";

/**
 * @typedef {import("./run.js").SeenView} SeenView
 * @typedef {import("./captions.js").Part} Part
 * @typedef {import("../protocol/types.js").RunState} RunState
 */

/**
 * @typedef {object} Mistakes as of a measurement on all test images
 * @property {string} view the view they come from
 * @property {number} batch
 * @property {number} classes
 * @property {Uint32Array} confusion (classes, classes), rows the true class
 * @property {number[]} totals images of each class
 * @property {Listed[]} listed the picked cell's digits, else the most confident mistakes
 *
 * @typedef {object} Listed a test image and how it was read
 * @property {Uint8Array} pixels
 * @property {number} label
 * @property {number} answer
 * @property {number} confidence
 * @property {number} index among the test images
 */

/** The view that lists the most confident mistakes. */
export const ALL = "mistakes";

/**
 * The view that lists the test images of one cell.
 *
 * @param {number} label
 * @param {number} answer
 */
export function viewOfCell(label, answer) {
  return `${ALL}/${label}/${answer}`;
}

/**
 * @param {SeenView | null} seen the `mistakes` view, or that of a cell
 * @returns {Mistakes | null}
 */
export function mistakesOf(seen) {
  const confusion = seen?.tensors.get("confusion");
  if (!seen || !confusion) return null;
  const [classes = 0] = confusion.shape;
  const counts = /** @type {Uint32Array} */ (confusion.data);
  return {
    view: seen.metadata.view ?? ALL,
    batch: Number(seen.metadata["measured.batch"]),
    classes,
    confusion: counts,
    totals: Array.from({ length: classes }, (_, row) =>
      counts.subarray(row * classes, (row + 1) * classes).reduce((sum, count) => sum + count, 0),
    ),
    listed: listedIn(seen),
  };
}

/**
 * @param {SeenView} seen
 * @returns {Listed[]}
 */
function listedIn({ tensors }) {
  const data = (/** @type {string} */ name) => tensors.get(name)?.data ?? new Uint8Array();
  const images = /** @type {Uint8Array} */ (data("images"));
  const labels = data("labels");
  const area = labels.length > 0 ? images.length / labels.length : 0;
  return Array.from({ length: labels.length }, (_, i) => ({
    pixels: images.subarray(i * area, (i + 1) * area),
    label: Number(labels[i]),
    answer: Number(data("predicted")[i]),
    confidence: Number(data("confidence")[i]),
    index: Number(data("indices")[i]),
  }));
}

/**
 * The title of the list.
 *
 * @param {Mistakes} mistakes
 */
export function listTitle({ view, listed }) {
  const [, label, answer] = view.split("/");
  const some = listed.length > 0;
  if (label === undefined) return some ? "Most confidently wrong" : "None are wrong";
  if (label === answer) {
    return some ? `${label}s read correctly, least sure first` : `No ${label}s are read correctly`;
  }
  return some
    ? `${label}s taken for ${answer}s, most confident first`
    : `No ${label}s are taken for ${answer}s`;
}

/**
 * Describes one test image.
 *
 * @param {Listed} listed
 * @param {string} share the confidence as it is displayed
 */
export function listedText({ index, label, answer }, share) {
  const verdict = label === answer ? "read correctly" : `taken for ${aDigit(answer)}`;
  return `Test image ${index}: ${aDigit(label)}, ${verdict} at ${share}`;
}

/**
 * The share of a class's images that got an answer.
 *
 * @param {Mistakes} mistakes
 * @param {number} label
 * @param {number} answer
 */
export function shareOf({ confusion, classes, totals }, label, answer) {
  const total = totals[label] ?? 0;
  return total === 0 ? 0 : (confusion[label * classes + answer] ?? 0) / total;
}

/**
 * Describes one cell.
 *
 * @param {RunState} state
 * @param {Mistakes} mistakes
 * @param {number} label
 * @param {number} answer
 * @returns {Part[]}
 */
export function cellParts(state, mistakes, label, answer) {
  const count = mistakes.confusion[label * mistakes.classes + answer] ?? 0;
  const total = mistakes.totals[label] ?? 0;
  const verdict = label === answer ? "answered right" : `answered ${answer}`;
  return [
    { text: formatCount(count), explanation: () => confusion(state, { label, answer }, count) },
    " of ",
    { text: formatCount(total), explanation: () => imagesOfClass(state, label, total) },
    ` images of ${aDigit(label)} ${verdict}: `,
    {
      text: formatPercent(shareOf(mistakes, label, answer)),
      explanation: () => answerShare(state, { label, answer, count, total }),
    },
  ];
}

/**
 * Says what the table was measured on.
 *
 * @param {() => RunState | null} now
 * @param {Mistakes} mistakes
 * @returns {Part[]}
 */
export function measuredParts(now, { totals, batch }) {
  const all = totals.reduce((sum, total) => sum + total, 0);
  const explanation = () => {
    const state = now();
    return state && testImages(state, all);
  };
  const of = ` test digits, as of batch ${formatCount(batch)}`;
  return [{ text: formatCount(all), explanation }, of];
}

/**
 * Explains the share of a class that is answered correctly.
 *
 * @param {RunState} state
 * @param {Mistakes} mistakes
 * @param {number} label
 */
export function explainedAccuracy(state, mistakes, label) {
  const right = mistakes.confusion[label * (mistakes.classes + 1)] ?? 0;
  return classAccuracy(state, { label, right, total: mistakes.totals[label] ?? 0 });
}
