import { computed, signal } from "@preact/signals-core";

/** @typedef {"system" | "light" | "dark"} ThemeChoice */

/** @type {readonly ThemeChoice[]} */
const THEME_CHOICES = ["system", "light", "dark"];

const STORAGE_KEY = "descent.theme";

/** The reader's choice of light or dark, which is remembered, and the theme it results in. */
export class ThemeModel {
  #storage;
  /** @type {import("@preact/signals-core").Signal<ThemeChoice>} */
  #choice = signal("system");
  #systemIsDark = signal(false);
  /** Whether the page is being printed; paper is always light. */
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

  /** The choice, or light while the page is printed. */
  get shown() {
    return this.#shown.value;
  }

  get dark() {
    return this.#dark.value;
  }

  /** Takes the next choice of system, light, dark. */
  next() {
    const index = THEME_CHOICES.indexOf(this.#choice.peek());
    const choice = THEME_CHOICES[(index + 1) % THEME_CHOICES.length] ?? "system";
    this.#choice.value = choice;
    this.#storage.setItem(STORAGE_KEY, choice);
  }
}
