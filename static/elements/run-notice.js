import { signal as state } from "@preact/signals-core";
import { formatError } from "../format.js";
import { follow, RunElement, write } from "./run-element.js";

const SHOWN_FOR_MS = 9000;

/** A short absence is not worth a word. */
const AWAY_AFTER_MS = 700;

/** What the page has to say about its run: refused, away, gone, watched only. */
export class RunNotice extends RunElement {
  /**
   * @override
   * @param {import("./context.js").App} app
   * @param {AbortSignal} signal
   */
  connect({ run }, signal) {
    follow(signal, () => {
      this.piece("watching", HTMLElement).hidden = run.writable.value;
    });
    this.#connection(run, signal);
    this.#errors(run, signal);
    const newRun = this.find('[data-action="new-run"]', HTMLButtonElement);
    newRun.addEventListener("click", () => location.assign("/"), { signal });
  }

  /**
   * @param {import("../models/run.js").RunModel} run
   * @param {AbortSignal} signal
   */
  #connection(run, signal) {
    const text = this.piece("toast-text", HTMLElement);
    const banner = this.piece("banner", HTMLElement);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    follow(signal, () => {
      const connection = run.connection.value;
      clearTimeout(timer);
      if (connection === "away") {
        timer = setTimeout(() => {
          write(text, "Connection lost. Trying again; nothing of the run is lost.");
          text.hidden = false;
        }, AWAY_AFTER_MS);
      } else {
        text.hidden = true;
        write(text, "");
      }
    });
    follow(signal, () => {
      const gone = run.gone.value;
      banner.hidden = gone === null;
      if (gone === null) return;
      write(this.piece("banner-message", HTMLElement), formatError(gone));
    });
  }

  /**
   * @param {import("../models/run.js").RunModel} run
   * @param {AbortSignal} signal
   */
  #errors(run, signal) {
    const box = this.piece("error", HTMLElement);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    /** The failure that has been read and put away; every state repeats it. */
    const dismissed = state("");
    follow(signal, () => {
      const failure = run.state.value?.error ?? null;
      const notice = run.notice.value ?? failure;
      const text = notice === null ? "" : formatError(notice);
      clearTimeout(timer);
      if (failure === null) dismissed.value = "";
      box.hidden = text === dismissed.value;
      if (notice === null) return;
      write(this.piece("error-message", HTMLElement), text);
      if (notice !== failure) {
        timer = setTimeout(() => {
          run.notice.value = null;
        }, SHOWN_FOR_MS);
      }
    });
    const dismiss = this.find('[data-action="dismiss"]', HTMLButtonElement);
    dismiss.addEventListener(
      "click",
      () => {
        const failure = run.state.peek()?.error;
        dismissed.value = failure ? formatError(failure) : "";
        run.notice.value = null;
      },
      { signal },
    );
  }
}
