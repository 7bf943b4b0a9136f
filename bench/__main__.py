"""Measures everything that bench/results.md holds: `make bench`. It takes about 40 minutes.

Sections are written as they are finished; `make bench ARGS="engine page"` renews only those.
"""

import argparse
from collections.abc import Callable

from bench import (
    classify,
    command_latency,
    history,
    keras_trajectories,
    many_runs,
    memory,
    page,
    page_repaints,
    results,
    streaming,
    training,
)
from bench.machine import machine

SECTIONS: dict[str, tuple[str, Callable[[], str]]] = {
    "engine": ("The engine beside others", training.section),
    "keras": ("Keras's numbers beside ours", keras_trajectories.section),
    "streaming": ("Being watched", streaming.section),
    "many-runs": ("Many runs at once", many_runs.section),
    "commands": ("How soon a command is answered", command_latency.section),
    "history": ("Going back and coming back", history.section),
    "classify": ("Reading a drawn digit", classify.section),
    "page": ("The page as it loads and plays", page.section),
    "repaints": ("Repaints of the page", page_repaints.section),
    "memory": ("Memory over ten minutes", memory.section),
}


def main() -> None:
    """Measure the sections that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "sections", nargs="*", metavar="section", help=f"among {', '.join(SECTIONS)}; else all"
    )
    asked = parser.parse_args().sections or list(SECTIONS)
    unknown = sorted(set(asked) - set(SECTIONS))
    if unknown:
        parser.error(f"expected sections among {', '.join(SECTIONS)}, got {', '.join(unknown)}")
    for name in asked:
        heading, measure = SECTIONS[name]
        print(f"{heading} …", flush=True)
        text = f"{measure()}\n\n{machine()}"
        print(f"\n{text}\n", flush=True)
        results.renew(heading, text)


if __name__ == "__main__":
    main()
