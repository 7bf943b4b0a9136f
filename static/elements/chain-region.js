import { formatError } from "../format.js";
import { textOf } from "../models/captions.js";
import { ChainModel } from "../models/chain.js";
import {
  figuresOf,
  forecastParts,
  formulasOf,
  outcomeWords,
  walkedParts,
  weightText,
} from "../models/chain-words.js";
import { differentiate } from "../protocol/api.js";
import { explain } from "./explain.js";
import { FigureText } from "./figure-text.js";
import { follow, hide, observe, RunElement, write, writeAttribute } from "./run-element.js";

/** The textbook chain, walked back factor by factor. */
export class ChainRegion extends RunElement {
  /** @type {ChainModel | null} */
  #model = null;
  #reached = 0;
  /** @type {FigureText | null} */
  #walked = null;

  /**
   * @override
   * @param {import("./context.js").App} app
   * @param {AbortSignal} signal
   */
  connect({ run, painter }, signal) {
    const model = this.#model ?? new ChainModel(this.#question(), differentiate);
    this.#model = model;
    this.#walked = new FigureText(this.piece("walked", HTMLElement));
    const forecast = new FigureText(this.piece("forecast", HTMLElement));
    const paint = () => this.#paint(model, forecast);
    follow(signal, () => {
      model.question.value;
      model.answered.value;
      model.error.value;
      model.reached.value;
      model.outcome.value;
      painter.request(paint);
    });
    signal.addEventListener("abort", () => painter.cancel(paint), { once: true });
    observe(this, signal, { sight: (visible) => model.seen(visible) });
    follow(signal, () => {
      if (run.connection.value === "open") model.back();
    });
    this.#choices(model, signal);
    this.#weights(model, signal);
    this.#acts(model, signal);
    for (const element of this.#all("[data-figure]")) {
      const name = element.dataset.figure ?? "";
      const give = () => {
        const answered = model.answered.value;
        return answered ? (figuresOf(answered).get(name)?.explanation() ?? null) : null;
      };
      explain(element, give, signal);
    }
  }

