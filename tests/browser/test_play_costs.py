"""What the page leaves undone while a run plays: questions that cost a layout, unseen paints."""

import json
from typing import Any

from playwright.sync_api import WebSocket

from tests.support.page import DescentPage

# Each of these has the browser lay out the page before it answers. What is painted for the first
# time has to know its size: the first question to an element is not counted.
ASKED = """() => {
  window.asked = {};
  const first = new WeakMap();
  const spy = (prototype, name) => {
    const property = Object.getOwnPropertyDescriptor(prototype, name);
    const kind = property.get ? "get" : "value";
    const answer = property[kind];
    const told = function (...given) {
      const known = first.get(this) ?? new Set();
      if (known.has(name)) window.asked[name] = (window.asked[name] ?? 0) + 1;
      first.set(this, known.add(name));
      return answer.apply(this, given);
    };
    Object.defineProperty(prototype, name, { ...property, [kind]: told });
  };
  for (const side of ["Width", "Height", "Left", "Top"]) {
    spy(HTMLElement.prototype, `offset${side}`);
    spy(Element.prototype, `client${side}`);
    spy(Element.prototype, `scroll${side}`);
  }
  spy(Element.prototype, "getBoundingClientRect");
  spy(Element.prototype, "getClientRects");
}"""

# What is painted into an element shows as a change of it, or on one of its canvases.
PAINTED = """(name) => {
  const element = document.querySelector(name);
  window.painted = [];
  const count = (records) => {
    for (const { target, type } of records) painted.push(`${type} of ${target.nodeName}`);
  };
  const all = { subtree: true, childList: true, characterData: true, attributes: true };
  new MutationObserver(count).observe(element, all);
  const clear = CanvasRenderingContext2D.prototype.clearRect;
  CanvasRenderingContext2D.prototype.clearRect = function (...given) {
    if (element.contains(this.canvas)) painted.push("canvas");
    return clear.apply(this, given);
  };
}"""

# What is chosen in a list has the browser look through all controls of the page.
CHOSEN = """() => {
  window.chosen = [];
  const value = Object.getOwnPropertyDescriptor(HTMLSelectElement.prototype, "value");
  const set = function (given) {
    window.chosen.push(`${given} in ${this.ariaLabel ?? this.dataset.part}`);
    value.set.call(this, given);
  };
  Object.defineProperty(HTMLSelectElement.prototype, "value", { ...value, set });
}"""

# The words of the loop, each time that one of its stations is painted.
WORDS_OF_PAINTS = """(phase) => {
  window.words = [];
  const canvas = document.querySelector(`[data-phase="${phase}"] canvas`);
  const heading = document.querySelector('loop-region [data-part="sub"]');
  const clear = CanvasRenderingContext2D.prototype.clearRect;
  CanvasRenderingContext2D.prototype.clearRect = function (...given) {
    if (this.canvas === canvas) window.words.push(heading.textContent);
    return clear.apply(this, given);
  };
}"""


def plays_on(page: DescentPage, batches: int) -> None:
    """Wait until the page has news of some more batches."""
    there = len(page.series()["loss"]) + batches
    page.until(lambda: len(page.series()["loss"]) >= there, f"{batches} batches")


