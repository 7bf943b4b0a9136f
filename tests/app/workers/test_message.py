"""Messages between processes: what goes in comes out, and nothing else fits."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.workers.message import PREFIX, Message, MessageReader, Received

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


@given(
    st.lists(st.lists(st.binary(max_size=300), max_size=3), min_size=1, max_size=4),
    st.lists(st.integers(1, 200), min_size=1),
)
def test_messages_arrive_whole_in_whatever_pieces(
    blobs: list[list[bytes]], sizes: list[int]
) -> None:
    received: list[Received] = []
    reader = MessageReader(received.append)
    data = b"".join(Message({"id": i}, own).encode() for i, own in enumerate(blobs))
    pieces = 0
    while data:
        n = min(len(reader.room), len(data), sizes[pieces % len(sizes)])
        reader.room[:n], data = data[:n], data[n:]
        reader.filled(n)
        pieces += 1
    assert [message.header for message in received] == [{"id": i} for i in range(len(blobs))]
    assert [list(map(bytes, message.blobs)) for message in received] == blobs


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_cannot_hold_does_not_travel(value: float) -> None:
    with pytest.raises(ValueError, match="Out of range float values"):
        Message({"loss": value}).encode()
