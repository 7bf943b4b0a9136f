import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { textOf } from "../../static/models/captions.js";
import { ChainModel, walkOf } from "../../static/models/chain.js";
import {
  figuresOf,
  forecastParts,
  formulasOf,
  outcomeWords,
  walkedParts,
  weightText,
} from "../../static/models/chain-words.js";
import { chainDifference, plugIn } from "../../static/models/explanations/chain.js";
import { settled } from "./settled.js";

/** @typedef {import("../../static/protocol/types.js").ChainQuestion} ChainQuestion */
/** @typedef {import("../../static/protocol/types.js").ChainAnswer} ChainAnswer */

const QUESTION = { a: "product", b: "product", c: "square", weights: [2, -3, 0.5], step: 0.1 };

/**
 * f = W1·W2·W3² at (2, −3, 0.5), worked out by hand.
 *
 * @returns {ChainAnswer}
 */
function answer() {
  const factor = (
    /** @type {string} */ name,
    /** @type {string} */ formula,
    /** @type {number} */ value,
    /** @type {string} */ by,
    /** @type {number} */ product,
  ) => ({ name, formula, numpy: "0", value, product: { name: by, value: product } });
  const u = factor("∂a/∂u", "W1", 2, "∂f/∂u", 2);
  const v = factor("∂b/∂v", "W2", -3, "∂f/∂v", -6);
  const gradient = (
    /** @type {string} */ name,
    /** @type {typeof u[]} */ factors,
    /** @type {string} */ formula,
    /** @type {number} */ value,
  ) => ({
    name,
    factors,
    formula,
    value,
    numerical: value,
    numerical_numpy: "0",
    relative_difference: 0,
    at_kink: false,
  });
  return {
    formula: "W1·W2·W3²",
    weights: [2, -3, 0.5],
    value: -1.5,
    values: { u: -0.75, v: 0.25 },
    numpy: { f: "2 * (-0.75)", u: "(-3) * 0.25", v: "0.5**2" },
    gradients: {
      W1: gradient("∂f/∂W1", [factor("∂a/∂W1", "u", -0.75, "∂f/∂W1", -0.75)], "u", -0.75),
      W2: gradient("∂f/∂W2", [u, factor("∂b/∂W2", "v", 0.25, "∂f/∂W2", 0.5)], "W1 · v", 0.5),
      W3: gradient(
        "∂f/∂W3",
        [u, v, factor("∂c/∂W3", "2·W3", 1, "∂f/∂W3", -6)],
        "W1 · W2 · 2·W3",
        -6,
      ),
    },
    after: { weights: [2.075, -3.05, 1.1], value: -7.66, numpy: "0" },
  };
}

const answered = () => ({ question: QUESTION, answer: answer() });

describe("the walk back", () => {
  it("meets each factor once, from f to W3", () => {
    const names = walkOf(answer()).map(({ name }) => name);
    assert.deepEqual(names, ["∂a/∂W1", "∂a/∂u", "∂b/∂W2", "∂b/∂v", "∂c/∂W3"]);
    assert.deepEqual(walkOf(null), []);
  });

  it("says what is found and what it is multiplied with", () => {
    const walk = walkOf(answer());
    const figures = figuresOf(answered());
    const words = (/** @type {number} */ reached) => textOf(walkedParts(walk, reached, figures));
    assert.match(words(0), /Walk back from f/);
    assert.equal(words(2), "Factor 2 of 5: ∂a/∂u = W1 = 2. ∂f/∂u = ∂f/∂f · ∂a/∂u = 1 · 2 = 2.");
    assert.equal(
      words(4),
      "Factor 4 of 5: ∂b/∂v = W2 = −3. ∂f/∂v = ∂f/∂u · ∂b/∂v = 2 · (−3) = −6.",
    );
    assert.equal(
      words(5),
      "Factor 5 of 5: ∂c/∂W3 = 2·W3 = 1. ∂f/∂W3 = ∂f/∂v · ∂c/∂W3 = −6 · 1 = −6.",
    );
    const explained = walkedParts(walk, 4, figures).filter((part) => typeof part !== "string");
    assert.deepEqual(
      explained.map(({ text }) => text),
      ["−3", "2", "−3", "−6"],
    );
  });
});

