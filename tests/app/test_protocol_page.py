"""What docs/protocol.md promises to scripts is what the program does: its errors and its limits."""

import re
from pathlib import Path

import pytest

from app import cli, commands, config
from app.digits import png
from app.settings import Settings
from app.viewers import viewer
from app.web import guard, socket

ROOT = Path(__file__).parents[2]
MIB = 1024 * 1024

LIMITS = {
    f"{guard.MAX_BODY // MIB} MiB; a file for `POST /api/runs` {guard.MAX_FILE // MIB} MiB",
    f"a PNG of at most {png.MAX_BYTES // MIB} MiB, {png.MIN_SIDE} to {png.MAX_SIDE} pixels a side",
    f"{config.MAX_LAYERS} layers of 1 to {config.MAX_UNITS} units",
    f"{config.MAX_PARAMETERS:,} weights and biases in all",
    f"`batch_size` 1 to {config.MAX_BATCH_SIZE}",
    f"{config.MAX_BATCHES:,} batches; {config.MAX_ACTIONS:,} changes",
    f"`count` 1 to {commands.MAX_COUNT:,}",
    f"`speed` {commands.MIN_SPEED} to {commands.MAX_SPEED:,.0f}",
    f"| the viewers of a run | {Settings.model_fields['max_viewers'].default} (",
    f"| a message up the socket | {cli.MAX_MESSAGE // 1024} KiB |",
    f"{viewer.MAX_VIEWS} views",
    f"above 0 and at most {viewer.MAX_RATE:g}",
    f"| a socket's commands without an answer | {socket.MAX_OPEN_COMMANDS} |",
    f"| messages down the socket that are not read | {viewer.MAX_QUEUED} |",
}


def section(title: str) -> str:
    page = (ROOT / "docs/protocol.md").read_text(encoding="utf-8")
    return page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_error_there_is_can_be_looked_up() -> None:
    raised = re.compile(r'(?:Error|__init__|code =)\(?\s*"([a-z_]+)"')
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "app").rglob("*.py")]
    codes = {code for source in sources for code in raised.findall(source)}
    assert {"unknown_run", "blank_image", "malformed_json", "too_large"} <= codes
    assert {code for code in codes if f"`{code}`" not in section("Errors")} == set()


@pytest.mark.parametrize("limit", sorted(LIMITS))
def test_the_limits_are_those_of_the_program(limit: str) -> None:
    assert limit in section("Limits")
