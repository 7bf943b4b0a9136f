import { formatCount } from "../format.js";
import { follow } from "./run-element.js";

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
    const { batch, reach } = rewind;
    slider.disabled = !run.writable.value || run.connection.value === "gone" || reach === 0;
    slider.max = String(reach);
    slider.value = String(batch);
    slider.setAttribute("aria-valuetext", `batch ${formatCount(batch)} of ${formatCount(reach)}`);
  });
  slider.addEventListener("input", () => rewind.to(slider.valueAsNumber), { signal });
}

/**
 * Puts the slider's two ends under those of the batches in the chart.
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
