"""Bars as an SVG that is readable in light and dark."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

FILE = Path(__file__).with_name("results.svg")

WIDTH, LABELS, NOTES = 760, 230, 120
ROW, BAR, TOP, BOTTOM = 30, 16, 46, 34

# The page's own colours: ours is the one that is meant, what cannot be beaten is hollow.
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1b1f27; }
  .title { font-weight: 600; font-size: 14px; }
  .quiet { fill: #667080; }
  .other { fill: #98a0ad; }
  .ours { fill: #7a2fb5; }
  .products { fill: none; stroke: #667080; }
  .spread { stroke: #1b1f27; }
  .grid { stroke: #e4e1d8; }
  .paper { fill: #ffffff; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e9e7e1; }
    .quiet { fill: #98a0ad; }
    .other { fill: #667080; }
    .ours { fill: #c792f2; }
    .products { stroke: #98a0ad; }
    .spread { stroke: #e9e7e1; }
    .grid { stroke: #2c3039; }
    .paper { fill: #14161b; }
  }
"""


@dataclass(frozen=True)
class Bar:
    """One bar, from 0 to `value`, with a line from `low` to `high` across its end."""

    label: str
    value: float
    low: float
    high: float
    note: str
    kind: str  # a class of STYLE


def draw(bars: Sequence[Bar], *, title: str, unit: str) -> str:
    """All bars on one scale that begins at 0."""
    most = max(bar.high for bar in bars)
    step = next(step for step in (0.25, 0.5, 1, 2, 5, 10, 100, 1000) if most / step <= 8)
    plot = WIDTH - LABELS - NOTES
    height = TOP + ROW * len(bars) + BOTTOM
    floor = height - BOTTOM

    def x(value: float) -> float:
        return round(LABELS + plot * value / most, 1)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
        f'<text class="title" x="16" y="26">{escape(title)}</text>',
    ]
    for tick in range(int(most / step) + 1):
        at, number = x(tick * step), f"{tick * step:g}"
        lines += [
            f'<path class="grid" d="M{at} {TOP - 6}V{floor}"/>',
            f'<text class="quiet" x="{at}" y="{floor + 20}" text-anchor="middle">{number}</text>',
        ]
    lines.append(f'<text class="quiet" x="{WIDTH - NOTES + 12}" y="{floor + 20}">{unit}</text>')
    for row, bar in enumerate(bars):
        top = TOP + row * ROW
        middle = top + BAR / 2
        width, line = round(x(bar.value) - LABELS, 1), f'y="{middle + 4.5}"'
        figures = f'{bar.value:.2f} <tspan class="quiet">{escape(bar.note)}</tspan>'
        lines += [
            f'<text x="{LABELS - 12}" {line} text-anchor="end">{escape(bar.label)}</text>',
            f'<rect class="{bar.kind}" x="{LABELS}" y="{top}" width="{width}" height="{BAR}"/>',
            f'<path class="spread" d="M{x(bar.low)} {middle}H{x(bar.high)}"/>',
            f'<text x="{WIDTH - NOTES + 12}" {line}>{figures}</text>',
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"
