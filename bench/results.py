"""bench/results.md: a section for each measurement, renewed one at a time."""

from pathlib import Path

FILE = Path(__file__).with_suffix(".md")
TITLE = "# Measurements"
INTRODUCTION = """
Written by `make bench`, on whatever machine it runs; `make bench ARGS="engine page"` renews only
those sections. What is compared takes turns within one run, so that a machine that is slower for a
while is slower for all: the ratios are what counts. Have you run it on another machine? Send us
the file.
"""


def renew(heading: str, text: str) -> None:
    """Put a section's Markdown in the place of the one under that heading, or at the end."""
    sections = _sections()
    sections[heading] = text.strip()
    parts = [TITLE, INTRODUCTION.strip()]
    parts += [f"## {heading}\n\n{text}" for heading, text in sections.items()]
    FILE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def last_line(text: str) -> str:
    """What a program said last, as a cell of a table."""
    return (text.strip().splitlines() or ["no answer"])[-1][:120].replace("|", "/")


def _sections() -> dict[str, str]:
    if not FILE.exists():
        return {}
    _, *parts = FILE.read_text(encoding="utf-8").split("\n## ")
    headings_and_texts = (part.partition("\n") for part in parts)
    return {heading.strip(): text.strip() for heading, _, text in headings_and_texts}
