import { writeChoice } from "./run-element.js";

/**
 * Chooses a batch size in a list of the usual ones; another is put into its place first.
 *
 * @param {HTMLSelectElement} select
 * @param {number} size
 */
export function chooseSize(select, size) {
  if (![...select.options].some((option) => option.value === String(size))) {
    const before = [...select.options].find((option) => Number(option.value) > size) ?? null;
    select.add(new Option(String(size), String(size)), before);
  }
  writeChoice(select, String(size));
}
