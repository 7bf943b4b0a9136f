import { formatCount } from "../format.js";
import { follow, writeAttribute } from "./run-element.js";

/**
 * @typedef {import("../models/rewind.js").Rewind} Rewind
 * @typedef {import("../models/run.js").RunModel} RunModel
 */

/**
 * The slider under the loss chart: the marker's handle, for the keyboard and for fingers.
 *
 * @param {HTMLInputElement} slider
 * @param {{ run: RunModel, rewind: Rewind }} app
 * @param {AbortSignal} signal
 */
export function rewindSlider(slider, { run, rewind }, signal) {
  follow(signal, () => {
    const isGone = run.connection.value === "gone";
    slider.toggleAttribute("disabled", !run.writable.value || isGone || rewind.reach === 0);
  });
  slider.addEventListener("input", () => rewind.to(slider.valueAsNumber), { signal });
}

/**
 * @param {HTMLInputElement} slider
 * @param {{ batch: number, reach: number, isSaid: boolean }} place `isSaid`: a screen reader has time for it
 */
export function showPlace(slider, { batch, reach, isSaid }) {
  slider.max = String(reach);
  slider.value = String(batch);
  if (!isSaid) return;
  writeAttribute(slider, "aria-valuetext", `batch ${formatCount(batch)} of ${formatCount(reach)}`);
}

/**
 * Aligns the slider's ends with the first and last batch in the chart.
 *
 * @param {HTMLInputElement} slider
 * @param {{ from: number, to: number }} span CSS pixels
 */
export function alignSlider(slider, { from, to }) {
  const style = { "--from": `${from.toFixed(1)}px`, "--to": `${to.toFixed(1)}px` };
  for (const [name, value] of Object.entries(style)) {
    if (slider.style.getPropertyValue(name) !== value) slider.style.setProperty(name, value);
  }
}
