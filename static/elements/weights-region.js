import { PixelBuffer, prepareCanvas } from "../draw/canvas.js";
import { valueOfCode } from "../draw/colours.js";
import { cornerOf, gridLayout, imageAt, writeImages } from "../draw/grid.js";
import { legendPainter } from "../draw/legend.js";
import { STRIP_LABEL, stripHeight, stripsPainter } from "../draw/strips.js";
import { formatValue } from "../format.js";
import { follow, observe, RunElement, write } from "./run-element.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../models/run.js").WeightView} WeightView
 * @typedef {import("../protocol/types.js").ViewDescription} ViewDescription
 * @typedef {import("../draw/colours.js").Theme} Theme
 */

/** Every unit of a layer as an image, on one fixed scale. */
export class WeightsRegion extends RunElement {
  #layer = 1;
  #kind = "weights";
  /** @type {number | null} */
  #pointed = null;
  #buffer = new PixelBuffer();
  #strips = stripsPainter();
  #legend = legendPainter();

  /**
   * @override
   * @param {App} app
   * @param {AbortSignal} signal
   */
  connect(app, signal) {
    const { run, painter, colours } = app;
    const paint = () => this.#paint(app);
    let visible = false;
    const want = () => {
      const view = this.#view(run.state.peek()?.views ?? []);
      run.want("weights", visible && view ? [view.view] : []);
    };
    const changed = () => {
      want();
      this.#showTabs(run.state.peek()?.views ?? []);
      painter.request(paint);
    };
    let listed = "";
    follow(signal, () => {
      // The list of views is sent with every state and seldom changes.
      const key = JSON.stringify(run.state.value?.views ?? []);
      if (key === listed) return;
      listed = key;
      changed();
    });
    follow(signal, () => {
      colours.value;
      for (const { view } of run.state.value?.views ?? []) run.weights(view).value;
      painter.request(paint);
    });
    signal.addEventListener("abort", () => painter.cancel(paint), { once: true });
    observe(this, signal, {
      sight: (now) => {
        visible = now;
        want();
      },
    });
    observe(this.piece("holder", HTMLElement), signal, { size: () => painter.request(paint) });
    this.#tabs(app, changed, signal);
    this.#pointing(app, () => painter.request(paint), signal);
  }

  /**
   * The view of the chosen kind and layer, or the layer's first where the kind has gone.
   *
   * @param {ViewDescription[]} views
   */
  #view(views) {
    const ofLayer = views.filter(({ layer }) => layer === this.#layer);
    return ofLayer.find(({ kind }) => kind === this.#kind) ?? ofLayer[0] ?? null;
  }

  /** @param {ViewDescription[]} views */
  #showTabs(views) {
    if (views.length === 0) return; // the page as it was served stands until the state is here
    const tablist = this.piece("tabs", HTMLElement);
    const chosen = this.#view(views);
    const kinds = views.filter(({ layer }) => layer === this.#layer).map(({ kind }) => kind);
    const tabs = [...tablist.querySelectorAll("button")];
    while (tabs.length < kinds.length) {
      const tab = /** @type {HTMLButtonElement} */ (tabs[0]?.cloneNode());
      tablist.append(tab);
      tabs.push(tab);
    }
    tabs.forEach((tab, i) => {
      const kind = kinds[i];
      if (kind === undefined) {
        tab.remove();
        return;
      }
      const selected = kind === chosen?.kind;
      write(tab, kindTitle(kind));
      tab.dataset.kind = kind;
      tab.setAttribute("aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
    });
    const select = this.piece("layer", HTMLSelectElement);
    const layers = [...new Set(views.map(({ layer }) => layer))];
    if (layers.length > 0 && layers.length !== select.options.length) {
      select.replaceChildren(...layers.map((layer) => new Option(String(layer), String(layer))));
    }
    select.value = String(this.#layer);
  }

  /**
   * @param {App} app
   * @param {() => void} changed
   * @param {AbortSignal} signal
   */
  #tabs({ run }, changed, signal) {
    const tablist = this.piece("tabs", HTMLElement);
    const select = (/** @type {HTMLElement} */ tab) => {
      this.#kind = tab.dataset.kind ?? this.#kind;
      changed();
    };
    tablist.addEventListener(
      "click",
      ({ target }) => {
        if (target instanceof HTMLElement && target.role === "tab") select(target);
      },
      { signal },
    );
    tablist.addEventListener(
      "keydown",
      (event) => {
        const tabs = [...tablist.querySelectorAll("button")];
        const now = tabs.findIndex((tab) => tab.matches(":focus"));
        const moved = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: tabs.length - 1 };
        const next = moved[/** @type {keyof typeof moved} */ (event.key)];
        const tab = next === undefined ? undefined : tabs[(next + tabs.length) % tabs.length];
        if (!tab) return;
        event.preventDefault();
        select(tab);
        tab.focus();
      },
      { signal },
    );
    const layer = this.piece("layer", HTMLSelectElement);
    layer.addEventListener(
      "change",
      () => {
        this.#layer = Number(layer.value);
        this.#pointed = null;
        changed();
        run.state.peek();
      },
      { signal },
    );
  }

  /** @param {App} app */
  #paint({ run, colours }) {
    const description = this.#view(run.state.peek()?.views ?? []);
    if (!description) return;
    const theme = colours.peek();
    const view = run.weights(description.view).peek();
    const grid = this.piece("grid", HTMLCanvasElement);
    const empty = this.piece("empty", HTMLElement);
    empty.hidden = view !== null;
    grid.classList.toggle("is-empty", view === null);
    write(empty, emptyText(description.kind));
    this.#paintLegend(view ?? description, theme);
    const [units, inputs] = view?.shape ?? description.shape;
    grid.setAttribute("aria-valuemax", String(units - 1));
    const side = Math.round(Math.sqrt(inputs));
    if (side * side === inputs) this.#paintImages(grid, view, units, side, theme);
    else this.#paintStrips(grid, view, units, theme);
    this.#readOut(view, description.kind);
  }

