import { aDigit, formatCount, formatPercent } from "../../format.js";
import { outputText } from "../words.js";
import { sourceNow } from "./source.js";

/** @typedef {import("../../protocol/types.js").RunState} RunState */

const CONFUSION = 'view("mistakes")["confusion"]';

/**
 * A cell of the confusion matrix.
 *
 * @param {RunState} state
 * @param {{ label: number, answer: number }} cell
 * @param {number} count
 */
export function confusion(state, { label, answer }, count) {
  return sourceNow(state).fromView(
    `test images of ${aDigit(label)} that the network calls ${answer} = ${formatCount(count)}`,
    "mistakes",
    `${CONFUSION}[${label}, ${answer}]`,
  );
}

/**
 * The share of a class that is answered correctly.
 *
 * @param {RunState} state
 * @param {{ label: number, right: number, total: number }} of
 */
export function classAccuracy(state, { label, right, total }) {
  return sourceNow(state).fromView(
    `accuracy on ${label} = right answers / images = ${formatCount(right)} / ${formatCount(total)} = ${formatPercent(total ? right / total : 0)}`,
    "mistakes",
    `(c := ${CONFUSION})[${label}, ${label}] / c[${label}].sum()`,
  );
}

/**
 * How sure the network was of its answer to a listed image.
 *
 * @param {RunState} state
 * @param {string} view the view that lists it
 * @param {{ position: number, label: number, answer: number }} at its place in the list
 * @param {number} confidence
 */
export function listedConfidence(state, view, { position, label, answer }, confidence) {
  return sourceNow(state).fromView(
    `p[${answer}] for this ${label} = ${outputText(state, confidence)}, at the last measurement`,
    view,
    `view("${view}")["confidence"][${position}]`,
  );
}

/**
 * The share of a class that gets an answer.
 *
 * @param {RunState} state
 * @param {{ label: number, answer: number, count: number, total: number }} of
 */
export function answerShare(state, { label, answer, count, total }) {
  return sourceNow(state).fromView(
    `share of the images of ${aDigit(label)} that the network calls ${answer} = ${formatCount(count)} / ${formatCount(total)} = ${formatPercent(total ? count / total : 0)}`,
    "mistakes",
    `(c := ${CONFUSION})[${label}, ${answer}] / c[${label}].sum()`,
  );
}

/**
 * @param {RunState} state
 * @param {number} label
 * @param {number} total
 */
export function imagesOfClass(state, label, total) {
  return sourceNow(state).fromView(
    `test images of ${aDigit(label)} = sum of its row = ${formatCount(total)}`,
    "mistakes",
    `${CONFUSION}[${label}].sum()`,
  );
}

/**
 * @param {RunState} state
 * @param {number} all
 */
export function testImages(state, all) {
  return sourceNow(state).fromView(
    `test images = sum of the whole table = ${formatCount(all)}`,
    "mistakes",
    `${CONFUSION}.sum()`,
  );
}
