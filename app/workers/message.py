"""What crosses between the web process and a worker: a JSON header and opaque bytes.

On the wire: two big-endian 32-bit lengths (header, bytes), the header, the bytes. The header's
"blobs" member has the lengths of the blobs in these bytes.
"""

import json
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

# The id of messages that a worker sends unasked.
UNASKED = 0
PREFIX = struct.Struct(">II")

Piece = bytes | memoryview
# A request to a worker is a message's header, {"id", "op", …}.
Request = dict[str, Any]


class Later(Protocol):
    """Bytes that are made only when they are sent; their number is known before."""

    def __len__(self) -> int:
        """The number of bytes."""

    def pieces(self) -> Iterable[Piece]:
        """The bytes in pieces; asking for the next piece invalidates the last."""


Blob = bytes | Later


@dataclass(slots=True)
class Message:
    """A message to be sent: a header of plain JSON values, and any number of blobs."""

    header: dict[str, Any]
    blobs: Sequence[Blob] = ()

    @property
    def is_made(self) -> bool:
        """Whether all of its bytes exist already."""
        return all(isinstance(blob, bytes) for blob in self.blobs)

    def pieces(self) -> Iterator[Piece]:
        """The bytes on the wire in pieces; asking for the next piece invalidates the last."""
        lengths = [len(blob) for blob in self.blobs]
        header = json.dumps(self.header | {"blobs": lengths}, allow_nan=False).encode()
        made = ([blob] if isinstance(blob, bytes) else blob.pieces() for blob in self.blobs)
        return chain([PREFIX.pack(len(header), sum(lengths)) + header], chain.from_iterable(made))

    def encode(self) -> bytes:
        """All bytes on the wire at once."""
        return b"".join(map(bytes, self.pieces()))


@dataclass(slots=True)
class Received:
    """A message that has arrived; its blobs lie in one piece of memory."""

    header: dict[str, Any]
    blobs: list[memoryview]

    @classmethod
    def decode(cls, header: Piece, payload: Piece) -> "Received":
        """The header and payload read off the wire; the payload is not copied."""
        fields = json.loads(bytes(header))
        payload = memoryview(payload)
        blobs, start = [], 0
        for length in fields.pop("blobs"):
            blobs.append(payload[start : start + length])
            start += length
        return cls(fields, blobs)


class MessageReader:
    """Reads messages into the memory in which they stay, so that large pictures are not copied.

    The caller puts the bytes that arrive into `room` and calls `filled` with their number;
    `received` is called with each message that is then complete.
    """

    def __init__(self, received: Callable[[Received], None]) -> None:
        self._received = received
        self._header: int | None = None  # the header's length, once the prefix is read
        self._begin(PREFIX.size)

    def _begin(self, size: int) -> None:
        self._part = memoryview(bytearray(size))
        self.room = self._part

    def filled(self, size: int) -> None:
        """Take so many bytes that have arrived in `room`."""
        self.room = self.room[size:]
        if self.room:
            return
        if self._header is None:
            self._header, payload = PREFIX.unpack(self._part)
            self._begin(self._header + payload)
        else:
            message = Received.decode(self._part[: self._header], self._part[self._header :])
            self._header = None
            self._begin(PREFIX.size)
            self._received(message)
