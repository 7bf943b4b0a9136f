import { computed, signal } from "@preact/signals-core";

/** @typedef {"system" | "light" | "dark"} ThemeChoice */

/** @type {readonly ThemeChoice[]} */
const THEME_CHOICES = ["system", "light", "dark"];

const STORAGE_KEY = "descent.theme";

/** The reader's choice of light or dark, remembered, and what it comes to. */
export class ThemeModel {
  #storage;
  /** @type {import("@preact/signals-core").Signal<ThemeChoice>} */
  #choice = signal("system");
  #systemIsDark = signal(false);
  /** Paper is light, whatever is chosen. */
  printing = signal(false);
  #shown = computed(() => (this.printing.value ? "light" : this.#choice.value));
  #dark = computed(() =>
    this.#shown.value === "system" ? this.#systemIsDark.value : this.#shown.value === "dark",
  );

  /**
   * @param {Pick<Storage, "getItem" | "setItem">} storage
   * @param {MediaQueryList} prefersDark
   */
  constructor(storage, prefersDark) {
    this.#storage = storage;
    const stored = THEME_CHOICES.find((choice) => choice === storage.getItem(STORAGE_KEY));
    this.#choice.value = stored ?? "system";
    this.#systemIsDark.value = prefersDark.matches;
    prefersDark.addEventListener("change", ({ matches }) => {
      this.#systemIsDark.value = matches;
    });
  }

  get choice() {
    return this.#choice.value;
  }

  /** The choice, but while the page is printed. */
  get shown() {
    return this.#shown.value;
  }

  get dark() {
    return this.#dark.value;
  }

  /** Goes on to the next choice: system, light, dark. */
  next() {
    const index = THEME_CHOICES.indexOf(this.#choice.peek());
    const choice = THEME_CHOICES[(index + 1) % THEME_CHOICES.length] ?? "system";
    this.#choice.value = choice;
    this.#storage.setItem(STORAGE_KEY, choice);
  }
}