  /**
   * @param {HTMLCanvasElement} grid
   * @param {WeightView | null} view
   * @param {number} units
   * @param {number} side
   * @param {Theme} theme
   */
  #paintImages(grid, view, units, side, theme) {
    const ratio = window.devicePixelRatio || 1;
    const layout = this.#layout(units, side, ratio);
    sizeCanvas(grid, layout.width / ratio, layout.height / ratio);
    const prepared = prepareCanvas(grid);
    if (!view || !prepared) return;
    const { context } = prepared;
    const width = layout.width / layout.scale;
    const height = layout.height / layout.scale;
    const pixels = this.#buffer.resize(width, height);
    pixels.fill(0);
    writeImages(pixels, view.codes, layout.columns, side, tableOf(view, theme));
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.#buffer.source, 0, 0, layout.width, layout.height);
    if (this.#pointed === null) return;
    const { x, y, size } = cornerOf(layout, this.#pointed);
    context.strokeStyle = theme.ink;
    context.lineWidth = Math.max(1, Math.round(ratio * 1.5));
    context.strokeRect(x - 0.5, y - 0.5, size + 1, size + 1);
  }

  /**
   * @param {HTMLCanvasElement} grid
   * @param {WeightView | null} view
   * @param {number} units
   * @param {Theme} theme
   */
  #paintStrips(grid, view, units, theme) {
    sizeCanvas(grid, this.piece("holder", HTMLElement).clientWidth, units * stripHeight(units));
    const prepared = prepareCanvas(grid);
    if (!view || !prepared) return;
    const { context, size } = prepared;
    const [, inputs] = view.shape;
    const matrix = { codes: view.codes, units, inputs, table: tableOf(view, theme) };
    this.#strips(context, matrix, size, theme);
    if (this.#pointed === null) return;
    context.strokeStyle = theme.ink;
    context.lineWidth = 1.5;
    const pitch = stripHeight(units);
    context.strokeRect(
      STRIP_LABEL - 1,
      this.#pointed * pitch - 1,
      size.width - STRIP_LABEL + 1,
      pitch - 1,
    );
  }

  /**
   * @param {{ scale: number, coding: "signed" | "unsigned" }} legend
   * @param {Theme} theme
   */
  #paintLegend({ scale, coding }, theme) {
    const canvas = this.piece("legend", HTMLCanvasElement);
    const prepared = prepareCanvas(canvas);
    if (prepared) this.#legend(prepared.context, { scale, coding }, prepared.size, theme);
    const full = formatValue(scale);
    const text =
      coding === "signed"
        ? `Colour scale from −${full} (orange) over 0 to +${full} (blue), by the square root`
        : `Colour scale from 0 to ${full}, by the square root`;
    canvas.setAttribute("aria-label", text);
  }

