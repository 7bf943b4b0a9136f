"""JSON of what a run reports. Numbers that are not finite become null, which every reader knows.

Pydantic's serializer is a few times as fast as `json`, and each frame has several such pieces. Use
it for our own words only: it refuses half of a surrogate pair, which a visitor may have sent.
"""

from typing import Any

from pydantic_core import to_json


def json_bytes(value: Any) -> bytes:
    """Plain values as JSON."""
    return to_json(value, inf_nan_mode="null")


def json_text(value: Any) -> str:
    """The same as text, as metadata have it."""
    return json_bytes(value).decode()
