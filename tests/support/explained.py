"""The explanations of displayed numbers: opened on the page, and run as they are shown."""

import io
import re
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Locator

from tests.support.page import DescentPage

NUMBER = re.compile(r"[±−-]?(\d[\d,]*)(?:\.(\d+))?(?:e(-?\d+))?")


@dataclass(frozen=True)
class Explained:
    """A displayed number and what its popover says."""

    text: str
    formula: str
    address: str
    numpy: str
    helpers: str


# A number and its popover at one moment; null where it is not a number any more, or not in sight:
# the detail of the phase before stays for a moment, until it has faded.
READ = """(element) => {
  const text = element.value ?? element.textContent;
  if (!/\\d/.test(text) || !element.checkVisibility({ visibilityProperty: true })) return null;
  const popover = document.getElementById("number-popover");
  const part = (name) => popover.querySelector(`[data-part="${name}"]`).textContent;
  const open = popover && element.getAttribute("aria-describedby")?.split(" ").includes(popover.id);
  if (!open || !popover.matches(":popover-open")) return { text };
  const [formula, address, numpy, helpers] = ["formula", "address", "numpy", "helpers"].map(part);
  return { text, formula, address, numpy, helpers };
}"""


def read_explanation(page: DescentPage, number: Locator) -> Explained | None:
    """Focus a number, as the tab key does, and read its popover; None if it has gone meanwhile."""
    page.page.keyboard.press("Shift")  # a reader with a keyboard: focus is shown
    try:
        found = number.evaluate(f"(element) => {{ element.focus(); return ({READ})(element); }}")
    except PlaywrightError:
        if number.count() == 0:
            return None
        raise
    if found is None:
        return None
    assert "numpy" in found, f"{found['text']!r} has no explanation: {number}"
    return Explained(**found)


class Notebook:
    """Runs a reproducing line as a reader would: with what its popover says, and nothing else."""

    def __init__(self, drawing: bytes = b"") -> None:
        # The one file that a line reads is the drawing that was sent.
        self._given = {"open": lambda *_: io.BytesIO(drawing)}

    def value_of(self, explained: Explained) -> float:
        """What the line gives."""
        names: dict[str, Any] = dict(self._given)
        exec(explained.helpers, names)
        return float(eval(explained.numpy, names))


def displayed(text: str) -> tuple[float, float]:
    """The number that a text displays, and half a unit of its last digit."""
    found = NUMBER.search(text)
    assert found is not None, f"expected a number, got {text!r}"
    whole, decimals, exponent = found.groups()
    size = float(f"{whole.replace(',', '')}.{decimals or 0}e{exponent or 0}")
    half = 0.5 * 10.0 ** (int(exponent or 0) - len(decimals or ""))
    sign = -1 if found[0][0] in "−-" else 1
    scale = 0.01 if "%" in text else 1
    return sign * size * scale, half * scale


def disagreement(explained: Explained, value: float) -> str | None:
    """What is wrong if `value` is not what is displayed once rounded alike; else None."""
    shown, half = displayed(explained.text)
    # A sum in another order may end on the other side of a half.
    if abs(value - shown) <= half * (1 + 1e-3) + 1e-6 * abs(shown):
        return None
    return f"{explained.text!r} is displayed, and {explained.numpy} gives {value:g}"