describe("numbers and formulas of a chain", () => {
  it("has one figure for each name on the page", () => {
    const figures = figuresOf(answered());
    const text = (/** @type {string} */ name) => figures.get(name)?.text;
    assert.equal(text("f"), "−1.5");
    assert.equal(text("∂b/∂v"), "−3");
    assert.equal(text("∂f/∂v"), "−6");
    assert.equal(text("∂f/∂W3"), "−6");
    assert.equal(text("measured W2"), "0.5");
    assert.equal(text("difference W1"), "0");
    assert.equal(figures.size, 3 + 5 + 5 + 6);
  });

  it("explains a product by its factors, with their numbers", () => {
    const explanation = figuresOf(answered()).get("∂f/∂v")?.explanation();
    assert.deepEqual(explanation, {
      formula: "∂f/∂v = ∂a/∂u · ∂b/∂v = 2 · (−3) = −6",
      address: `POST /api/chain ${JSON.stringify(QUESTION)}`,
      numpy: "2 * (-3)",
    });
  });

  it("plugs numbers in for variables, not for parts of names", () => {
    assert.equal(plugIn("2·(u − W1)·relu(W2·v)", answer()), "2·((−0.75) − 2)·relu((−3)·0.25)");
  });

  it("says why a difference is large, or cannot be told", () => {
    const told = (/** @type {number | null} */ difference, atKink = false) => {
      const odd = answer();
      for (const gradient of Object.values(odd.gradients)) {
        gradient.relative_difference = difference;
        gradient.at_kink = atKink;
      }
      return figuresOf({ question: QUESTION, answer: odd }).get("difference W1")?.text;
    };
    assert.equal(told(3.94e-11), "3.9e-11");
    assert.equal(told(null), "too small to measure");
    const coarse = answer();
    const rounded = { value: 2e9, numerical: 2.003e9, relative_difference: null };
    Object.assign(coarse.gradients.W1 ?? {}, rounded);
    assert.equal(
      figuresOf({ question: QUESTION, answer: coarse }).get("difference W1")?.text,
      "rounding is too coarse here",
    );
    assert.equal(told(1, true), "1, at a kink of relu");
    assert.equal(told(3.94e-11, true), "3.9e-11");
    assert.equal(told(0.031), "0.031, h = 1e-5 is too coarse or too fine here");
    const gradient = { .../** @type {any} */ (answer().gradients.W1), value: 0, numerical: 0 };
    assert.equal(chainDifference(gradient).numpy, "abs(0 - 0)");
  });

  it("has the formula of f, of each factor and of each derivative", () => {
    const formulas = formulasOf(answer());
    assert.equal(formulas.get("f"), "W1·W2·W3²");
    assert.equal(formulas.get("∂c/∂W3"), "2·W3");
    assert.equal(formulas.get("∂f/∂W3"), "W1 · W2 · 2·W3");
  });

  it("writes a weight as a field takes it", () => {
    assert.equal(weightText(-0.6767249), "-0.67672");
    assert.equal(weightText(0.1), "0.1");
  });
});

describe("one step", () => {
  it("is told by where f went", () => {
    assert.equal(outcomeWords(null), "");
    assert.equal(outcomeWords({ before: 2.613, after: 0.98769 }), "f fell from 2.613 to 0.9877.");
    const little = { before: -0.5485992, after: -0.5486547 };
    assert.match(outcomeWords(little), /^f fell from −0\.54859\d* to −0\.54865\d*\.$/);
    assert.match(outcomeWords({ before: 1, after: 2 }), /^f rose from 1 to 2: .*smaller/);
    assert.match(outcomeWords({ before: 1, after: 1 }), /gradient is 0/);
  });

  it("is forecast, or warned of", () => {
    const words = (/** @type {ChainAnswer} */ given) =>
      forecastParts({ question: QUESTION, answer: given })
        .map((part) => (typeof part === "string" ? part : part.text))
        .join("");
    assert.equal(words(answer()), "W − 0.1 · gradient leads to f = −7.66.");
    const beyond = { ...answer(), after: { weights: null, value: null, numpy: null } };
    assert.match(words(beyond), /take a smaller step/);
  });
});