  /**
   * @param {number} units
   * @param {number} side
   * @param {number} ratio
   */
  #layout(units, side, ratio) {
    const width = this.piece("holder", HTMLElement).clientWidth * ratio;
    return gridLayout(units, side, width, ratio);
  }

  /**
   * @param {WeightView | null} view
   * @param {string} kind
   */
  #readOut(view, kind) {
    const readout = this.piece("readout", HTMLOutputElement);
    const grid = this.piece("grid", HTMLCanvasElement);
    if (this.#pointed === null || !view) {
      write(readout, "");
      return;
    }
    const [, inputs] = view.shape;
    const codes = view.codes.subarray(this.#pointed * inputs, (this.#pointed + 1) * inputs);
    let low = 255;
    let high = 0;
    for (const code of codes) {
      if (code < low) low = code;
      if (code > high) high = code;
    }
    const value = (/** @type {number} */ code) =>
      formatValue(valueOfCode(code, view.scale, view.coding));
    const text = `unit ${this.#pointed}: ${kindTitle(kind)} ${value(low)} to ${value(high)}`;
    write(readout, text);
    grid.setAttribute("aria-valuenow", String(this.#pointed));
    grid.setAttribute("aria-valuetext", text);
  }

  /**
   * A unit is pointed at with the mouse, or with the arrow keys.
   *
   * @param {App} app
   * @param {() => void} changed
   * @param {AbortSignal} signal
   */
  #pointing({ run }, changed, signal) {
    const grid = this.piece("grid", HTMLCanvasElement);
    const shape = () => this.#view(run.state.peek()?.views ?? [])?.shape ?? [0, 0];
    const point = (/** @type {number | null} */ unit) => {
      if (unit === this.#pointed) return;
      this.#pointed = unit;
      changed();
    };
    const columns = () => {
      const [units, inputs] = shape();
      const side = Math.round(Math.sqrt(inputs));
      const ratio = window.devicePixelRatio || 1;
      return side * side === inputs ? this.#layout(units, side, ratio).columns : 1;
    };
    const move = (/** @type {PointerEvent} */ { offsetX, offsetY }) => {
      const [units, inputs] = shape();
      const side = Math.round(Math.sqrt(inputs));
      const ratio = window.devicePixelRatio || 1;
      if (side * side === inputs) {
        const layout = this.#layout(units, side, ratio);
        point(imageAt(layout, units, offsetX * ratio, offsetY * ratio));
      } else {
        const unit = Math.floor(offsetY / stripHeight(units));
        point(unit >= 0 && unit < units ? unit : null);
      }
    };
    grid.addEventListener("pointermove", move, { signal });
    grid.addEventListener("pointerdown", move, { signal });
    grid.addEventListener("pointerleave", () => point(null), { signal });
    grid.addEventListener("focus", () => point(this.#pointed ?? 0), { signal });
    grid.addEventListener("blur", () => point(null), { signal });
    grid.addEventListener(
      "keydown",
      (event) => {
        if (event.ctrlKey || event.altKey || event.metaKey) return;
        const now = this.#pointed ?? 0;
        const [units] = shape();
        const moved = {
          ArrowRight: now + 1,
          ArrowLeft: now - 1,
          ArrowDown: now + columns(),
          ArrowUp: now - columns(),
          Home: 0,
          End: units - 1,
        }[event.key];
        if (moved === undefined) return;
        event.preventDefault();
        point(Math.min(Math.max(moved, 0), units - 1));
      },
      { signal },
    );
  }
}

/**
 * What a kind of view is called: optimizer state `v` is drawn as its square root by the scale, and
 * is named as the textbooks do.
 *
 * @param {string} kind
 */
function kindTitle(kind) {
  return kind === "v" ? "√v" : kind;
}

/** @param {string} kind */
function emptyText(kind) {
  if (kind === "gradient") return "There is a gradient as soon as the first backward pass has run.";
  if (kind === "step") return "There is a step as soon as the first update has been made.";
  return "The weights of every unit appear here, as images.";
}

/**
 * @param {WeightView} view
 * @param {Theme} theme
 */
function tableOf({ coding }, theme) {
  return coding === "signed" ? theme.signed : theme.unsigned;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number} width CSS pixels
 * @param {number} height
 */
function sizeCanvas(canvas, width, height) {
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
}
