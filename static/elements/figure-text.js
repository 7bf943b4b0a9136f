import { signal } from "@preact/signals-core";
import { explain } from "./explain.js";
import { write } from "./run-element.js";

/**
 * @typedef {import("../models/captions.js").Part} Part
 * @typedef {import("../models/captions.js").Figure} Figure
 */

/** A text whose numbers explain themselves. Parts that stay the same are not written again. */
export class FigureText {
  #element;
  /** @type {(Text | HTMLElement)[]} */
  #nodes = [];
  /** @type {readonly Part[]} */
  #parts = [];
  #lifetime = new AbortController();
  #version = signal(0);

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
  }

  /** @param {readonly Part[]} parts */
  show(parts) {
    const before = this.#parts;
    this.#parts = parts;
    const alike =
      parts.length === before.length &&
      parts.every((part, i) => typeof part === typeof before[i]) &&
      this.#nodes.every((node) => node.parentNode === this.#element);
    if (!alike) this.#build();
    parts.forEach((part, i) => {
      const node = /** @type {Text | HTMLElement} */ (this.#nodes[i]);
      // A no-break space keeps the percent sign with its number.
      const text = (typeof part === "string" ? part : part.text).replaceAll(" %", "\u00a0%");
      if (node instanceof HTMLElement) write(node, text);
      else if (node.data !== text) node.data = text;
    });
    this.#version.value = this.#version.peek() + 1; // peeked, since this may run within an effect
  }

  /** The words stay, and where their numbers come from is not there any more. */
  withoutExplanations() {
    this.show([this.#element.textContent ?? ""]);
  }

  #build() {
    this.#lifetime.abort();
    this.#lifetime = new AbortController();
    this.#nodes = this.#parts.map((part, i) => {
      if (typeof part === "string") return document.createTextNode(part);
      const figure = document.createElement("span");
      figure.className = "figure";
      figure.textContent = part.text;
      const give = () => {
        this.#version.value;
        return /** @type {Figure} */ (this.#parts[i]).explanation();
      };
      explain(figure, give, this.#lifetime.signal);
      return figure;
    });
    this.#element.replaceChildren(...this.#nodes);
  }
}
