import { signal } from "@preact/signals-core";
import { largest } from "../models/explanations/code.js";
import { ofOther } from "../models/loop.js";
import { largestText, shapeText, sourceLines, valuesOf } from "../models/program.js";
import { getProgram } from "../protocol/api.js";
import { FigureText } from "./figure-text.js";
import { follow, observe, paintInSight, RunElement, write, writeAttribute } from "./run-element.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../protocol/types.js").Phase} Phase
 * @typedef {import("../models/program.js").Line} Line
 * @typedef {import("../models/program.js").Program} Program
 */

/** The lines that run in the opened phase, what each computed, and the engine's source for it. */
export class RunningCode extends RunElement {
  /** @type {import("@preact/signals-core").Signal<Program | null>} */
  #program = signal(null);
  /** The lit line of each phase. @type {{ [phase: string]: number }} */
  #lit = {};
  #chosen = signal(0);
  /** @type {{ lines: Line[], items: HTMLElement[], values: FigureText[] } | null} */
  #shown = null;
  /** @type {Line | null} */
  #source = null;

  /**
   * @override
   * @param {App} app
   * @param {AbortSignal} signal
   */
  connect(app, signal) {
    const { run, pick } = app;
    const repaint = paintInSight(this, app, () => this.#paint(app), signal);
    follow(signal, () => {
      run.news.value;
      pick.station.value;
      this.#chosen.value;
      this.#program.value;
      repaint();
    });
    let visible = false;
    let asked = "";
    const ask = async () => {
      const state = run.state.peek();
      if (!visible || !state) return;
      const key = `${state.id} ${state.step_optimizer.name}`;
      if (key === asked) return;
      asked = key;
      try {
        const program = await getProgram(state.id);
        if (key === asked) this.#program.value = program;
      } catch {
        if (key === asked) asked = ""; // asks again when the run next changes
      }
    };
    follow(signal, () => {
      run.state.value;
      ask();
    });
    observe(this, signal, {
      sight: (now) => {
        visible = now;
        run.want("code", visible ? ["values"] : []);
        ask();
      },
    });
    this.#choosing(app, signal);
  }

  /**
   * Lights the line of the opened phase that computes a tensor, if there is one.
   *
   * @param {Phase} phase
   * @param {string} tensor
   */
  light(phase, tensor) {
    const index = this.#program.peek()?.[phase].findIndex(({ output }) => output === tensor) ?? -1;
    if (index >= 0) this.#choose(phase, index);
  }

  /**
   * @param {App} app
   * @param {AbortSignal} signal
   */
  #choosing({ run, pick }, signal) {
    const move = (/** @type {number} */ by) => {
      const phase = pick.shown(run.state.peek());
      this.#choose(phase, (this.#lit[phase] ?? 0) + by);
    };
    for (const [action, by] of /** @type {const} */ ([
      ["line-before", -1],
      ["line-after", 1],
    ])) {
      const button = this.button(action);
      button.addEventListener("click", () => move(by), { signal });
    }
    const list = this.piece("lines", HTMLElement);
    list.addEventListener(
      "click",
      ({ target }) => {
        const item = target instanceof Element ? target.closest("li") : null;
        const index = item instanceof HTMLElement ? (this.#shown?.items.indexOf(item) ?? -1) : -1;
        if (index >= 0) this.#choose(pick.shown(run.state.peek()), index);
      },
      { signal },
    );
    list.addEventListener(
      "keydown",
      (event) => {
        if (event.target !== list || event.ctrlKey || event.altKey || event.metaKey) return;
        const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        move(by);
      },
      { signal },
    );
  }

  /**
   * @param {Phase} phase
   * @param {number} index
   */
  #choose(phase, index) {
    const count = this.#program.peek()?.[phase].length ?? 1;
    this.#lit[phase] = Math.min(Math.max(index, 0), count - 1);
    this.#chosen.value += 1;
    const item = this.#shown?.items[this.#lit[phase]];
    const list = this.piece("lines", HTMLElement);
    if (!item) return;
    // Not scrollIntoView, which would also scroll the page.
    const [top, bottom] = [
      item.offsetTop - list.offsetTop,
      item.offsetTop - list.offsetTop + item.offsetHeight,
    ];
    list.scrollTop = Math.min(Math.max(list.scrollTop, bottom - list.clientHeight), top);
  }

  /** @param {App} app */
  #paint({ run, pick }) {
    const state = run.state.peek();
    const program = this.#program.peek();
    if (!state || !program) return;
    const phase = pick.shown(state);
    const lines = program[phase];
    if (this.#shown?.lines !== lines) this.#build(lines);
    const shown = this.#shown;
    if (!shown) return;
    const other = ofOther(state, phase);
    write(this.piece("phase", HTMLElement), other ? `${phase}, ${other.words}` : phase);
    const values = valuesOf(run.view("values").peek());
    const lit = Math.min(this.#lit[phase] ?? 0, lines.length - 1);
    shown.items.forEach((item, i) => {
      const line = /** @type {Line} */ (lines[i]);
      if (i === lit) writeAttribute(item, "aria-current", "true");
      else item.removeAttribute("aria-current");
      const tensor = line.output;
      const value = tensor === null ? undefined : values[tensor];
      if (!value || tensor === null) {
        shown.values[i]?.show([]);
        return;
      }
      shown.values[i]?.show([
        `${shapeText(value.shape)}${value.shape.length > 0 ? "  max |·|" : ","} `,
        {
          text: largestText(value.largest),
          explanation: () => largest(state, { phase, tensor }, value.largest),
        },
      ]);
    });
    this.#showSource(/** @type {Line} */ (lines[lit]));
  }

  /** @param {Line[]} lines */
  #build(lines) {
    const items = lines.map(({ call }) => {
      const item = document.createElement("li");
      const code = document.createElement("code");
      const value = document.createElement("span");
      value.className = "code-value";
      code.append(...breakable(call));
      item.append(code, value);
      return item;
    });
    const values = items.map(
      (item) => new FigureText(/** @type {HTMLElement} */ (item.lastElementChild)),
    );
    this.#shown = { lines, items, values };
    this.piece("lines", HTMLElement).replaceChildren(...items);
  }

  /** @param {Line} line */
  #showSource(line) {
    if (this.#source === line) return;
    this.#source = line;
    write(this.piece("file", HTMLElement), `${line.file}:${line.first_line}`);
    const source = this.piece("source", HTMLElement);
    source.replaceChildren(
      ...sourceLines(line.source).map(({ text, indent, isDoc }) => {
        const row = document.createElement("span");
        row.textContent = `${" ".repeat(indent)}${text}\n`;
        row.style.setProperty("--indent", String(indent));
        row.classList.toggle("is-doc", isDoc);
        return row;
      }),
    );
    source.scrollTop = 0;
  }
}

/**
 * A call, with line breaks allowed after each name.
 *
 * @param {string} call
 */
function breakable(call) {
  return call
    .split(/(?<=[(.])/)
    .flatMap((part, i) => (i === 0 ? [part] : [document.createElement("wbr"), part]));
}
