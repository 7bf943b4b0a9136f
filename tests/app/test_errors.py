"""What arrived, as a message shows it."""

import math
from typing import Any

import pytest

from app.errors import shorten


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, "true"),
        (None, "null"),
        (1.5, "1.5"),
        (math.nan, "NaN"),
        ("it's", '"it\'s"'),
        ("a" * 78, f"'{'a' * 78}'"),
        ("a" * 79, f"'{'a' * 78}…"),
        ({"a": [True, None, "ü"]}, '{"a": [true, null, "ü"]}'),
        (list(range(100)), f"{str(list(range(100)))[:79]}…"),
        (["\ud800"], '["\\ud800"]'),
        (b"\xff", "\"b'\\\\xff'\""),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_arrived_is_shown_as_json_writes_it_and_short(value: Any, shown: str) -> None:
    assert shorten(value) == shown


def test_what_is_nested_without_end_is_shown_as_far_as_it_is_told() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert shorten(deep) == "[" * 79 + "…"
