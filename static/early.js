// Runs before the page's other scripts. These are loaded only once the page can be read: earlier
// they would compete with what is visible.

import { storage } from "./storage.js";

// As models/theme.js stores it. Set here, so that no other theme flashes up first.
const theme = storage.getItem("descent.theme");
if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;

addEventListener("DOMContentLoaded", () => {
  const scripts = /** @type {HTMLTemplateElement} */ (document.querySelector("#scripts"));
  // Inert until main.js, the last of the scripts, is ready: no control can be pressed before it
  // works.
  document.body.inert = true;
  scripts.content.querySelector("script")?.addEventListener("error", () => {
    document.body.inert = false;
    document.querySelector("[data-part=not-loaded]")?.removeAttribute("hidden");
  });
  const begin = () => document.head.append(scripts.content);
  // A hidden page gets no animation frames.
  if (document.hidden) begin();
  else requestAnimationFrame(() => setTimeout(begin));
});
