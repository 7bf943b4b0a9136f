/**
 * Takes a file dropped anywhere on the page, and shows a veil while one is held above it.
 *
 * @param {HTMLElement} veil shown while a file is held above the page
 * @param {(file: File) => void} take
 * @param {AbortSignal} signal
 */
export function dropFiles(veil, take, signal) {
  document.addEventListener(
    "dragover",
    (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
      veil.hidden = false;
    },
    { signal },
  );
  document.addEventListener(
    "dragleave",
    // Without a related target, it has left the page.
    ({ relatedTarget }) => {
      if (relatedTarget === null) veil.hidden = true;
    },
    { signal },
  );
  document.addEventListener(
    "drop",
    (event) => {
      veil.hidden = true;
      const file = event.dataTransfer?.files[0];
      if (!file) return;
      event.preventDefault();
      take(file);
    },
    { signal },
  );
}
