import { signal } from "@preact/signals-core";

/**
 * What the user has asked for and the server has not yet answered. A control shows the asked-for
 * value until the answer is there, so that it does not flicker back to a state sent before it.
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
   * @returns {() => void} to be called when the answer is there; a later request is left alone
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
