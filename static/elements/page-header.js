import { networkParts } from "../models/words.js";
import { FigureText } from "./figure-text.js";
import { follow, RunElement, write } from "./run-element.js";

/** @type {{ [choice: string]: string }} */
const THEME_NAMES = { system: "as the system", light: "light", dark: "dark" };

/** The wordmark, the line about the network, and the buttons for the dialogs and the theme. */
export class PageHeader extends RunElement {
  /**
   * @override
   * @param {import("./context.js").App} app
   * @param {AbortSignal} signal
   */
  connect({ run, theme, dialogs }, signal) {
    const network = new FigureText(this.find('[data-field="network"]', HTMLElement));
    const themeButton = this.button("theme");
    follow(signal, () => {
      if (run.state.value) network.show(networkParts(run.state.value));
    });
    follow(signal, () => {
      themeButton.setAttribute("aria-label", `Theme: ${THEME_NAMES[theme.choice]}`);
      write(this.piece("theme-name", HTMLElement), theme.choice);
    });
    themeButton.addEventListener("click", () => theme.next(), { signal });
    const keys = this.button("keys");
    keys.addEventListener("click", () => dialogs.openKeys(), { signal });
    const race = this.button("race");
    race.addEventListener("click", () => dialogs.openRace(), { signal });
    const runs = this.button("my-runs");
    runs.addEventListener("click", () => dialogs.openRuns(), { signal });
    const share = this.button("share");
    share.addEventListener("click", () => dialogs.openShare(), { signal });
    follow(signal, () => {
      for (const button of [race, share])
        button.toggleAttribute("disabled", run.gone.value !== null);
    });
  }
}