describe("ChainModel", () => {
  beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
  afterEach(() => mock.timers.reset());

  /** Until what is asked has been answered, and the next may be asked. */
  const turn = async () => {
    await settled();
    mock.timers.tick(1000);
    await settled();
  };

  function modelAndQuestions() {
    /** @type {ChainQuestion[]} */
    const asked = [];
    const model = new ChainModel(QUESTION, async (question) => {
      asked.push(question);
      if (question.a === "unknown") throw Object.assign(new Error("no such operation"), {});
      return answer();
    });
    return { model, asked };
  }

  it("asks nothing out of sight", async () => {
    const { model, asked } = modelAndQuestions();
    model.setWeight(0, 1);
    await turn();
    assert.deepEqual(asked, []);
    model.seen(true);
    await turn();
    assert.deepEqual(asked, [{ ...QUESTION, weights: [1, -3, 0.5] }]);
    model.seen(true);
    await turn();
    assert.equal(asked.length, 1);
  });

  it("asks about the last of many values", async () => {
    const { model, asked } = modelAndQuestions();
    model.seen(true);
    for (const value of [1, 1.1, 1.2]) model.setWeight(2, value);
    await turn();
    await turn();
    assert.deepEqual(
      asked.map(({ weights }) => weights[2]),
      [0.5, 1.2],
    );
  });

  it("walks as far as there are factors, and back", async () => {
    const { model } = modelAndQuestions();
    model.seen(true);
    await turn();
    for (let press = 0; press < 7; press++) model.next();
    assert.equal(model.reached.value, 5);
    model.startOver();
    assert.equal(model.reached.value, 0);
  });

  it("takes a step from the weights at hand, once their answer is there", async () => {
    const { model } = modelAndQuestions();
    model.seen(true);
    model.takeStep();
    assert.deepEqual(model.question.value.weights, [2, -3, 0.5]);
    await turn();
    assert.deepEqual(model.question.value.weights, [2.075, -3.05, 1.1]);
    assert.deepEqual(model.outcome.value, { before: -1.5, after: -7.66 });
    model.choose("c", "sine");
    assert.equal(model.outcome.value, null);
    assert.equal(model.question.value.c, "sine");
  });

  it("takes as many steps as were asked for, however late their answers are", async () => {
    const { model, asked } = modelAndQuestions();
    model.seen(true);
    await turn();
    for (let press = 0; press < 3; press++) model.takeStep();
    for (let answers = 0; answers < 5; answers++) await turn();
    assert.equal(asked.length, 1 + 3);
  });

  it("takes no step that was asked for from other weights", async () => {
    const { model } = modelAndQuestions();
    model.seen(true);
    for (let press = 0; press < 3; press++) model.takeStep();
    model.setWeight(0, 7);
    for (let answers = 0; answers < 5; answers++) await turn();
    assert.deepEqual(model.question.value.weights, [7, -3, 0.5]);
    assert.equal(model.outcome.value, null);
  });

  it("asks again, once the server is back, what it has not answered", async () => {
    let isAway = true;
    const model = new ChainModel(QUESTION, async () => {
      if (isAway) throw new Error("no answer");
      return answer();
    });
    model.seen(true);
    await turn();
    assert.equal(model.error.value?.message, "no answer");
    isAway = false;
    model.back();
    await turn();
    assert.equal(model.error.value, null);
    assert.equal(model.answered.value?.question, QUESTION);
  });

  it("keeps the last answer beside an error, until the next one", async () => {
    const { model } = modelAndQuestions();
    model.seen(true);
    await turn();
    model.choose("a", "unknown");
    await turn();
    assert.equal(model.error.value?.message, "no such operation");
    assert.equal(model.answered.value?.question.a, "product");
    model.choose("a", "sum");
    await turn();
    assert.equal(model.error.value, null);
    assert.equal(model.answered.value?.question.a, "sum");
  });
});
