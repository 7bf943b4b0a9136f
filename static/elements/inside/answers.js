import { FigureText } from "../figure-text.js";
import { hide } from "../run-element.js";

/** @typedef {import("../../models/captions.js").Part} Part */

/**
 * @typedef {object} Answer a row of the ten
 * @property {number} share of the bar's length, −1..1
 * @property {Part[]} [z]
 * @property {Part[]} p
 * @property {boolean} [isTrue] the true digit
 */

/** The ten classes, one below another, each with a bar and its numbers. */
export class Answers {
  #rows;

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#rows = [...list.children].map((item) => {
      const piece = (/** @type {string} */ name) => {
        const found = item.querySelector(`.answer-${name}`);
        return found instanceof HTMLElement ? found : null;
      };
      const [z, p] = [piece("z"), piece("p")];
      return {
        item: /** @type {HTMLElement} */ (item),
        bar: piece("bar"),
        z: z && new FigureText(z),
        p: p && new FigureText(p),
      };
    });
  }

  /** @param {readonly Answer[]} answers */
  show(answers) {
    this.#rows.forEach(({ item, bar, z, p }, i) => {
      const answer = answers[i];
      hide(item, answer === undefined);
      if (!answer) return;
      const { share } = answer;
      item.classList.toggle("is-true", answer.isTrue ?? false);
      bar?.style.setProperty("--share", Math.min(Math.abs(share), 1).toFixed(4));
      bar?.classList.toggle("is-negative", share < 0);
      z?.show(answer.z ?? []);
      p?.show(answer.p);
    });
  }
}
