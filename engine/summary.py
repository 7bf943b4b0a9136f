"""The table that `Sequential.summary` prints."""

from collections.abc import Sequence

from engine.layers import Dense

HEADINGS = ("layer", "output", "activation", "parameters")


def summary_table(layers: Sequence[Dense], counts: Sequence[int] | None) -> str:
    """Layers, their output shapes and parameter counts, as lines of text."""
    rows = [HEADINGS]
    for index, layer in enumerate(layers):
        count = "?" if counts is None else f"{counts[index]:,}"
        rows.append((f"layer{index + 1} (Dense)", f"(n, {layer.units})", layer.activation, count))
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    lines.insert(1, "─" * len(lines[0]))
    if counts is None:
        total = "not built: the number of inputs is not known yet"
    else:
        total = f"{sum(counts):,} parameters"
    return "\n".join(line.rstrip() for line in [*lines, lines[1], total])
