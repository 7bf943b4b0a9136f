import { signal } from "@preact/signals-core";

/**
 * Values that the user has asked for and the server has not yet answered. A control shows them
 * until the answer is there, so that an earlier state does not make it flicker back.
 */
export class Pending {
  /** @type {import("@preact/signals-core").Signal<ReadonlyMap<string, { value: unknown, token: number }>>} */
  #asked = signal(new Map());
  #token = 0;

  /**
   * @template T
   * @param {string} name
   * @param {T} served the server's value
   * @returns {T} the asked-for value while an answer is awaited, else the server's
   */
  shown(name, served) {
    const asked = this.#asked.value.get(name);
    return asked === undefined ? served : /** @type {T} */ (asked.value);
  }

  /**
   * @param {{ [name: string]: unknown }} values
   * @returns {() => void} call it when the answer is there; later requests stay pending
   */
  ask(values) {
    const token = ++this.#token;
    const asked = new Map(this.#asked.peek());
    for (const [name, value] of Object.entries(values)) asked.set(name, { value, token });
    this.#asked.value = asked;
    return () => this.#settle(token);
  }

  /** @param {number} token */
  #settle(token) {
    const asked = new Map(this.#asked.peek());
    for (const [name, entry] of asked) if (entry.token === token) asked.delete(name);
    this.#asked.value = asked;
  }
}