def test_in_play_nothing_is_asked_that_costs_a_layout(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.play_fast()
    plays_on(page, 20)
    page.page.evaluate(ASKED)
    plays_on(page, 50)
    assert page.page.evaluate("asked") == {}


def test_in_play_nothing_is_chosen_that_is_chosen_already(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.play_fast()
    plays_on(page, 20)
    page.page.evaluate(CHOSEN)
    plays_on(page, 50)
    assert page.page.evaluate("chosen") == []


def test_in_play_a_picture_is_painted_once_for_its_words(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.play_fast()
    plays_on(page, 20)
    page.page.evaluate(WORDS_OF_PAINTS, "draw")
    page.until(lambda: len(page.page.evaluate("words")) >= 10, "ten paints")
    words = page.page.evaluate("words")
    assert len(set(words)) == len(words)


def test_what_is_out_of_sight_is_painted_when_it_comes_back(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.play_fast()
    plays_on(page, 20)
    page.page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    page.page.locator("chain-region").scroll_into_view_if_needed()
    page.page.evaluate(PAINTED, "loop-region")

    def is_left_alone() -> bool:
        page.page.evaluate("painted.length = 0")
        plays_on(page, 20)
        return bool(page.page.evaluate("painted.length === 0"))

    page.until(is_left_alone, "the browser to tell that the loop is out of sight")
    plays_on(page, 50)
    assert page.page.evaluate("painted") == []
    page.page.evaluate("scrollTo(0, 0)")
    page.until(lambda: page.page.evaluate("painted") != [], "the loop to be painted again")


def test_no_pictures_come_of_what_has_left_the_page(page_of_run: DescentPage) -> None:
    page = page_of_run
    sent: list[dict[str, Any]] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", lambda payload: sent.append(json.loads(payload)))

    def looked_at() -> list[str]:
        looks = [message for message in sent if message["type"] == "look"]
        return looks[-1]["views"] if looks else []

    page.page.on("websocket", listen)
    page.page.reload()
    page.wait_open()
    page.until(lambda: "layer1.weights" in looked_at(), "a look at the weights")
    page.page.evaluate("document.querySelector('weights-region').remove()")
    page.until(lambda: "layer1.weights" not in looked_at(), "the end of it")
    assert looked_at(), "the rest is still looked at"


# Of the units' images in sight, and of the others, how many have anything in their middle.
UNITS_PAINTED = """() => {
  const canvas = document.querySelector('weights-region [data-part="grid"]');
  const copy = new OffscreenCanvas(canvas.width, canvas.height);
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  const [cell, side] = [29, 28];
  const { top, height } = canvas.getBoundingClientRect();
  const ratio = canvas.height / height;
  const columns = Math.floor((canvas.width + 1) / cell);
  const told = { seen: 0, seenPainted: 0, unseen: 0, unseenPainted: 0 };
  for (let unit = 0; unit < 512; unit++) {
    const [x, y] = [(unit % columns) * cell, Math.floor(unit / columns) * cell];
    const isSeen = top + y / ratio < innerHeight && top + (y + side) / ratio > 0;
    const isPainted = context.getImageData(x + 14, y + 14, 1, 1).data[3] > 0;
    told[isSeen ? "seen" : "unseen"] += 1;
    told[isSeen ? "seenPainted" : "unseenPainted"] += isPainted;
  }
  return told;
}"""


def test_at_full_speed_the_units_in_sight_come_and_at_rest_all(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.page.set_viewport_size({"width": 1440, "height": 900})
    grid = page.page.locator('weights-region [data-part="grid"]')

    def show(block: str) -> None:
        grid.evaluate("(grid, block) => grid.scrollIntoView({ block })", block)
        page.page.evaluate("dy => scrollBy(0, dy)", -700 if block == "start" else 700)

    def units() -> dict[str, int]:
        told: dict[str, int] = page.page.evaluate(UNITS_PAINTED)
        return told

    def are_those_in_sight() -> bool:
        told = units()
        return 0 < told["seen"] == told["seenPainted"] and told["unseenPainted"] < told["unseen"]

    page.play_fast()
    for block in ("start", "end"):
        show(block)
        page.until(are_those_in_sight, f"the units at the {block}, and not all others")
    page.pause()
    page.until(lambda: units()["unseen"] == units()["unseenPainted"] > 0, "all units")


def test_at_full_speed_a_unit_that_is_read_out_stays_known(page_of_run: DescentPage) -> None:
    page = page_of_run
    page.page.set_viewport_size({"width": 1440, "height": 900})
    readout = page.page.locator('weights-region [data-part="readout"]')
    grid = page.page.locator('weights-region [data-part="grid"]')
    page.play_fast()
    grid.hover(position={"x": 10, "y": 10})
    page.until(lambda: "unit 0: weights" in readout.inner_text(), "unit 0 to be read out")
    grid.evaluate("grid => grid.scrollIntoView({ block: 'end' })")
    page.page.evaluate("scrollBy(0, 700)")
    page.page.mouse.move(5, 5)
    plays_on(page, 200)
    told = page.page.evaluate(UNITS_PAINTED)
    assert told["unseen"] == told["unseenPainted"] > 0
    assert "unit 0: weights" in readout.inner_text()
