import { computed, signal as state, untracked } from "@preact/signals-core";
import { formatCount, formatError } from "../format.js";
import { awayWords, discardedWords, restoredWords, unsavedWords } from "../models/survival.js";
import * as commands from "../protocol/commands.js";
import { follow, hide, leave, RunElement, write } from "./run-element.js";

/**
 * @typedef {import("../models/run.js").RunModel} RunModel
 * @typedef {import("../protocol/types.js").RunState} RunState
 */

const SHOWN_FOR_MS = 9000;

/** A shorter absence is not mentioned. */
const AWAY_AFTER_MS = 700;

/** @param {RunState | null} state */
const settingsOf = (state) => ({ optimizer: state?.optimizer, batch_size: state?.batch_size });

/** The page's notices about its run: refused, away, gone, restored, watch only. */
export class RunNotice extends RunElement {
  /**
   * @override
   * @param {import("./context.js").App} app
   * @param {AbortSignal} signal
   */
  connect({ run }, signal) {
    follow(signal, () => {
      hide(this.piece("watching", HTMLElement), run.writable.value || run.gone.value !== null);
    });
    this.#connection(run, signal);
    this.#survival(run, signal);
    this.#discarded(run, signal);
    this.#following(run, signal);
    follow(signal, () => {
      const opening = this.piece("opening", HTMLElement);
      hide(opening, run.opening.value === "");
      write(opening, run.opening.value);
    });
    this.#errors(run, signal);
    const newRun = this.button("new-run");
    newRun.addEventListener("click", () => location.assign("/"), { signal });
  }

