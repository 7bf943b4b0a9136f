import { sizeOf } from "../draw/canvas.js";
import { formatError } from "../format.js";
import { comparedAboveParts } from "../models/above.js";
import { changeText, marksOf } from "../models/compared-marks.js";
import { lastOfAll, lossParts } from "../models/compared-readout.js";
import { apartNotes, outNote, waitingNote, withoutText } from "../models/compared-words.js";
import { COMPARED_VIEW, LETTERS } from "../models/comparison.js";
import { Rarely } from "../models/rarely.js";
import { isOut } from "../models/together.js";
import { ComparedChart } from "./compared-chart.js";
import { ComparedImages } from "./compared-images.js";
import { ComparedTable } from "./compared-table.js";
import { FigureText } from "./figure-text.js";
import { Legend } from "./legend.js";
import { follow, hide, observe, RunElement, write } from "./run-element.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../models/comparison.js").Compared} Compared
 * @typedef {import("../draw/colours.js").Theme} Theme
 */

/** The least time between two paints of the comparison, so that four runs leave the page time. */
const PAINT_GAP_MS = 200;

/** Up to four runs side by side: their losses, numbers, images, and the controls of all. */
export class CompareRegion extends RunElement {
  /** @type {ComparedChart | null} */
  #chart = null;
  /** The runs and the scale that the chart was built for. */
  #built = "";
  /** @type {number | null} */
  #pointed = null;
  /** @type {ComparedTable | null} */
  #table = null;
  /** @type {ComparedImages | null} */
  #images = null;
  /** @type {FigureText | null} */
  #readout = null;
  /** @type {FigureText | null} */
  #above = null;
  #legend = new Legend(this.piece("legend", HTMLCanvasElement));

