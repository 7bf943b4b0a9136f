"""Messages between processes: what goes in comes out, and nothing else fits."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.workers.message import PREFIX, Message, Received

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.dictionaries(st.text().filter(lambda key: key != "blobs"), json_values, max_size=4),
    st.lists(st.binary(max_size=50), max_size=4),
)
def test_a_message_survives_the_wire(header: dict[str, Any], blobs: list[bytes]) -> None:
    data = Message(header, blobs).encode()
    header_length, payload_length = PREFIX.unpack_from(data)
    start = PREFIX.size + header_length
    assert len(data) == start + payload_length
    again = Received.decode(data[PREFIX.size : start], data[start:])
    assert (again.header, list(map(bytes, again.blobs))) == (header, blobs)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_cannot_hold_does_not_travel(value: float) -> None:
    with pytest.raises(ValueError, match="Out of range float values"):
        Message({"loss": value}).encode()
