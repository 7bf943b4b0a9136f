import { writeChoice } from "./run-element.js";

/**
 * Chooses a batch size in the list, adding it in order if it is not one of the usual sizes.
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
