import { squareSide } from "../draw/units.js";
import { weightsOfUnit } from "../models/explanations/counts.js";
import { shownExtreme } from "../models/explanations/grid.js";
import { ofOther } from "../models/loop.js";
import { partName } from "../models/weight-parts.js";
import { observeBands } from "./bands.js";
import { FigureText } from "./figure-text.js";
import { Legend } from "./legend.js";
import {
  follow,
  hide,
  observe,
  paintInSight,
  RunElement,
  write,
  writeAttribute,
} from "./run-element.js";
import { UnitGrid } from "./unit-grid.js";

/**
 * @typedef {import("./context.js").App} App
 * @typedef {import("../protocol/types.js").ViewDescription} ViewDescription
 * @typedef {import("../draw/colours.js").Theme} Theme
 */

/** Every unit of a layer as an image, on one fixed scale. */
export class WeightsRegion extends RunElement {
  #layer = 1;
  #kind = "weights";
  #legend = new Legend(this.piece("legend", HTMLCanvasElement));
  /** @type {FigureText | null} */
  #about = null;
  /** @type {UnitGrid | null} */
  #grid = null;

  /**
   * @override
   * @param {App} app
   * @param {AbortSignal} signal
   */
  connect(app, signal) {
    const { run, colours, pick, dialogs } = app;
    const holder = this.piece("holder", HTMLElement);
    this.#about = new FigureText(this.piece("about", HTMLElement));
    const repaint = paintInSight(this, app, () => this.#paint(app), signal);
    const parts = {
      canvas: this.piece("grid", HTMLCanvasElement),
      holder,
      readout: this.piece("readout", HTMLElement),
    };
    const open = (/** @type {number} */ unit) => {
      if (this.#layer === 1) dialogs.openUnit(unit);
    };
    const changed = () => {
      want();
      repaint();
    };
    this.#grid = new UnitGrid(parts, { changed, open }, signal);
    let visible = false;
    /** @type {{ from: number, to: number } | null} */
    let inSight = null;
    const views = () => run.state.peek()?.views ?? [];
    const want = () => {
      const view = this.#view(views());
      run.want("weights", visible && view ? this.#wanted(view, inSight, run.hurrying.peek()) : []);
    };
    const choose = () => {
      want();
      this.#showTabs(views());
      this.#showLayers(views());
      repaint();
    };
    let listed = "";
    follow(signal, () => {
      // The list of views arrives with every state but seldom changes.
      const list = JSON.stringify(run.state.value?.views ?? []);
      if (list === listed) return;
      listed = list;
      choose();
    });
    follow(signal, () => {
      const kind = pick.kind.value;
      if (kind === null) return;
      this.#kind = kind;
      this.#layer = 1;
      pick.kind.value = null; // a single request; from here the tabs decide
      choose();
    });
    follow(signal, () => {
      colours.value;
      for (const { view } of run.state.value?.views ?? []) run.weights(view).value;
      repaint();
    });
    observe(this, signal, {
      sight: (now) => {
        visible = now;
        want();
      },
    });
    observeBands(this.piece("bands", HTMLElement), signal, (part) => {
      inSight = part;
      want();
    });
    follow(signal, () => {
      run.hurrying.value;
      want();
    });
    observe(holder, signal, {
      size: () => {
        this.#grid?.invalidate();
        this.#legend.invalidate();
        changed();
      },
    });
    this.#choices(choose, signal);
  }

  /**
   * At full speed the units in sight are enough, and arrive sooner. Otherwise all are asked for, so
   * that nothing changes when the reader scrolls to it.
   *
   * @param {ViewDescription} view
   * @param {{ from: number, to: number } | null} inSight
   * @param {boolean} hurrying
   */
  #wanted({ view, shape }, inSight, hurrying) {
    if (!hurrying) return [view];
    if (!inSight) return [];
    const units = this.#grid?.unitsIn(shape, inSight);
    return [units ? partName(view, units) : view];
  }

  /**
   * The view of the chosen kind and layer, or the layer's first if that kind no longer exists.
   *
   * @param {ViewDescription[]} views
   */
  #view(views) {
    const ofLayer = views.filter(({ layer }) => layer === this.#layer);
    return ofLayer.find(({ kind }) => kind === this.#kind) ?? ofLayer[0] ?? null;
  }

  /** @param {ViewDescription[]} views */
  #showTabs(views) {
    if (views.length === 0) return; // until the state arrives, the page stays as served
    const tablist = this.piece("tabs", HTMLElement);
    const chosen = this.#view(views);
    const kinds = views.filter(({ layer }) => layer === this.#layer).map(({ kind }) => kind);
    const tabs = [...tablist.querySelectorAll("button")];
    for (const tab of tabs.splice(kinds.length)) tab.remove();
    while (tabs.length < kinds.length) {
      const tab = /** @type {HTMLButtonElement} */ (tabs[0]?.cloneNode());
      tablist.append(tab);
      tabs.push(tab);
    }
    kinds.forEach((kind, i) => {
      const tab = /** @type {HTMLButtonElement} */ (tabs[i]);
      const selected = kind === chosen?.kind;
      write(tab, kindTitle(kind));
      tab.dataset.kind = kind;
      writeAttribute(tab, "aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
    });
  }

  /** @param {ViewDescription[]} views */
  #showLayers(views) {
    const select = this.piece("layer", HTMLSelectElement);
    const layers = [...new Set(views.map(({ layer }) => layer))];
    if (layers.length > 0 && layers.length !== select.options.length) {
      select.replaceChildren(...layers.map((layer) => new Option(String(layer), String(layer))));
    }
    select.value = String(this.#layer);
  }

  /**
   * Lets the reader choose the kind, with tabs, and the layer, with a list.
   *
   * @param {() => void} chosen
   * @param {AbortSignal} signal
   */
  #choices(chosen, signal) {
    const tablist = this.piece("tabs", HTMLElement);
    const select = (/** @type {HTMLElement} */ tab) => {
      this.#kind = tab.dataset.kind ?? this.#kind;
      chosen();
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
        chosen();
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
    const empty = this.piece("empty", HTMLElement);
    hide(empty, view !== null);
    write(empty, emptyText(description.kind));
    this.#legend.paint(view ?? description, theme);
    const state = /** @type {import("../protocol/types.js").RunState} */ (run.state.peek());
    const what = {
      shape: view?.shape ?? description.shape,
      title: kindTitle(description.kind),
      other: otherOf(state, description.kind),
      explain: (/** @type {Parameters<typeof shownExtreme>[2]} */ shown) =>
        shownExtreme(state, description, shown),
    };
    this.#grid?.paint(view, what, theme);
    this.#about?.show(aboutParts(state, description.layer, what.shape[1]));
    hide(this.piece("how", HTMLElement), description.layer !== 1);
  }
}

/**
 * The name of a kind of view. Views of the optimizer state `v` hold its square root.
 *
 * @param {string} kind
 */
function kindTitle(kind) {
  return kind === "v" ? "√v" : kind;
}

/**
 * Where a picture comes from, if not from the present batch. Weights and optimizer state are always
 * the present ones.
 *
 * @param {import("../protocol/types.js").RunState} state
 * @param {string} kind
 */
function otherOf(state, kind) {
  if (kind === "gradient") return ofOther(state, "backward");
  return kind === "step" ? ofOther(state, "update") : null;
}

/**
 * Says what one picture shows.
 *
 * @param {import("../protocol/types.js").RunState} state
 * @param {number} layer
 * @param {number} inputs
 * @returns {import("../models/captions.js").Part[]}
 */
function aboutParts(state, layer, inputs) {
  const count = {
    text: String(inputs),
    explanation: () => weightsOfUnit(state, layer, inputs),
  };
  const picture = squareSide(inputs) === null ? "row" : "image";
  return layer === 1
    ? [
        "Each image is one unit, with a cell for each of its ",
        count,
        " weights, at the pixel it multiplies.",
      ]
    : [
        `Each ${picture} is one unit, with a cell for each of its `,
        count,
        " weights from the layer before.",
      ];
}

/** @param {string} kind */
function emptyText(kind) {
  if (kind === "gradient") return "The gradient appears here after the first backward pass.";
  if (kind === "step") return "The step appears here after the first update.";
  return "The weights of every unit appear here, as images.";
}
