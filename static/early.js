// What does not wait for the page's modules. They are asked for once the page can be read: before,
// their many requests would only be in the way of what is to be seen.

// As models/theme.js keeps it; so no other theme is seen first.
const theme = localStorage.getItem("descent.theme");
if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;

/** Requests begun at once; more would hold up the page that has just appeared. */
const PIECE = 12;

addEventListener("DOMContentLoaded", () => {
  const modules = /** @type {HTMLTemplateElement} */ (document.querySelector("#modules"));
  // Nothing can be pressed before it acts; main.js, the last of them, ends it.
  document.body.inert = true;
  modules.content.querySelector("script")?.addEventListener("error", () => {
    document.body.inert = false;
    document.querySelector("[data-part=not-loaded]")?.removeAttribute("hidden");
  });
  const begin = () => {
    document.head.append(...[...modules.content.children].slice(0, PIECE));
    if (modules.content.childElementCount > 0) setTimeout(begin);
  };
  // A hidden page is not painted.
  if (document.hidden) begin();
  else requestAnimationFrame(() => setTimeout(begin));
});