  /**
   * @param {RunModel} run
   * @param {AbortSignal} signal
   */
  #connection(run, signal) {
    const text = this.piece("toast-text", HTMLElement);
    const banner = this.piece("banner", HTMLElement);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    let wasAway = false;
    follow(signal, () => {
      const connection = run.connection.value;
      const words = awayWords(run.refusal.value);
      clearTimeout(timer);
      // Once connected again, or with the run gone, a failure to connect is no longer news.
      if (wasAway && connection !== "away") run.notice.value = null;
      wasAway = connection === "away";
      if (connection === "away") {
        timer = setTimeout(() => {
          write(text, words);
          text.hidden = false;
        }, AWAY_AFTER_MS);
      } else {
        text.hidden = true;
        write(text, "");
      }
    });
    follow(signal, () => {
      const gone = run.gone.value;
      hide(banner, gone === null);
      if (gone === null) return;
      write(this.piece("banner-message", HTMLElement), formatError(gone));
      // The focus was on a control that is now disabled.
      if (document.activeElement?.matches(":disabled")) this.button("new-run").focus();
    });
  }

  /**
   * What happened while nobody watched, and whether the run would survive a stop of the server.
   *
   * @param {RunModel} run
   * @param {AbortSignal} signal
   */
  #survival(run, signal) {
    const restored = this.piece("restored", HTMLElement);
    const unsaved = this.piece("unsaved", HTMLElement);
    /** The notice that was dismissed; every state repeats it. */
    const dismissed = state("");
    const happened = () => JSON.stringify(run.state.value?.restored ?? null);
    follow(signal, () => {
      const words = run.state.value ? restoredWords(run.state.value) : "";
      hide(restored, words === "" || happened() === dismissed.value);
      write(this.piece("restored-message", HTMLElement), words);
    });
    follow(signal, () => {
      const words = run.state.value ? unsavedWords(run.state.value) : "";
      hide(unsaved, words === "");
      write(unsaved, words);
    });
    this.#press("dismiss-restored", () => (dismissed.value = happened()), signal);
  }

  /**
   * Says what a reset has discarded, and offers to undo it.
   *
   * @param {RunModel} run
   * @param {AbortSignal} signal
   */
  #discarded(run, signal) {
    const box = this.piece("discarded", HTMLElement);
    /** The timeline of the reset whose notice was dismissed. */
    const dismissed = state(-1);
    follow(signal, () => {
      const now = run.state.value;
      // While an undo is under way, none is offered: a second would undo more.
      const discarded = run.pending.shown("discarded", now?.discarded ?? null);
      const words = run.writable.value ? discardedWords({ discarded }) : "";
      hide(box, words === "" || now?.timeline === dismissed.value);
      if (words !== "") write(this.piece("discarded-text", HTMLElement), words);
    });
    const putAway = () => (dismissed.value = run.state.peek()?.timeline ?? -1);
    this.#press("undo-reset", () => run.do(commands.undo(), { discarded: null }), signal);
    this.#press("dismiss-discarded", putAway, signal);
  }

  /**
   * Wires a button that disappears when pressed: the focus then moves to Play.
   *
   * @param {string} action
   * @param {() => unknown} act
   * @param {AbortSignal} signal
   */
  #press(action, act, signal) {
    const button = this.button(action);
    const press = () => {
      act();
      const play = document.querySelector('transport-bar [data-action="play"]');
      if (play instanceof HTMLElement) leave(button, play);
    };
    button.addEventListener("click", press, { signal });
  }

  /**
   * Shows how far the opened recipe has been repeated.
   *
   * @param {RunModel} run
   * @param {AbortSignal} signal
   */
  #following(run, signal) {
    const box = this.piece("following", HTMLElement);
    const bar = this.piece("following-bar", HTMLProgressElement);
    follow(signal, () => {
      const now = run.state.value;
      const end = now?.pending ?? 0;
      hide(box, !now || end === 0 || now.state !== "stepping");
      if (!now || box.hidden) return;
      bar.max = end;
      bar.value = now.batch;
      const words = `Repeating the recipe: batch ${formatCount(now.batch)} of ${formatCount(end)}.`;
      write(this.piece("following-text", HTMLElement), words);
    });
  }

  /**
   * @param {RunModel} run
   * @param {AbortSignal} signal
   */
  #errors(run, signal) {
    const box = this.piece("error", HTMLElement);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    /** The failure that was dismissed; every state repeats it. */
    const dismissed = state("");
    const failure = computed(() => {
      const error = run.state.value?.error;
      return error ? formatError(error) : "";
    });
    let known = "";
    follow(signal, () => {
      // A new failure replaces the notice before it, and so does the end of a failure.
      if (failure.value !== known) run.notice.value = null;
      known = failure.value;
      if (known === "") dismissed.value = "";
    });
    follow(signal, () => {
      clearTimeout(timer);
      if (run.notice.value === null) return;
      timer = setTimeout(() => {
        run.notice.value = null;
      }, SHOWN_FOR_MS);
    });
    follow(signal, () => {
      const trouble = run.trouble.value;
      const text = trouble ? formatError(trouble) : "";
      // A command refused because of the failure shows it again.
      hide(box, run.notice.value === null && text === dismissed.value);
      if (text !== "") write(this.piece("error-message", HTMLElement), text);
    });
    this.#wayBack(run, failure, signal);
    const putAway = () => {
      dismissed.value = failure.peek();
      run.notice.value = null;
    };
    this.#press("dismiss", putAway, signal);
  }

  /**
   * The button to the last batch before an explosion. A setting changed since then is meant for
   * what comes next, and going back alone would undo it: it is set again.
   *
   * @param {RunModel} run
   * @param {import("@preact/signals-core").ReadonlySignal<string>} failure "" while there is none
   * @param {AbortSignal} signal
   */
  #wayBack(run, failure, signal) {
    const settings = () => JSON.stringify(settingsOf(run.state.value));
    const failing = state("");
    follow(signal, () => {
      failure.value;
      failing.value = untracked(settings);
    });
    const changed = computed(() => settings() !== failing.value);
    const back = this.button("to-sound");
    follow(signal, () => {
      const sound = run.state.value?.sound ?? null;
      hide(back, sound === null || !run.writable.value);
      const where = `Go back to batch ${formatCount(sound ?? 0)}`;
      if (sound !== null) write(back, changed.value ? `${where} with these settings` : where);
    });
    const goBack = () => {
      const now = run.state.peek();
      if (!now || now.sound === null) return;
      run.do(commands.seek(now.sound));
      if (changed.peek()) run.do(commands.set(settingsOf(now)));
    };
    this.#press("to-sound", goBack, signal);
  }
}