  /**
   * @override
   * @param {App} app
   * @param {AbortSignal} signal
   */
  connect(app, signal) {
    const { run, comparison, together, painter, colours } = app;
    const paint = () => this.#paint(app);
    const rarely = new Rarely(() => painter.request(paint), PAINT_GAP_MS);
    const soon = () => rarely.ask();
    this.#readout = new FigureText(this.piece("readout", HTMLElement));
    this.#above = new FigureText(this.piece("above", HTMLElement));
    this.#table = new ComparedTable(
      this.piece("rows", HTMLTableSectionElement),
      this.piece("row", HTMLTemplateElement),
      (id) => {
        comparison.remove(id);
        // The button disappears with its row, so the focus moves to a control nearby.
        const next = comparison.others.peek()[0]?.id;
        const remove = `[data-run="${next}"] [data-cell="remove"]`;
        const near = this.querySelector(remove) ?? this.querySelector('[data-action="add-run"]');
        /** @type {HTMLElement} */ (near).focus();
      },
    );
    const images = new ComparedImages(
      this.piece("images", HTMLElement),
      this.piece("images-row", HTMLTemplateElement),
      this.piece("unit-readout", HTMLElement),
      () => {
        comparison.first.value = images.from;
        painter.request(paint);
      },
    );
    this.#images = images;
    comparison.first.value = images.from;
    follow(signal, () => {
      comparison.running.value = together.running.value || run.hurrying.value;
    });
    follow(signal, () => {
      // A run that does not exist has nothing beside it.
      hide(this, run.gone.value !== null && comparison.all.value.length === 0);
      hide(this.piece("body", HTMLElement), comparison.all.value.length < 2);
      hide(this.piece("empty", HTMLElement), comparison.others.value.length > 0);
    });
    follow(signal, () => {
      colours.value;
      painter.request(paint); // at once, and even out of sight: the page may be being printed
    });
    follow(signal, () => {
      if (!comparison.inSight.value) return;
      together.inStep.value;
      for (const { run } of comparison.all.value) {
        run.seriesVersion.value;
        run.state.value;
        run.connection.value;
        run.gone.value;
        run.weights(COMPARED_VIEW).value;
      }
      soon();
    });
    observe(this, signal, {
      sight: (visible) => {
        comparison.inSight.value = visible;
      },
      size: () => {
        this.#legend.invalidate();
        soon();
      },
    });
    const log = this.piece("log", HTMLInputElement);
    log.addEventListener("change", soon, { signal });
    const unit = this.piece("unit", HTMLInputElement);
    unit.addEventListener(
      "input",
      () => {
        if (this.#images && unit.value !== "") this.#images.unit = unit.valueAsNumber;
      },
      { signal },
    );
    // The field shows the unit that is read out, which may not be the one typed.
    unit.addEventListener("change", () => (unit.value = String(this.#images?.unit)), { signal });
    this.#controls(app, signal);
    signal.addEventListener(
      "abort",
      () => {
        rarely.cancel();
        painter.cancel(paint);
        this.#chart?.destroy();
        this.#chart = null;
        this.#table?.clear();
        this.#images?.clear();
      },
      { once: true },
    );
  }

  /**
   * The controls of all compared runs.
   *
   * @param {App} app
   * @param {AbortSignal} signal
   */
  #controls({ comparison, together, dialogs }, signal) {
    const acts = {
      run: () => together.run(),
      hold: () => together.hold(),
      restart: () => together.restart(),
      "step-batch": () => together.step("batch"),
      "step-epoch": () => together.step("epoch"),
      race: () => dialogs.openRace(),
      "add-run": () => dialogs.openRuns(),
    };
    for (const [name, act] of Object.entries(acts)) {
      for (const button of this.querySelectorAll(`[data-action="${name}"]`)) {
        button.addEventListener("click", act, { signal });
      }
    }
    const inStep = this.piece("in-step", HTMLInputElement);
    const stride = this.piece("stride", HTMLSelectElement);
    const pace = this.piece("pace", HTMLSelectElement);
    const take = () => {
      together.inStep.value = inStep.checked;
      together.stride.value = Number(stride.value);
      together.pace.value = pace.value === "" ? null : Number(pace.value);
    };
    for (const control of [inStep, stride, pace]) {
      control.addEventListener("change", () => together.change(take), { signal });
    }
    follow(signal, () => {
      inStep.checked = together.inStep.value;
    });
    follow(signal, () => {
      this.classList.toggle("is-running", together.running.value);
      const watched = !comparison.all.value.some(({ run }) => run.writable.value);
      hide(this.piece("watched", HTMLElement), !watched);
      const controls = this.piece("together", HTMLElement);
      for (const control of controls.querySelectorAll("button, input, select")) {
        control.toggleAttribute("disabled", watched);
      }
      stride.disabled = watched || !together.inStep.value; // out of step there is no stride
    });
    follow(signal, () => {
      const trouble = together.trouble.value;
      write(this.piece("trouble", HTMLElement), trouble ? formatError(trouble) : "");
    });
  }

  /** @param {App} app */
  #paint({ comparison, together, colours }) {
    const all = comparison.all.peek();
    if (all.length < 2) return;
    const theme = colours.peek();
    this.#paintNotes(all, together);
    this.#table?.show(all, together.inStep.peek());
    this.#paintChart(all, together, theme);
    const images = /** @type {ComparedImages} */ (this.#images);
    const scale = images.paint(all, theme);
    const unit = this.piece("unit", HTMLInputElement);
    unit.max = String(Math.max(images.units - 1, 0));
    if (document.activeElement !== unit) unit.value = String(images.unit);
    if (scale !== null) this.#legend.paint({ scale, coding: "signed" }, theme);
  }

  /**
   * Notes change seldom, so they are announced once and not with every batch.
   *
   * @param {readonly Compared[]} all
   * @param {App["together"]} together
   */
  #paintNotes(all, together) {
    const known = all.flatMap(({ slot, run }) => {
      const state = run.state.peek();
      return state ? [{ slot, state, run }] : [];
    });
    const waiting = known
      .filter(({ run }) => together.leavesOut(run))
      .map(({ slot, state }) => waitingNote(slot, state));
    const out = all.filter(({ run }) => isOut(run));
    const stopped = out.map(({ slot, run }) => outNote(run, slot)).filter(Boolean);
    const notes = [...stopped, ...waiting, ...apartNotes(known)];
    const calm =
      known.length === all.length
        ? "The same start and the same batches: at the same batch, any difference comes from the settings."
        : "";
    write(this.piece("without", HTMLElement), together.inStep.peek() ? withoutText(out) : "");
    write(this.piece("notes", HTMLElement), notes.length > 0 ? notes.join(" ") : calm);
  }

  /**
   * @param {readonly Compared[]} all
   * @param {App["together"]} together
   * @param {Theme} theme
   */
  #paintChart(all, together, theme) {
    const holder = this.piece("chart", HTMLElement);
    const lines = all.map(({ slot, run }) => ({
      slot,
      series: run.series,
      batch: run.shown.peek()?.batch ?? 0,
      marks: marksOf(run.state.peek()),
    }));
    const logarithmic = this.piece("log", HTMLInputElement).checked;
    const built = JSON.stringify([all.map(({ id, slot }) => [id, slot]), logarithmic]);
    const size = sizeOf(holder);
    if (size.width === 0) return;
    if (built !== this.#built || !this.#chart) {
      this.#chart?.destroy();
      this.#chart = new ComparedChart(holder, lines, {
        theme,
        logarithmic,
        pointed: (batch) => {
          this.#pointed = batch;
          this.#paintReadout(all, together);
        },
      });
      this.#built = built;
    }
    this.#chart.theme = theme;
    const above = this.#chart.show(lines, size);
    this.#above?.show(comparedAboveParts(all, above));
    this.#paintReadout(all, together);
    const changes = lines.flatMap(({ slot, marks }) =>
      marks.map((mark) => changeText(LETTERS[slot] ?? "", mark)),
    );
    const text = changes.length > 0 ? `${changes.join("; ")}.` : "";
    write(this.piece("changes", HTMLElement), text);
  }

  /**
   * The losses at the batch pointed at, else at the last batch that all runs still going have.
   *
   * @param {readonly Compared[]} all
   * @param {App["together"]} together
   */
  #paintReadout(all, together) {
    const last = lastOfAll(all, (run) => !isOut(run) && !together.leavesOut(run));
    this.#readout?.show(lossParts(all, this.#pointed ?? last));
  }
}
