// What does not wait for the page's scripts. They are asked for once the page can be read: before,
// they would only be in the way of what is to be seen.

import { storage } from "./storage.js";

// As models/theme.js keeps it; so no other theme is seen first.
const theme = storage.getItem("descent.theme");
if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;

addEventListener("DOMContentLoaded", () => {
  const scripts = /** @type {HTMLTemplateElement} */ (document.querySelector("#scripts"));
  // Nothing can be pressed before it acts; main.js, the last of them, ends it.
  document.body.inert = true;
  scripts.content.querySelector("script")?.addEventListener("error", () => {
    document.body.inert = false;
    document.querySelector("[data-part=not-loaded]")?.removeAttribute("hidden");
  });
  const begin = () => document.head.append(scripts.content);
  // A hidden page is not painted.
  if (document.hidden) begin();
  else requestAnimationFrame(() => setTimeout(begin));
});