  /** The chain that the page is served with. */
  #question() {
    const place = (/** @type {string} */ name) =>
      this.find(`select[data-place="${name}"]`, HTMLSelectElement).value;
    const weights = this.#fields().map((field) => field.valueAsNumber);
    const step = this.piece("step", HTMLInputElement).valueAsNumber;
    return { a: place("a"), b: place("b"), c: place("c"), weights, step };
  }

  /**
   * @param {ChainModel} model
   * @param {AbortSignal} signal
   */
  #choices(model, signal) {
    for (const select of this.querySelectorAll("select")) {
      const place = /** @type {"a" | "b" | "c"} */ (select.dataset.place);
      select.addEventListener("change", () => model.choose(place, select.value), { signal });
    }
  }

  /**
   * @param {ChainModel} model
   * @param {AbortSignal} signal
   */
  #weights(model, signal) {
    [...this.#fields(), ...this.#sliders()].forEach((input, i) => {
      const index = i % 3;
      input.addEventListener(
        "input",
        () => {
          if (Number.isFinite(input.valueAsNumber)) model.setWeight(index, input.valueAsNumber);
        },
        { signal },
      );
      input.addEventListener("change", () => this.#showWeights(model.question.peek()), { signal });
    });
    const step = this.piece("step", HTMLInputElement);
    step.addEventListener(
      "input",
      () => {
        if (step.value !== "" && step.validity.valid) model.setStep(step.valueAsNumber);
      },
      { signal },
    );
    step.addEventListener(
      "change",
      () => {
        const isTaken = step.value !== "" && step.validity.valid;
        const kept = model.question.peek().step;
        const refusal = `The step size must be between ${step.min} and ${step.max}. Kept at ${kept}.`;
        if (!isTaken) write(this.piece("error", HTMLElement), refusal);
        this.#showWeights(model.question.peek());
      },
      { signal },
    );
  }

  /**
   * @param {ChainModel} model
   * @param {AbortSignal} signal
   */
  #acts(model, signal) {
    const acts = {
      next: () => model.next(),
      over: () => model.startOver(),
      step: () => model.takeStep(),
    };
    for (const [action, act] of Object.entries(acts)) {
      const button = this.button(action);
      button.addEventListener(
        "click",
        () => {
          if (button.getAttribute("aria-disabled") === "true") return;
          act();
          // Announced when the reader walks, not while a slider changes the numbers.
          if (action !== "step") write(this.piece("announcer", HTMLElement), textOf(walked(model)));
        },
        { signal },
      );
    }
  }

  /**
   * @param {ChainModel} model
   * @param {FigureText} forecast
   */
  #paint(model, forecast) {
    const question = model.question.peek();
    const answered = model.answered.peek();
    const error = model.error.peek();
    this.#showWeights(question, document.activeElement);
    write(this.piece("error", HTMLElement), error ? formatError(error) : "");
    // The numbers shown belong to the last weights that had an answer.
    this.classList.toggle("is-behind", error !== null && answered?.question !== question);
    if (!answered) return;
    this.#showNumbers(answered);
    this.#showWalk(model);
    write(this.piece("outcome", HTMLElement), outcomeWords(model.outcome.peek()));
    forecast.show(forecastParts(answered));
    const canStep = error === null && answered.answer.after.value !== null;
    writeAttribute(this.button("step"), "aria-disabled", String(!canStep));
  }

  /** @param {import("../models/chain.js").Answered} answered */
  #showNumbers(answered) {
    const figures = figuresOf(answered);
    for (const element of this.#all("[data-figure]")) {
      write(element, figures.get(element.dataset.figure ?? "")?.text ?? "");
    }
    const formulas = formulasOf(answered.answer);
    for (const element of this.#all("[data-formula]")) {
      write(element, formulas.get(element.dataset.formula ?? "") ?? "");
    }
    const bracket = [...formulas.values()].some((formula) => formula.includes("["));
    hide(this.piece("bracket", HTMLElement), !bracket);
  }

  /** @param {ChainModel} model */
  #showWalk(model) {
    const walk = model.walk.peek();
    const reached = model.reached.peek();
    const order = walk.map(({ name }) => name);
    const moved = this.#reached !== reached;
    this.#reached = reached;
    for (const element of this.#all("[data-factor]")) {
      const index = order.indexOf(element.dataset.factor ?? "");
      element.classList.toggle("is-ahead", index >= reached);
      const lit = index === reached - 1;
      element.classList.toggle("is-lit", lit);
      if (lit && moved && element.matches(".chain-factor"))
        element.scrollIntoView({ block: "nearest" });
    }
    // A word joiner keeps a line from breaking at a derivative's slash.
    const unbroken = (/** @type {string} */ words) => words.replaceAll("/∂", "/\u2060∂");
    this.#walked?.show(
      walked(model).map((part) => (typeof part === "string" ? unbroken(part) : part)),
    );
    writeAttribute(this.button("next"), "aria-disabled", String(reached >= walk.length));
    writeAttribute(this.button("over"), "aria-disabled", String(reached === 0));
  }

  /**
   * @param {import("../protocol/types.js").ChainQuestion} question
   * @param {Element | null} [editing] the field that the reader is changing; it is left alone
   */
  #showWeights({ weights, step }, editing = null) {
    const inputs = [...this.#fields(), ...this.#sliders(), this.piece("step", HTMLInputElement)];
    [...weights, ...weights, step].forEach((number, i) => {
      const input = inputs[i];
      if (input && input !== editing) input.value = weightText(number);
    });
  }

  #sliders() {
    return /** @type {HTMLInputElement[]} */ (this.#all("input[data-slider]")).toSorted(
      (one, other) => Number(one.dataset.slider) - Number(other.dataset.slider),
    );
  }

  #fields() {
    return /** @type {HTMLInputElement[]} */ (this.#all("input[data-weight]")).toSorted(
      (one, other) => Number(one.dataset.weight) - Number(other.dataset.weight),
    );
  }

  /**
   * @param {string} selector
   * @returns {HTMLElement[]}
   */
  #all(selector) {
    return [...this.querySelectorAll(selector)].filter((each) => each instanceof HTMLElement);
  }
}

/** @param {ChainModel} model */
function walked(model) {
  const answered = model.answered.peek();
  const figures = answered ? figuresOf(answered) : new Map();
  return walkedParts(model.walk.peek(), model.reached.peek(), figures);
}
